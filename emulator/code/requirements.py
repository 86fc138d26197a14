"""The packages that ``requirements.txt`` names, by pip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.code import pip
from emulator.code.wanted import Wanted
from emulator.model.function import FunctionVersion

NAME = "requirements.txt"
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: Options of a requirements file whose argument is a file of the same kind.
_FURTHER = ("-r", "--requirement", "-c", "--constraint")


def wanted(version: FunctionVersion, folder: Path, python: Path | None) -> Wanted | None:
    """Return what a folder's ``requirements.txt`` wants; None without one, or without packages."""
    text = _asked_for(folder / NAME)
    if not text:
        return None

    async def install(into: Path) -> str | None:
        command = [*options(version, python), "--target", str(into / "python")]
        return await pip.run(python, [*command, "--requirement", NAME], folder)

    return Wanted(file=NAME, program="pip", key=text, install=install)


def _asked_for(path: Path) -> list[bytes]:
    """Return the lines of a requirements file and its included files; [] without packages."""
    lines = list(_lines(path, set()))
    return lines if any(not line.startswith(b"-") for line in lines) else []


def _lines(path: Path, seen: set[Path]) -> Iterator[bytes]:
    seen.add(path)
    try:
        text = path.read_bytes()
    except OSError:
        return
    for line in map(bytes.strip, text.splitlines()):
        if not line or line.startswith(b"#"):
            continue
        yield line
        option, _, name = line.decode("utf-8", "replace").replace("=", " ", 1).partition(" ")
        further = path.parent / name.strip()
        if option in _FURTHER and further not in seen:
            yield from _lines(further, seen)


def options(version: FunctionVersion, python: Path | None) -> list[str]:
    """Return pip's arguments for who runs a version: this machine's Python, or Amazon Linux."""
    given = list(pip.INSTALL)
    if python is not None:
        return given
    machine = _MACHINES.get(version.architecture, version.architecture)
    platforms = (f"manylinux_2_34_{machine}", f"manylinux_2_17_{machine}")
    return [
        *given,
        *("--only-binary=:all:", "--no-compile", "--implementation=cp"),
        f"--python-version={version.runtime.removeprefix('python')}",
        *(f"--platform={each}" for each in (*platforms, f"manylinux2014_{machine}")),
    ]
