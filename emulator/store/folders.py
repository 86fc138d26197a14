"""Folders on the disk."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Modes of what nobody but the user may read.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
#: What a state folder holds.
_OURS = frozenset({"lock", "code", "blobs", "process"})
_DATABASE = re.compile(r"\.db(-wal|-shm|-journal)?$")


def make_private(path: Path) -> None:
    """Take every right of others from a file or folder.

    What is not there, and what is another user's (a volume that was mounted, say), is left so.
    """
    with suppress(FileNotFoundError, PermissionError):
        status = path.lstat()
        if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
            path.chmod(PRIVATE_FOLDER if stat.S_ISDIR(status.st_mode) else PRIVATE_FILE)


def private_folder(path: Path) -> Path:
    """Make a folder that is the user's alone, where it is missing, and return it.

    One of an earlier release, which others could read, is closed to them.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    make_private(path)
    return path


def private_state(folder: Path) -> None:
    """Make the state folder, and close all in it to other users; blocks.

    A folder that holds other things as well (``--state .``) keeps its mode: what is ours in it is
    closed.

    Raises:
        OSError: It can't be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    for each in missing:
        # A folder that may be written to, and not read, can't be opened for this.
        with suppress(PermissionError):
            sync_folder(each.parent)
    found = list(folder.iterdir())
    ours = [path for path in found if path.name in _OURS or _DATABASE.search(path.name)]
    for path in ours:
        make_private(path)
    if len(ours) == len(found) and not folder.stat().st_mode & stat.S_ISVTX:
        make_private(folder)


def in_background(sweep: Callable[[], None]) -> threading.Thread:
    """Run what removes folders left behind, for which neither a start nor an end has to wait.

    It ends with the process, wherever it is: the next start's has to find what remains.
    """
    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    return thread


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` outlive a power cut; a file's own sync does not do that."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
