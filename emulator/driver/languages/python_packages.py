"""The packages that AWS's Python runtimes bring, for each interpreter of this machine."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from emulator.code import build_cache, pip
from emulator.driver.languages.base import Interpreter
from emulator.model.console import Console
from emulator.model.errors import DriverFault

#: The package that registers SnapStart's hooks; AWS's runtimes have it since Python 3.12.
_HOOKS = {"snapshot-restore-py": ("snapshot_restore_py",)}
_HOOKS_SINCE = 12
#: The packages of the official runtime client.
_OFFICIAL = {"awslambdaric": ("awslambdaric", "runtime_client"), "simplejson": ("simplejson",)}
#: Packages that interpreters bring, on AWS as well; the second until Python 3.11.
_INSTALLERS: tuple[str, ...] = ("pip", "pip-*.dist-info")
_SETUPTOOLS = ("setuptools", "setuptools-*.dist-info", "pkg_resources", "_distutils_hack")
_SETUPTOOLS_UNTIL = 11
#: Names that pip leaves beside packages.
_NO_PACKAGES = ("bin", "__pycache__")
#: The AWS SDK a Python function may import, by distribution and module; nothing else of the
#: emulator's own packages.
SDK = {
    "boto3": ("boto3",),
    "botocore": ("botocore",),
    "s3transfer": ("s3transfer",),
    "jmespath": ("jmespath",),
    "python-dateutil": ("dateutil",),
    "urllib3": ("urllib3",),
    "six": ("six",),
}


class PythonPackages:
    """Finds what to show of which package, and installs what an interpreter needs older.

    Args:
        official: With the official runtime client.
        console: Told what is installed.
        state: A folder for what stands for packages that could not be installed.
        cache: Where installed packages are kept; the user's cache without.
    """

    def __init__(
        self, *, official: bool, console: Console, state: Path, cache: Path | None = None
    ) -> None:
        self._official = official
        self._console = console
        self._state = state
        self._cache = cache

    async def of(self, interpreter: Interpreter, covered: str) -> list[tuple[Path, str]]:
        """Return where each package for ``interpreter`` lies, and its place in a sandbox.

        Args:
            interpreter: The interpreter.
            covered: Where the sandbox sees the installation's own packages; empty where it does
                not.
        """
        version = interpreter.release
        missing: list[str] = []
        found: list[tuple[Path, str]] = []
        if _runs_on("boto3", "boto3", version):
            found += package_paths(SDK)
        else:
            missing.append("boto3")
        if version >= _HOOKS_SINCE or self._official:
            found += package_paths(_HOOKS)
        if self._official:
            if version == sys.version_info.minor:
                found += package_paths(_OFFICIAL)
            else:
                missing.append("awslambdaric")
        for name in missing:
            found += _content(await self._installed(name, interpreter))
        folder = interpreter.language.packages_folder(version)
        shown = {f"{folder}/{name}": path for path, name in found}
        return [(path, place) for place, path in shown.items()] + _installers(interpreter, covered)

    async def _installed(self, name: str, interpreter: Interpreter) -> Path:
        """Return the folder with a package and what it needs, installed once per interpreter."""
        cache = (self._cache or build_cache.folder()).resolve()
        key = hashlib.sha256(f"{name}\0{interpreter.executable}".encode()).hexdigest()[:24]
        target = cache / f"{interpreter.runtime}-{key}"
        if build_cache.has(target):
            return target
        try:
            async with build_cache.scratch(cache) as scratch:
                self._console.info(f"installing {name} for {interpreter.runtime} functions, once")
                # By this emulator's pip, for its version: it need not run on old interpreters.
                wanted = ("--only-binary=:all:", f"--python-version=3.{interpreter.release}")
                arguments = [*pip.INSTALL, *wanted, "--target", str(scratch), name]
                own = None if find_spec("pip") else interpreter.executable
                failure = await pip.run(own, arguments, scratch)
                if failure is not None:
                    raise DriverFault(failure)
                await build_cache.keep(scratch, target)
        except DriverFault as fault:
            text = (
                f"{name} for {interpreter.runtime} is not here and could not be installed "
                f"({fault}). Bring it with the function's own packages."
            )
            self._console.warn(text)
            return await asyncio.to_thread(self._stand_in, name, interpreter, text)
        return target

    def _stand_in(self, name: str, interpreter: Interpreter, text: str) -> Path:
        """Return a folder with a module of that name, whose import says what is missing."""
        folder = self._state / f"missing-{name}-{interpreter.runtime}"
        folder.mkdir(parents=True, exist_ok=True)
        for module in {"boto3": ("boto3", "botocore")}.get(name, (name,)):
            (folder / f"{module}.py").write_text(f"raise ImportError({text!r})\n")
        return folder


def _runs_on(distribution: str, module: str, version: int) -> bool:
    """Say whether this emulator's own copy of a package works on Python 3.``version``."""
    for path in _descriptions(distribution, _place(module)):
        text = (path / "METADATA").read_text(errors="replace")
        required = re.search(r"^Requires-Python:.*>=\s*3\.(\d+)", text, re.MULTILINE)
        return required is None or int(required[1]) <= version
    return False


def _content(folder: Path) -> list[tuple[Path, str]]:
    return [(path, path.name) for path in folder.iterdir() if path.name not in _NO_PACKAGES]


def _installers(interpreter: Interpreter, covered: str) -> list[tuple[Path, str]]:
    """Return pip, which AWS's runtimes have, where the interpreter's packages are covered."""
    if not covered:
        return []
    own = interpreter.prefix / Path(covered).relative_to("/var/lang")
    patterns = _INSTALLERS
    if interpreter.release <= _SETUPTOOLS_UNTIL:
        patterns += _SETUPTOOLS
    return [(path, f"{covered}/{path.name}") for name in patterns for path in own.glob(name)]


def package_paths(packages: Mapping[str, Iterable[str]]) -> list[tuple[Path, str]]:
    """Return where each installed package lies, with its name in a folder: modules, metadata.

    Args:
        packages: Distributions with their modules.
    """
    found = []
    for distribution, modules in packages.items():
        places = [place for name in modules if (place := _place(name)) is not None]
        descriptions = _descriptions(distribution, places[0] if places else None)
        found += [(path, path.name) for path in (*places, *descriptions)]
    return found


def _descriptions(distribution: str, place: Path | None) -> list[Path]:
    """Return the folder that describes an installed package, one of whose modules is at ``place``.

    ``importlib.metadata`` finds it, too, and takes a megabyte for it.
    """
    name = f"{distribution.replace('-', '_')}-*.dist-info"
    return [] if place is None else list(place.parent.glob(name))


def _place(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ImportError:
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin
