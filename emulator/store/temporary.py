"""Folders that go with their process; with one that was killed, once the next is made."""

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
    """A folder whose process is known to live: it holds a lock on it."""

    def __init__(self, path: Path, lock: int, sweeping: threading.Thread) -> None:
        self.path = path
        #: Removes those of killed processes.
        self.sweeping = sweeping
        self._lock = lock

    @classmethod
    def make(cls) -> Self:
        """Make one, and begin to remove those of this user whose processes are gone. Blocks.

        Raises:
            OSError: There is no room for one, or no place.
        """
        # It has its own name only when it is locked, and none takes it for left behind.
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
        """Remove it with all it holds. Blocks."""
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
