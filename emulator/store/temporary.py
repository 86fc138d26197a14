"""Temporary folders that end with their process. After a kill, the next process removes them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Self

from emulator.store.folders import in_background

_PREFIX = "localfaas-run-"


class TemporaryFolder:
    """A temporary folder; a lock on it shows that its process lives."""

    def __init__(self, path: Path, lock: int, sweeping: threading.Thread) -> None:
        self.path = path
        #: The thread that removes folders of killed processes.
        self.sweeping = sweeping
        self._lock = lock

    @classmethod
    def make(cls) -> Self:
        """Make a folder, and begin to remove those of this user's killed processes. Blocks.

        Raises:
            OSError: The system has no place for temporary folders, or no room.
        """
        # It gets its final name once it is locked, so no other process takes it for a left-over.
        unnamed = Path(tempfile.mkdtemp(prefix=".localfaas-"))
        path = unnamed.with_name(_PREFIX + unnamed.name.removeprefix(".localfaas-"))
        try:
            lock = os.open(unnamed, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            unnamed.rename(path)
        except OSError:
            unnamed.rmdir()
            raise
        return cls(path, lock, in_background(partial(_sweep, path.parent)))

    def remove(self) -> None:
        """Remove the folder with all it holds. Blocks."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
