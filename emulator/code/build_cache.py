"""The user's cache of what was installed and built: what has its final name there is whole."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from emulator.model.errors import DriverFault

_SCRATCH = ".installing-"
#: Seconds after which a scratch folder is somebody's who was killed.
_ABANDONED_S = 1200.0


def folder() -> Path:
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
        if time.time() - path.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(path, ignore_errors=True)
