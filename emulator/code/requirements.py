"""The packages that a function's ``requirements.txt`` names, installed once with pip.

They lie in the user's cache, by what was asked for and for which Python, and are shown at
``/opt/python`` as the lowest layer: what the function's folder has itself comes first.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion

NAME = "requirements.txt"
#: Seconds pip may take.
_PATIENCE = 600.0
_SCRATCH = ".installing-"
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: Options of a requirements file whose argument is a file of the same kind.
_FURTHER = ("-r", "--requirement", "-c", "--constraint")
#: By what the file with the packages was made; changed when this module installs otherwise.
_FORMAT = b"1"


class Requirements:
    """Installs packages, each set of them once.

    Args:
        interpreter: Returns the program of this machine that runs a runtime's functions: packages
            may be built for it. None means that they run elsewhere: only wheels are taken, made
            for Amazon Linux's kind of Linux.
        console: Told what is installed, and what could not be installed ahead of use.
        cache: The folder to keep them in; the user's own without.
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
        # Sandboxes see it elsewhere: no link leads there from theirs, nor does a relative path.
        self._cache = Path(os.path.realpath(cache or cache_folder()))
        self._installing: dict[Path, asyncio.Task[None]] = {}

    async def layer(self, version: FunctionVersion) -> Path | None:
        """Return the layer with a version's packages, installed; None where it asks for none.

        Only functions in the user's own folder have them installed: an archive brings its own,
        as on AWS.

        Raises:
            DriverFault: pip could not install them; it is tried again at the next call.
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
        # Others wait for the same: one that gives up must not end it for them.
        try:
            await asyncio.shield(installing)
        except asyncio.CancelledError:
            if installing.cancelled():
                raise DriverFault("no packages: the emulator is ending") from None
            raise
        return target

    async def prepare(self, versions: Iterable[FunctionVersion]) -> None:
        """Install the packages of ``versions`` ahead of use; warn of what can't be installed."""
        for version in versions:
            try:
                await self.layer(version)
            except DriverFault as error:
                self._console.warn(str(error))

    async def close(self) -> None:
        """Give up what is being installed."""
        tasks = list(self._installing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _install(
        self, version: FunctionVersion, folder: Path, python: Path | None, target: Path
    ) -> None:
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(_sweep, self._cache)
            scratch = Path(tempfile.mkdtemp(dir=self._cache, prefix=_SCRATCH))
        except OSError as error:
            raise DriverFault(
                f"no packages can be kept in {self._cache}: {error.strerror or error}. Set "
                "XDG_CACHE_HOME to a folder that takes them."
            ) from error
        self._console.info(f"installing the packages of {version.name} ({NAME})")
        try:
            # Sandboxes run as another user.
            os.chmod(scratch, 0o755)
            command = [*_pip(python), *_for(version, python), "--target", str(scratch / "python")]
            failure = await _run([*command, "--requirement", NAME], folder)
            if failure is not None:
                raise DriverFault(f"pip could not install {version.name}/{NAME}: {failure}")
            # Another emulator may have been as quick: then this is one too many.
            try:
                os.rename(scratch, target)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise DriverFault(f"no packages can be kept in {target}: {error}") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)


def _sweep(cache: Path) -> None:
    """Remove what an emulator that was killed left half-installed."""
    for path in cache.glob(f"{_SCRATCH}*"):
        if time.time() - path.stat().st_mtime > 2 * _PATIENCE:
            shutil.rmtree(path, ignore_errors=True)


def cache_folder() -> Path:
    """Return where packages are kept, for all emulators of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "localfaas" / "packages"


def _asked_for(path: Path) -> list[bytes]:
    """Return what a requirements file and the files it names say; nothing for no packages."""
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


def _pip(python: Path | None) -> list[str]:
    """Return the command that runs pip for an interpreter."""
    own = [sys.executable, "-m", "pip"]
    if find_spec("pip") is None and python is not None:
        return [str(python), "-m", "pip"]
    return own if python is None else [*own, "--python", str(python)]


def _for(version: FunctionVersion, python: Path | None) -> list[str]:
    options = ["install", "--quiet", "--no-input", "--disable-pip-version-check"]
    options += ["--root-user-action=ignore", "--retries=1", "--timeout=10"]
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


async def _run(command: list[str], folder: Path) -> str | None:
    """Run pip in ``folder``; returns why it failed, or None."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            _, told = await process.communicate()
    except TimeoutError:
        return f"it took longer than {_PATIENCE:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return None
    lines = told.decode("utf-8", "replace").splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors[:2] or lines[-1:]) or f"it ended with {process.returncode}"
