"""The state folder: its databases, and the lock that keeps a second emulator out."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from emulator.model.errors import ConfigurationError
from emulator.store import schema
from emulator.store.connection import Durability
from emulator.store.database import Database
from emulator.store.documents import Documents
from emulator.store.folders import PRIVATE_FILE, private_state
from emulator.store.logs import StoredLogs
from emulator.store.messages import MessageJournal
from emulator.store.timeline import StoredTimeline
from emulator.store.traces import StoredTraces


class Store:
    """All durable state. :meth:`open` makes it, :meth:`close` ends it.

    Attributes:
        database: Group-committed SQLite.
        documents: The control plane's metadata.
        messages: The queue engine's journal.
        logs: Functions' logs; None for a state that ends with the process.
        timeline: The timeline; None for a state that ends with the process.
        traces: Traces, opened when first used; None for a state that ends with the process.
    """

    def __init__(
        self,
        database: Database,
        *,
        folder: Path | None = None,
        durability: Durability = "full",
        lock: int | None = None,
        logs: Database | None = None,
        timeline: Database | None = None,
    ) -> None:
        self._folder = folder
        self._durability = durability
        self._lock = lock
        self._opened: list[Database] = []
        self.database = database
        self.documents = Documents(database)
        self.messages = MessageJournal(database)
        self.logs = None if logs is None else StoredLogs(logs)
        self.timeline = None if timeline is None else StoredTimeline(timeline)
        self.traces = None if folder is None else StoredTraces(self._open_traces)

    @classmethod
    def open(cls, folder: Path | None, *, durability: Durability = "full") -> Store:
        """Open the state folder.

        Args:
            folder: Made if it is missing; None keeps everything in memory, until the process ends.
            durability: As for :meth:`Database.open`.

        Raises:
            ConfigurationError: The folder is in use, unwritable, damaged, or of a newer release.
        """
        if folder is None:
            return cls(Database.open(None))
        try:
            private_state(folder)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
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
        with ExitStack() as opened:
            opened.callback(os.close, lock)
            database = Database.open(folder / "state.db", durability=durability)
            opened.callback(database.close_unused)
            # A power cut may take the last seconds of these.
            logs, timeline = (
                Database.open(
                    folder / f"{name}.db", durability="normal", migrations=schema.own(name)
                )
                for name in ("logs", "timeline")
            )
            opened.pop_all()
        return cls(
            database,
            folder=folder,
            durability=durability,
            lock=lock,
            logs=logs,
            timeline=timeline,
        )

    def _open_traces(self) -> Database:
        """Open the traces' database; blocks. A power cut may take its last seconds."""
        folder = files(__package__) / "migrations" / "traces"
        return self.open_database("traces", folder, durability="normal")

    def open_database(
        self, name: str, migrations: Traversable, *, durability: Durability | None = None
    ) -> Database:
        """Open a service's own database: in the state folder, or in memory where there is none.

        It has group commit, file modes and checks as the store's own, and is closed with the store
        unless the service closes it before. Blocks.

        Args:
            name: The name of the file, without its extension: the service's folder.
            migrations: The folder of its migrations, e.g. ``files(__package__) / "migrations"``.
            durability: As for :meth:`Database.open`; None takes the store's.

        Raises:
            ConfigurationError: The file is damaged, not ours, or written by a newer release.
        """
        path = None if self._folder is None else self._folder / f"{name}.db"
        if name in ("state", "logs", "timeline"):
            raise ValueError(f"{name}.db is the store's own")
        database = Database.open(
            path,
            durability=durability or self._durability,
            migrations=schema.load(migrations),
        )
        self._opened.append(database)
        return database

    async def close(self) -> None:
        """Finish all submitted work, close the databases and unlock the folder."""
        for database in self._opened:
            await database.close()
        for journal in (self.logs, self.timeline):
            if journal is not None:
                await journal.close()
        await self.database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
