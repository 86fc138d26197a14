"""Folders on the disk."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Modes of what nobody but the user may read.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def make_private(path: Path) -> None:
    """Take every right of others from a file or folder; what is not there is left so.

    Raises:
        OSError: It is somebody else's.
    """
    with suppress(FileNotFoundError):
        status = path.lstat()
        if status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode):
            path.chmod(PRIVATE_FOLDER if stat.S_ISDIR(status.st_mode) else PRIVATE_FILE)


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
