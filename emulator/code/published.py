"""AWS's own public layers, installed from the packages that they consist of."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from emulator.code import npm, pip
from emulator.code.requirements import options
from emulator.code.wanted import Wanted
from emulator.model import aws_layers
from emulator.model.function import FunctionVersion

_APART = ".wish-"
#: Folders of layers that hold packages, and are none.
_HOLD_PACKAGES = ("python", "nodejs", "node_modules", "bin", ".bin")


def wanted(version: FunctionVersion, interpreter: Path | None) -> list[Wanted]:
    """Return what a version's layers want installed."""
    found = []
    for layer in version.layers:
        known = aws_layers.published(layer.arn)
        if known is not None and version.runtime.startswith(known.language):
            found.append(_of(known, version, interpreter))
    return found


def together(wishes: Sequence[Wanted]) -> Wanted | None:
    """Return one wish for several: of what two want, the first one's is taken."""
    if len(wishes) < 2:
        return wishes[0] if wishes else None

    async def install(into: Path) -> str | None:
        for number, each in enumerate(wishes):
            # Apart, because installers remove what their own file does not name.
            own = into / f"{_APART}{number}"
            own.mkdir()
            failure = await each.install(own)
            if failure is not None:
                return f"{each.file}: {failure}"
            await asyncio.to_thread(_merge, own, into)
        return None

    return Wanted(
        file=", ".join(each.file for each in wishes),
        program=wishes[0].program,
        key=[part for each in wishes for part in (*each.key, b"")],
        install=install,
    )


def _merge(source: Path, target: Path) -> None:
    """Move packages from one folder to another, but for those that are there."""
    for entry in source.iterdir():
        there = target / entry.name
        if not there.exists():
            entry.rename(there)
        elif entry.is_dir() and (entry.name in _HOLD_PACKAGES or entry.name.startswith("@")):
            _merge(entry, there)
    shutil.rmtree(source)


def _of(layer: aws_layers.Published, version: FunctionVersion, interpreter: Path | None) -> Wanted:
    async def by_pip(into: Path) -> str | None:
        command = [*options(version, interpreter), "--target", str(into / "python")]
        return await pip.run(interpreter, [*command, *layer.packages], into)

    async def by_npm(into: Path) -> str | None:
        place = into / "nodejs"
        place.mkdir()
        # Without it npm would look for one in the folders above.
        (place / npm.NAME).write_text("{}")
        arguments = ["install", "--no-package-lock", *npm.options(version, interpreter)]
        return await npm.run([*arguments, *layer.packages], place)

    is_python = layer.language == "python"
    return Wanted(
        file=f"the layer {layer.name}",
        program="pip" if is_python else "npm",
        key=[each.encode() for each in layer.packages],
        install=by_pip if is_python else by_npm,
    )
