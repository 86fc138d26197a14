"""The packages that a function's own files name, installed once.

They lie in the user's cache, keyed by what the files say and by what runs them. Functions find them
as the lowest layer, so packages in the function's own folder come first.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from emulator.code import build_cache
from emulator.code.wanted import Wanted
from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion, LayerVersion

#: Part of the cache's key; change it when packages are installed in another way.
_FORMAT = b"1"
#: By the beginning of a runtime's identifier, the files that say which packages a folder wants, and
#: who reads each: the first that knows decides.
_KINDS = {
    "python": {
        "requirements.txt": "emulator.code.requirements",
        "pyproject.toml": "emulator.code.pyproject",
    },
    "nodejs": {"package.json": "emulator.code.npm"},
}


class Packages:
    """Installs packages, each set of them once.

    Args:
        interpreter: Returns this machine's interpreter that runs a runtime's functions, so that
            packages may be built for it. If it returns None, functions run elsewhere, on Amazon
            Linux.
        console: Told what is installed.
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
        self._cache = Path(os.path.realpath(cache or build_cache.folder()))
        self._installing: dict[Path, asyncio.Task[None]] = {}

    async def layer(self, version: FunctionVersion) -> Path | None:
        """Install a version's packages and return their layer; None if it wants none.

        What files name is installed only for functions in the user's own folder: an archive brings
        its own, as on AWS. What AWS's public layers consist of is installed for all.

        Raises:
            DriverFault: They could not be installed; the next call tries again.
        """
        folder = version.code.folder if version.code.live else None
        if folder is None and not version.layers:
            return None
        interpreter = self._interpreter(version.runtime)
        wanted = None if folder is None else _wanted(version, folder, interpreter)
        if version.layers:
            from emulator.code import published  # with pip and npm

            wishes = [wanted, *(_of_layer(version, each, interpreter) for each in version.layers)]
            wishes += published.wanted(version, interpreter)
            wanted = published.together([each for each in wishes if each is not None])
        if wanted is None:
            return None
        where = f"{interpreter or version.runtime}\0{version.architecture}\0{sys.platform}".encode()
        key = hashlib.sha256(b"\0".join((_FORMAT, where, *wanted.key))).hexdigest()[:32]
        target = self._cache / key
        if build_cache.has(target):
            return target
        installing = self._installing.get(target)
        if installing is None:
            installing = asyncio.create_task(self._install(version, wanted, target))
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

    async def close(self) -> None:
        """Cancel all installations."""
        tasks = list(self._installing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _install(self, version: FunctionVersion, wanted: Wanted, target: Path) -> None:
        async with build_cache.scratch(self._cache) as scratch:
            self._console.info(f"installing the packages of {version.name} ({wanted.file})")
            failure = await wanted.install(scratch)
            if failure is not None:
                raise DriverFault(
                    f"{wanted.program} could not install {version.name}/{wanted.file}: {failure}"
                )
            await build_cache.keep(scratch, target)


def _of_layer(
    version: FunctionVersion, layer: LayerVersion, interpreter: Path | None
) -> Wanted | None:
    """Return what the user's own layer wants installed, unless it was built already."""
    folder = layer.code.folder
    if not layer.code.live or folder is None:
        return None
    packages = ("python/lib", "nodejs/node_modules", "python/bin")
    if any((folder / each).exists() for each in packages):
        return None
    return _wanted(version, folder, interpreter)


def _wanted(version: FunctionVersion, folder: Path, interpreter: Path | None) -> Wanted | None:
    for language, files in _KINDS.items():
        for file, reader in files.items() if version.runtime.startswith(language) else ():
            if (folder / file).exists():
                found: Wanted | None = import_module(reader).wanted(version, folder, interpreter)
                if found is not None:
                    return found
    return None
