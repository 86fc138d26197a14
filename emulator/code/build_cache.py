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

from emulator.model.errors import ConfigurationError, DriverFault

_SCRATCH = ".installing-"
#: Seconds after which a scratch folder is somebody's who was killed.
_ABANDONED_S = 1200.0


def folder() -> Path:
    """Return where packages are kept, for all emulators of this user.

    What is there is run. So it is another folder where others can put something into that of the
    usual name, as they may where everybody may make folders.

    Raises:
        ConfigurationError: They can put something into that one, too.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    for name in ("localfaas", f"localfaas-{os.getuid()}"):
        found = base / name / "packages"
        if _is_ours(found.parent) and _is_ours(found):
            return found
    raise ConfigurationError(
        f"{found.parent} belongs to another user, or others can write to it, who could put programs"
        " there. Set XDG_CACHE_HOME to a folder of your own."
    )


def _is_ours(folder: Path) -> bool:
    """Say whether nobody but its user, or root, can have put anything into a folder, or its way.

    One that can't be reached holds nothing that is run.
    """
    users, groups = {0, os.getuid()}, {0, os.getgid()}
    if not os.getuid():
        users |= _number_in("SUDO_UID")
        groups |= _number_in("SUDO_GID")
    try:
        link, found = folder.lstat(), folder.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return True
    # A user whose umask lets the own group write shares every file with it.
    is_open = found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid not in groups)
    return {link.st_uid, found.st_uid} <= users and not is_open


def _number_in(variable: str) -> set[int]:
    value = os.environ.get(variable, "")
    return {int(value)} if value.isdecimal() else set()


def has(target: Path) -> bool:
    """Say whether something is there; it is not where the cache can't be reached."""
    return os.path.exists(target)


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
    if not (_is_ours(cache) and _is_ours(cache.parent)):
        raise PermissionError(errno.EPERM, "it belongs to another user, or others can write to it")
    _sweep(cache)
    folder = Path(tempfile.mkdtemp(dir=cache, prefix=_SCRATCH))
    os.chmod(folder, 0o755)  # sandboxes run as another user
    return folder


def _sweep(cache: Path) -> None:
    """Remove half-installed packages of emulators that were killed."""
    for path in cache.glob(f"{_SCRATCH}*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(path, ignore_errors=True)
