"""The state folder: its database, its blobs, and the lock that keeps a second emulator out."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from emulator.model.errors import ConfigurationError
from emulator.store.blobs import Blobs
from emulator.store.database import Database, Durability
from emulator.store.documents import Documents
from emulator.store.logs import StoredLogs
from emulator.store.messages import MessageJournal


class Store:
    """Everything that lasts. Made by :meth:`open`, ended by :meth:`close`.

    Attributes:
        database: Group-committed SQLite.
        documents: The control plane's metadata.
        messages: The queue engine's journal.
        blobs: Code archives and layers, by SHA-256.
        logs: Functions' logs; None for a state that ends with the process.
    """

    def __init__(
        self, folder: Path, database: Database, lock: int | None, logs: Database | None = None
    ) -> None:
        self._folder = folder
        self._lock = lock
        self.database = database
        self.documents = Documents(database)
        self.messages = MessageJournal(database)
        self.blobs = Blobs(folder / "blobs")
        self.logs = None if logs is None else StoredLogs(logs)

    @classmethod
    def open(cls, folder: Path | None, *, durability: Durability = "full") -> Store:
        """Open the state in ``folder``, or for ``None`` one that ends with the process.

        Raises:
            ConfigurationError: The folder is in use, unwritable, damaged, or of a newer release.
        """
        if folder is None:
            temporary = Path(tempfile.mkdtemp(prefix="localfaas-"))
            return cls(temporary, Database.open(None), None)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"the state folder {folder} cannot be used ({error.strerror}). "
                "Mend its permissions or choose another --state."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise ConfigurationError(
                f"another emulator is using the state folder {folder}. "
                "Stop it, or choose another --state."
            ) from error
        try:
            database = Database.open(folder / "state.db", durability=durability)
            # What a power cut takes from the end of a log is not missed.
            logs = Database.open(folder / "logs.db", durability="normal", schema_file="logs.sql")
        except BaseException:
            os.close(lock)
            raise
        return cls(folder, database, lock, logs)

    async def close(self) -> None:
        """Finish what was submitted and let go of the folder."""
        if self.logs is not None:
            await self.logs.close()
        await self.database.close()
        if self._lock is None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        else:
            os.close(self._lock)
            self._lock = None
