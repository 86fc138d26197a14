"""Folders on the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


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
