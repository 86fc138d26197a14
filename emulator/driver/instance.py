"""One running emulator among those of this machine: its lock and its folder."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from emulator.driver import mounts
from emulator.model.errors import ConfigurationError
from emulator.store.folders import PRIVATE_FOLDER, make_private

#: An instance's folder among the locks.
_FOLDER = re.compile(r"[0-9a-f]{8}")


class Instance:
    """Holds a lock as long as this process lives: others tell by it whose containers live.

    Args:
        directory: Where the locks and folders of all instances of this user are.
    """

    def __init__(self, directory: Path) -> None:
        self.id = uuid.uuid4().hex
        self.folder = directory / self.id[:8]
        self._directory = directory
        self._lock: int | None = None

    def open(self) -> None:
        """Take the lock and make the folder.

        Raises:
            ConfigurationError: The directory can't be used.
        """
        directory = self._directory
        try:
            directory.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            # Where everybody may make folders, it may be somebody's link to one of ours.
            for status in (directory.lstat(), directory.stat()):
                if status.st_uid != os.getuid():
                    raise PermissionError(f"it belongs to user {status.st_uid}")
            # Containers see what is bound, not the way there: sockets are no other user's business.
            make_private(directory)
            # It gets its name only once it is held: nobody ever sees it without its holder.
            new = directory / f"{self.id}.new"
            self._lock = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._file(self.id))
            self.folder.mkdir(mode=PRIVATE_FOLDER)
        except OSError as error:
            raise ConfigurationError(f"{directory} can't be used: {error}") from error

    def living(self) -> frozenset[str]:
        """Return the instances whose process lives, this one included."""
        found = {self.id}
        for file in self._directory.glob("*.lock"):
            if file.stem == self.id:
                continue
            with suppress(OSError), file.open("rb") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    found.add(file.stem)
        return frozenset(found)

    def sweep(self) -> None:
        """Remove folders and locks of instances that are no more."""
        # In this order: an instance holds its lock before it makes its folder.
        found = [p for p in self._directory.iterdir() if _FOLDER.fullmatch(p.name)]
        kept = {instance[:8] for instance in self.living()}
        for folder in found:
            if folder.name not in kept:
                remove_folder(folder)
        for file in self._directory.glob("*.lock"):
            if file.stem != self.id and file.stem[:8] not in kept:
                with suppress(OSError), file.open("rb") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.unlink()

    def close(self) -> None:
        """Remove the folder and let go of the lock. Idempotent."""
        if self._lock is not None:
            remove_folder(self.folder)
            self._file(self.id).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _file(self, instance: str) -> Path:
        return self._directory / f"{instance}.lock"


def remove_folder(folder: Path) -> None:
    """Remove a folder of ours, and never what is mounted below it."""
    for point in mounts.mounts_below(folder) if mounts.available() else ():
        mounts.unmount(point)
    shutil.rmtree(folder, ignore_errors=True)
