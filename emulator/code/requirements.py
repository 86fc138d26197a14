"""The packages that a function's ``requirements.txt`` names, installed once with pip.

They lie in the user's cache, keyed by the requirements and the Python version. Functions find them
at ``/opt/python`` as the lowest layer, so packages in the function's own folder come first.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from emulator.code import pip
from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion

NAME = "requirements.txt"
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: Options of a requirements file whose argument is a file of the same kind.
_FURTHER = ("-r", "--requirement", "-c", "--constraint")
#: Part of the cache's key; change it when this module installs packages in another way.
_FORMAT = b"1"


class Requirements:
    """Installs packages, each set of them once.

    Args:
        interpreter: Returns this machine's Python that runs a runtime's functions, so that pip may
            build packages for it. If it returns None, functions run elsewhere, and pip takes
            only wheels for Amazon Linux.
        console: Told what is installed, and what could not be installed ahead of use.
        cache: The folder to keep them in; None for the user's own cache.
    """

    def __init__(
        self,
        interpreter: Callable[[str], Path | None],
        *,
        console: Console,
        cache: Path | None = None,
    ) -> None:
        self._interpreter = interpreter
        self._console = console
        # A real, absolute path: sandboxes mount it, and links or relative paths would break there.
        self._cache = Path(os.path.realpath(cache or pip.cache_folder()))
        self._installing: dict[Path, asyncio.Task[None]] = {}

    async def layer(self, version: FunctionVersion) -> Path | None:
        """Install a version's packages and return their layer; None if it requires none.

        Packages are installed only for functions in the user's own folder: an archive brings its
        own, as on AWS.

        Raises:
            DriverFault: pip could not install them; the next call tries again.
        """
        folder = version.code.folder
        if not version.code.live or folder is None or not version.runtime.startswith("python"):
            return None
        text = _asked_for(folder / NAME)
        if not text:
            return None
        python = self._interpreter(version.runtime)
        where = f"{python or version.runtime}\0{version.architecture}\0{sys.platform}".encode()
        key = hashlib.sha256(b"\0".join((_FORMAT, where, *text))).hexdigest()[:32]
        target = self._cache / key
        if target.is_dir():
            return target
        installing = self._installing.get(target)
        if installing is None:
            installing = asyncio.create_task(self._install(version, folder, python, target))
            self._installing[target] = installing
            installing.add_done_callback(lambda _: self._installing.pop(target, None))
        # Several calls may wait for one installation: a cancelled call must not cancel it.
        try:
            await asyncio.shield(installing)
        except asyncio.CancelledError:
            if installing.cancelled():
                raise DriverFault("no packages: the emulator is ending") from None
            raise
        return target

    async def prepare(self, versions: Iterable[FunctionVersion]) -> None:
        """Install the packages of ``versions`` ahead of use; warn if that fails."""
        for version in versions:
            try:
                await self.layer(version)
            except DriverFault as error:
                self._console.warn(str(error))

    async def close(self) -> None:
        """Cancel all installations."""
        tasks = list(self._installing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _install(
        self, version: FunctionVersion, folder: Path, python: Path | None, target: Path
    ) -> None:
        async with pip.scratch(self._cache) as scratch:
            self._console.info(f"installing the packages of {version.name} ({NAME})")
            command = [*_for(version, python), "--target", str(scratch / "python")]
            failure = await pip.run(python, [*command, "--requirement", NAME], folder)
            if failure is not None:
                raise DriverFault(f"pip could not install {version.name}/{NAME}: {failure}")
            await pip.keep(scratch, target)


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


def _for(version: FunctionVersion, python: Path | None) -> list[str]:
    options = list(pip.INSTALL)
    if python is not None:
        return options
    machine = _MACHINES.get(version.architecture, version.architecture)
    platforms = (f"manylinux_2_34_{machine}", f"manylinux_2_17_{machine}")
    return [
        *options,
        *("--only-binary=:all:", "--no-compile", "--implementation=cp"),
        f"--python-version={version.runtime.removeprefix('python')}",
        *(f"--platform={each}" for each in (*platforms, f"manylinux2014_{machine}")),
    ]
