"""A list on the disk of processes and folders that would outlive a crash."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.store.folders import PRIVATE_FILE, in_background, private_folder

#: The /tmp folders of an earlier instance, until they are removed.
_LEFT = "left-"


class Ledger:
    """The driver's folder, locked, with the list of what to remove if this process dies."""

    def __init__(self, folder: Path, lock: int) -> None:
        self._folder = folder
        self._lock = lock
        self._held: dict[str, list[Any]] = {"processes": []}

    @classmethod
    def open(cls, folder: Path) -> Ledger:
        """Lock ``folder``, and end what an earlier instance left: processes at once, folders later.

        Blocks.

        Raises:
            ConfigurationError: Another emulator is using it.
        """
        private_folder(folder)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigurationError(
                f"Another emulator is using {folder.parent}. Stop it, or choose another --state."
            ) from None
        ledger = cls(folder, lock)
        ledger._sweep()
        ledger._write()
        return ledger

    @property
    def _file(self) -> Path:
        return self._folder / "left.json"

    def _sweep(self) -> None:
        with suppress(OSError, ValueError):
            left = json.loads(self._file.read_text())
            for pid, started in left["processes"]:
                if started is not None and _started(pid) == started:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
        with suppress(OSError):
            (self._folder / "tmp").rename(self._folder / f"{_LEFT}{secrets.token_hex(8)}")
        self.sweeping = in_background(self._remove_left)

    def _remove_left(self) -> None:
        for path in self._folder.glob(f"{_LEFT}*"):
            shutil.rmtree(path, ignore_errors=True)

    def add_process(self, pid: int) -> None:
        """Note a process, to be ended by the next start if this one is killed."""
        self._held["processes"].append([pid, _started(pid)])
        self._write()

    def _write(self) -> None:
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(self._held))
        temporary.replace(self._file)

    def close(self) -> None:
        """Nothing is left: forget all and unlock."""
        self._file.unlink(missing_ok=True)
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        os.close(self._lock)


def _started(pid: int) -> int | None:
    """Return when ``pid`` started, in ticks since boot, which tells it from a later namesake."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
