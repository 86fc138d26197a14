"""pip, run as a program: packages are installed once and kept in the user's cache."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from emulator.model.errors import DriverFault

#: Seconds pip may take.
_PATIENCE_S = 600.0
_SCRATCH = ".installing-"
#: What every installation begins with.
INSTALL = (
    "install",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
    "--retries=1",
    "--timeout=10",
)


def cache_folder() -> Path:
    """Return where packages are kept, for all emulators of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "localfaas" / "packages"


@asynccontextmanager
async def scratch(cache: Path) -> AsyncIterator[Path]:
    """Yield an empty folder in the cache; it is removed at the end unless :func:`keep` renamed it.

    Raises:
        DriverFault: The cache takes no folders.
    """
    try:
        folder = await asyncio.to_thread(_make, cache)
    except OSError as error:
        raise DriverFault(
            f"no packages can be kept in {cache}: {error.strerror or error}. Set "
            "XDG_CACHE_HOME to a folder that takes them."
        ) from error
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


#: What a pip says that is too new for an interpreter.
_TOO_OLD = "This version of pip does not support python"
#: Runs a command whose files sandboxes can read: they run as another user.
_READABLE = ("/bin/sh", "-c", 'umask 022 && exec "$0" "$@"')


async def keep(folder: Path, target: Path) -> None:
    """Rename a scratch folder to its final name, once its files are on the disk.

    Later starts trust that name, so a power cut must not leave empty files behind it.

    Raises:
        DriverFault: It can't be renamed.
    """
    await asyncio.to_thread(_sync, folder)
    try:
        os.rename(folder, target)
    except OSError as error:
        # Another emulator may have been as quick: then this is one too many.
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise DriverFault(f"no packages can be kept in {target}: {error}") from error


def _sync(folder: Path) -> None:
    """Sync the whole file system of ``folder``: one call for any number of files."""
    sync_one = getattr(ctypes.CDLL(None), "syncfs", None)
    if sync_one is None:  # not on Linux
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync_one(handle)
    finally:
        os.close(handle)


def _make(cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    folder = Path(tempfile.mkdtemp(dir=cache, prefix=_SCRATCH))
    os.chmod(folder, 0o755)  # sandboxes run as another user
    return folder


def _sweep(cache: Path) -> None:
    """Remove half-installed packages of emulators that were killed."""
    for path in cache.glob(f"{_SCRATCH}*"):
        if time.time() - path.stat().st_mtime > 2 * _PATIENCE_S:
            shutil.rmtree(path, ignore_errors=True)


def _command(python: Path | None) -> list[str]:
    """Return the command that runs pip for an interpreter."""
    own = [sys.executable, "-m", "pip"]
    if find_spec("pip") is None and python is not None:
        return [str(python), "-m", "pip"]
    return own if python is None else [*own, "--python", str(python)]


async def run(python: Path | None, arguments: Sequence[str], folder: Path) -> str | None:
    """Run pip in ``folder``; return why it failed, or None.

    Args:
        python: The interpreter to install for; None: the arguments say for which.
        arguments: pip's.
        folder: Where it runs.
    """
    failure = await _run([*_command(python), *arguments], folder)
    if failure is not None and python is not None and _TOO_OLD in failure:
        # Its own pip is as old as it is.
        return await _run([str(python), "-m", "pip", *arguments], folder)
    return failure


async def _run(command: Sequence[str], folder: Path) -> str | None:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        *_READABLE,
        *command,
        cwd=folder,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, told = await process.communicate()
    except TimeoutError:
        return f"it took longer than {_PATIENCE_S:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return None
    lines = told.decode("utf-8", "replace").splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors[:2] or lines[-1:]) or f"it ended with {process.returncode}"
