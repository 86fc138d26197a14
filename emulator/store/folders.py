"""Folders: private ones, lasting names, and removal in the background."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Modes for files and folders that only the user may read.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
#: The names of files and folders in a state folder.
_OURS = frozenset({"lock", "code", "blobs", "process"})
_DATABASE = re.compile(r"\.db(-wal|-shm|-journal)?$")


def make_private(path: Path) -> None:
    """Remove all rights of other users from a file or folder.

    A file that does not exist, or belongs to another user (on a mounted volume), is left alone.
    """
    with suppress(FileNotFoundError, PermissionError):
        status = path.lstat()
        if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
            path.chmod(PRIVATE_FOLDER if stat.S_ISDIR(status.st_mode) else PRIVATE_FILE)


def private_folder(path: Path) -> Path:
    """Make a folder that only the user may read, and return it.

    A folder that exists loses the rights of other users.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    make_private(path)
    return path


def private_state(folder: Path) -> None:
    """Make the state folder and close it, with all it holds, to other users. Blocks.

    A folder that holds other files as well (``--state .``) keeps its mode; only the emulator's own
    files in it are closed.

    Raises:
        OSError: It can't be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    for each in missing:
        # Syncing a folder needs the right to read it.
        with suppress(PermissionError):
            sync_folder(each.parent)
    found = list(folder.iterdir())
    ours = [path for path in found if path.name in _OURS or _DATABASE.search(path.name)]
    for path in ours:
        make_private(path)
    if len(ours) == len(found) and not folder.stat().st_mode & stat.S_ISVTX:
        make_private(folder)


def in_background(sweep: Callable[[], None]) -> threading.Thread:
    """Run ``sweep``, which removes left-over folders, in a thread; nothing waits for it.

    The thread ends with the process, finished or not; the next start removes the rest.
    """
    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    return thread


def sync_file(handle: int) -> None:
    """Make the content of an open file outlive a power cut.

    On macOS, fsync(2) leaves the content in the drive's own cache.
    Source: https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/fsync.2.html
    """
    whole = getattr(fcntl, "F_FULLFSYNC", None)
    if whole is None:
        os.fsync(handle)
    else:
        fcntl.fcntl(handle, whole)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` outlive a power cut; syncing a file does not sync its name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
