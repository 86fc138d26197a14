"""Keeps traces: writes what is new a second later, brings back what earlier runs wrote."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import orjson

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console
from emulator.model.errors import StorageError
from emulator.model.trace_journal import TraceJournal
from emulator.telemetry.traces import calls
from emulator.telemetry.traces.store import Entry, Place, TraceStore

#: Seconds from an entry to its page. A crash loses them.
DELAY_S = 1.0
#: Entries that wait for a slow disk; older ones are not kept.
_MOST_WAITING = 100_000


class Keeper:
    """Writes traces into a journal.

    Args:
        journal: Where they are kept.
        store: What is kept.
        clock: For the delay.
        console: Warned once when the journal fails.
        limit_bytes: The most bytes that the journal keeps.
    """

    def __init__(
        self,
        journal: TraceJournal,
        store: TraceStore,
        *,
        clock: Clock,
        console: Console,
        limit_bytes: int,
    ) -> None:
        self._journal = journal
        self._store = store
        self._clock = clock
        self._console = console
        self._limit = limit_bytes
        self._waiting: list[tuple[Place, Entry]] = []
        self._timer: Timer | None = None
        self._writing: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._works = True
        store.on_change = self._take

    def _take(self, place: Place, entry: Entry) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append((place, entry))
        if self._timer is None:
            self._timer = self._clock.call_later(DELAY_S, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())
        else:  # the disk is slow
            self._timer = self._clock.call_later(DELAY_S, self._due)

    async def _write(self) -> None:
        # What is there of earlier runs is read before pages of this one stand beside it.
        await self.loaded()
        entries, self._waiting = self._waiting, []
        if not entries:
            return
        try:
            page = await asyncio.to_thread(_pack, entries)
            await self._journal.write(page, self._limit)
        except StorageError as error:
            if self._works:
                self._console.warn(f"Traces are not kept for now: {error}")
            self._works = False
        else:
            self._works = True

    async def loaded(self) -> None:
        """Return once the traces of earlier runs are there: they are read when first needed."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())
        await asyncio.wait((self._loading,))

    async def _load(self) -> None:
        try:
            pages = await self._journal.pages()
            entries = await asyncio.to_thread(_unpack, pages)
        except StorageError as error:
            self._console.warn(f"The traces of earlier runs could not be read: {error}")
            return
        if entries:
            self._store.put_before(entries)

    async def clear(self) -> None:
        """Forget what was written; the journal begins anew with what comes now.

        Raises:
            StorageError: It can't be.
        """
        await self.loaded()
        self._waiting.clear()
        await self._journal.clear()

    async def close(self) -> None:
        """Write what is new; nothing more may come."""
        self._store.on_change = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await self._writing
        if self._waiting:
            await self._write()


def _pack(entries: list[tuple[Place, Entry]]) -> bytes:
    lines = []
    for place, entry in entries:
        if isinstance(entry, bytes):
            lines.append(orjson.dumps([*place, orjson.Fragment(entry)]))
        else:
            lines += [orjson.dumps([*place, each]) for each in calls.documents(entry)]
    return zlib.compress(b"\n".join(lines), 1)


def _unpack(pages: list[bytes]) -> list[tuple[Place, dict[str, Any]]]:
    """Return the documents of pages, oldest first.

    Raises:
        StorageError: A page is none.
    """
    found = []
    try:
        for page in pages:
            for line in zlib.decompress(page).split(b"\n"):
                account, region, document = orjson.loads(line)
                found.append(((account, region), document))
    except (zlib.error, ValueError) as error:
        raise StorageError(f"a page of traces is damaged: {error}") from error
    return found
