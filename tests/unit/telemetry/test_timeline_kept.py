"""The timeline over a restart, on a clock moved by hand and a real store."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import StorageFull
from emulator.model.timeline_journal import TimelinePage
from emulator.store.store import Store
from emulator.store.timeline import StoredTimeline
from emulator.telemetry.timeline.keeper import DELAY_S
from emulator.telemetry.timeline.timeline import Timeline
from emulator.testing import FakeClock, RecordingConsole, until_idle
from tests.unit.pool.conftest import World, make_world

MB = 1024 * 1024


class Journal:
    """The store's journal; says when a page was tried to be written."""

    def __init__(self, journal: StoredTimeline) -> None:
        self._journal = journal
        self.tried = asyncio.Event()
        self.full = False
        self.open, self.pages = journal.open, journal.pages

    async def write(self, page: TimelinePage, limit_bytes: int) -> None:
        try:
            if self.full:
                raise StorageFull("SQLITE_FULL: no room")
            await self._journal.write(page, limit_bytes)
        finally:
            self.tried.set()


class Run:
    """One life of an emulator's pools and its timeline."""

    def __init__(self, folder: Path, clock: FakeClock, limit_bytes: int) -> None:
        self.store = Store.open(folder, durability="off")
        assert self.store.timeline is not None
        self.journal = Journal(self.store.timeline)
        self.console = RecordingConsole()
        self.world: World = make_world()
        self.clock = self.world.clock
        self.timeline = Timeline(
            self.world.pools.lifecycle,
            self.clock,
            limit_bytes,
            journal=self.journal,
            console=self.console,
        )

    async def __aenter__(self) -> Run:
        await self.timeline.open()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.world.pools.close()
        await until_idle()
        await self.timeline.close()
        await self.store.close()

    async def kill(self) -> None:
        """End as after a SIGKILL: nothing more is written."""
        self.timeline.stop()
        await self.store.close()

    async def calls(self, count: int, payload: bytes = b'"event"') -> None:
        version = self.world.function()
        for _ in range(count):
            await self.world.invoke(version, payload)
        await until_idle()

    async def written(self) -> None:
        """Let the page of what is new be written."""
        self.journal.tried.clear()
        await self.clock.advance(DELAY_S)
        await asyncio.wait_for(self.journal.tried.wait(), 60)
        await until_idle()

    async def ids(self) -> list[int]:
        await self.timeline.loaded()
        return [each.id for each in self.timeline.history.snapshot()]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    return lambda limit_bytes=MB: Run(tmp_path, FakeClock(), limit_bytes)


async def test_everything_is_there_again(run: Callable[..., Run]) -> None:
    async with run() as first:
        await first.calls(3)
        await first.written()
        await first.calls(2, b'"later"')
        before = list(first.timeline.history.snapshot())
        identity = first.timeline.identity
    async with run() as second:
        assert second.timeline.identity == identity
        await second.timeline.loaded()
        history = second.timeline.history
        assert list(history.snapshot()) == before
        assert history.bodies(1) == (b'"event"', b'"event"')
        assert history.bodies(5) == (b'"later"', b'"later"')
        (environment,) = history.environments.values()
        assert (environment.state, environment.ended_cause) == ("stopped", "shutdown")
        assert environment.invokes == 5
        await second.calls(1)
        ids = await second.ids()
        assert ids[:5] == [1, 2, 3, 4, 5]
        assert ids[5] > 1_000_000  # what a crash may have used is never used again
    async with run() as third:
        assert await third.ids() == ids


async def test_after_a_crash_all_but_the_last_second_is_there(run: Callable[..., Run]) -> None:
    first = run()
    await first.timeline.open()
    await first.calls(3)
    await first.written()
    await first.calls(2)
    await first.kill()
    async with run() as second:
        assert await second.ids() == [1, 2, 3]
        (environment,) = second.timeline.history.environments.values()
        assert (environment.state, environment.ended_cause) == ("stopped", "lost")
        assert environment.ended == first.clock.now()
        assert all(phase.end is not None for phase in environment.phases)
    await first.world.pools.close()


async def test_nothing_is_read_before_somebody_asks(run: Callable[..., Run]) -> None:
    async with run() as first:
        await first.calls(3)
    async with run() as second:
        await until_idle()
        assert len(second.timeline.history.snapshot()) == 0
        assert await second.ids() == [1, 2, 3]


async def test_the_disk_is_bounded_and_it_says_from_when_it_knows(run: Callable[..., Run]) -> None:
    async with run(20_000) as first:
        began = first.timeline.history.known_from
        for n in range(60):
            # What does not compress.
            text = "".join(hashlib.sha256(b"%d" % (n + part)).hexdigest() for part in range(5))
            await first.calls(1, f'"{text}"'.encode())
            await first.written()
        size = sum(len(page.content) for page in await first.journal.pages(1000))
    assert size <= 20_000
    async with run(20_000) as second:
        ids = await second.ids()
        assert 0 < len(ids) < 60
        assert ids == list(range(61 - len(ids), 61))
        assert second.timeline.history.known_from > began


async def test_a_full_disk_ends_nothing(run: Callable[..., Run]) -> None:
    async with run() as first:
        first.journal.full = True
        await first.calls(2)
        await first.written()
        await first.written()
        (warning,) = first.console.warnings
        assert "The timeline is not kept for now" in warning
        first.journal.full = False
        await first.written()
    async with run() as second:
        assert await second.ids() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"x\x9c\x03\x00\x00\x00\x00\x01"])
async def test_a_damaged_page_is_said_and_ends_nothing(
    run: Callable[..., Run], tmp_path: Path, content: bytes
) -> None:
    async with run() as first:
        await first.calls(2)
    with sqlite3.connect(tmp_path / "timeline.db") as database:
        database.execute("UPDATE pages SET content = ?", (content,))
    database.close()
    async with run() as second:
        assert await second.ids() == []
        (warning,) = second.console.warnings
        assert "The timeline of earlier runs could not be read" in warning
        await second.calls(1)
        assert len(await second.ids()) == 1
