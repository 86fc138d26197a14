"""AWS's own public layers, installed from the packages that they consist of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.code import npm, pip
from emulator.code.requirements import options
from emulator.code.wanted import Wanted
from emulator.model import aws_layers
from emulator.model.function import FunctionVersion


def wanted(version: FunctionVersion, interpreter: Path | None) -> list[Wanted]:
    """Return what a version's layers want installed."""
    found = []
    for layer in version.layers:
        known = aws_layers.published(layer.arn)
        if known is not None and version.runtime.startswith(known.language):
            found.append(_of(known, version, interpreter))
    return found


def together(wishes: Sequence[Wanted]) -> Wanted | None:
    """Return one wish for several: what is there from one before is left as it is."""
    if len(wishes) < 2:
        return wishes[0] if wishes else None

    async def install(into: Path) -> str | None:
        for each in wishes:
            failure = await each.install(into)
            if failure is not None:
                return f"{each.file}: {failure}"
        return None

    return Wanted(
        file=", ".join(each.file for each in wishes),
        program=wishes[0].program,
        key=[part for each in wishes for part in (*each.key, b"")],
        install=install,
    )


def _of(layer: aws_layers.Published, version: FunctionVersion, interpreter: Path | None) -> Wanted:
    async def by_pip(into: Path) -> str | None:
        command = [*options(version, interpreter), "--target", str(into / "python")]
        return await pip.run(interpreter, [*command, *layer.packages], into)

    async def by_npm(into: Path) -> str | None:
        place = into / "nodejs"
        place.mkdir(exist_ok=True)
        arguments = ["install", "--no-package-lock", *npm.options(version, interpreter)]
        return await npm.run([*arguments, *layer.packages], place)

    is_python = layer.language == "python"
    return Wanted(
        file=f"the layer {layer.name}",
        program="pip" if is_python else "npm",
        key=[each.encode() for each in layer.packages],
        install=by_pip if is_python else by_npm,
    )
