"""A disk that loses power: what SQLite writes is recorded, and any moment of it replayed.

SQLite runs once over :class:`RecordingDisk`, which notes each write, sync and truncation. A cut
is then a moment in these notes: of what was not synced by then, each sector of 512 bytes is there,
is not there, or is torn. So thousands of cuts need one run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import apsw

SECTOR = 512


class Write(NamedTuple):
    file: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    file: str
    size: int


class Delete(NamedTuple):
    """Certain at once: the store syncs the folder when it has made the database."""

    file: str


class Sync(NamedTuple):
    file: str


class Note(NamedTuple):
    """What the caller was told at this moment."""

    told: Any


class RecordingDisk(apsw.VFS):
    """A VFS that writes through and notes what it does."""

    def __init__(self, name: str) -> None:
        self.log: list[Write | Truncate | Delete | Sync | Note] = []
        self.vfs = name
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _RecordingFile:
        return _RecordingFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.log.append(Delete(_kind(filename)))
        super().xDelete(filename, syncdir)


class _RecordingFile(apsw.VFSFile):
    def __init__(
        self, disk: RecordingDisk, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._disk = disk
        self._kind = _kind(name.filename() if isinstance(name, apsw.URIFilename) else name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.log.append(Write(self._kind, offset, bytes(data)))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.log.append(Sync(self._kind))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._disk.log.append(Truncate(self._kind, size))


def _kind(filename: str | None) -> str:
    for suffix in ("-wal", "-journal"):
        if filename and filename.endswith(suffix):
            return suffix
    return "" if filename else "temporary"


@dataclass
class Platter:
    """What the disk holds for certain, and what it may have lost, at one moment of the log."""

    certain: dict[str, bytearray] = field(default_factory=dict)
    unsynced: dict[str, list[Write | Truncate]] = field(default_factory=dict)

    def play(self, entry: Write | Truncate | Delete | Sync) -> None:
        if isinstance(entry, Delete):
            self.certain.pop(entry.file, None)
            self.unsynced.pop(entry.file, None)
        elif isinstance(entry, Sync):
            image = self.certain.setdefault(entry.file, bytearray())
            for change in self.unsynced.pop(entry.file, ()):
                _apply(image, change)
        else:
            self.unsynced.setdefault(entry.file, []).append(entry)

    def cut(self, chance: Random) -> dict[str, bytearray]:
        """Return the files as a power cut may leave them."""
        images = {name: bytearray(image) for name, image in self.certain.items()}
        # From "nothing of it was written" to "all of it", and everything between.
        kept = chance.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for name, changes in self.unsynced.items():
            image = images.setdefault(name, bytearray())
            for change in changes:
                if isinstance(change, Truncate):
                    if chance.random() < kept:
                        _apply(image, change)
                    continue
                for start in range(0, len(change.data), SECTOR):
                    if chance.random() >= kept:
                        continue
                    sector = change.data[start : start + SECTOR]
                    if chance.random() < 0.05:
                        half = chance.randrange(len(sector))
                        sector = sector[:half] + chance.randbytes(len(sector) - half)
                    _apply(image, Write(name, change.offset + start, sector))
        return images


def _apply(image: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del image[change.size :]
        return
    end = change.offset + len(change.data)
    if len(image) < end:
        image.extend(bytes(end - len(image)))
    image[change.offset : end] = change.data


class Connection:
    """As much of :class:`sqlite3.Connection` as the store uses, over apsw and a VFS of its own."""

    def __init__(self, path: str, vfs: str) -> None:
        self._connection = apsw.Connection(path, vfs=vfs)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> _Result:
        return self._run(lambda: _Result(self._connection, sql, [tuple(parameters)]))

    def executemany(self, sql: str, rows: Iterable[Iterable[Any]]) -> _Result:
        return self._run(lambda: _Result(self._connection, sql, [tuple(row) for row in rows]))

    def executescript(self, sql: str) -> _Result:
        return self._run(lambda: _Result(self._connection, sql, [()]))

    def close(self) -> None:
        self._connection.close()

    def _run(self, call: Callable[[], _Result]) -> _Result:
        try:
            return call()
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from error


class _Result:
    def __init__(
        self, connection: apsw.Connection, sql: str, rows: Iterable[tuple[Any, ...]]
    ) -> None:
        before = connection.total_changes()
        self._rows: list[Any] = []
        for row in rows:
            self._rows += connection.execute(sql, row).fetchall()
        self.rowcount = connection.total_changes() - before
        self.lastrowid = connection.last_insert_rowid()

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[Any]:
        return self._rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)
