"""Logs over a restart, on a clock moved by hand and a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import StorageError
from emulator.store.store import Store
from emulator.telemetry import recorder
from emulator.telemetry.logs import STREAM_BYTES, Logs
from emulator.telemetry.recorder import DELAY, Recorder
from emulator.testing import FakeClock

WHERE = ("000000000000", "us-east-1")
DAY = 86_400


class Run:
    """One life of an emulator's logs."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.store = Store.open(folder)
        assert self.store.logs is not None
        self.journal = self.store.logs
        self.recorder = Recorder(self.journal, clock)
        self.logs = Logs(clock, self.recorder)

    async def __aenter__(self) -> Run:
        await self.logs.open()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.logs.close()
        await self.store.close()

    def messages(self, group: str = "group") -> dict[str, list[str]]:
        """Messages by stream."""
        found = self.logs.groups[WHERE][group]
        return {name: [e.message for e in s.events] for name, s in found.streams.items()}


@pytest.fixture
def run(tmp_path: Path) -> Callable[[], Run]:
    clock = FakeClock()
    return lambda: Run(tmp_path, clock)


async def test_everything_is_there_again(run: Callable[[], Run]) -> None:
    async with run() as first:
        writer = first.logs.writer(*WHERE, "group", "stream")
        for number in range(5000):
            writer.line(f"line {number}")
        group = first.logs.group(*WHERE, "group")
        group.retention_days, group.tags["a"] = 7, "b"
        first.logs.changed(group)
        client = first.logs.stream(group, "client")
        first.logs.append(group, client, "later", 2_000)
        first.logs.append(group, client, "earlier", 1_000)
        size, sequence = group.size, client.events[-1].sequence
    async with run() as second:
        await second.logs.loaded()
        group = second.logs.groups[WHERE]["group"]
        assert second.messages() == {
            "stream": [f"line {number}" for number in range(5000)],
            "client": ["later", "earlier"],
        }
        assert (group.retention_days, group.tags, group.size) == (7, {"a": "b"}, size)
        assert group.streams["stream"].of_lines
        assert [e.message for e in group.streams["client"].between(0, 5_000)] == [
            "earlier",
            "later",
        ]
        # What comes now is after what was.
        event = second.logs.append(group, group.streams["client"], "now")
        assert event.sequence > sequence


async def test_a_line_is_kept_a_moment_after_it_was_written(
    run: Callable[[], Run], tmp_path: Path
) -> None:
    async with run() as first:
        first.logs.writer(*WHERE, "group", "stream").line("one")
        await first.clock.advance(DELAY)
        assert first.recorder._writing is not None
        await first.recorder._writing
        assert len(await first.journal.events(0, 1 << 62, 10)) == 1
        assert not first.clock._due, "nothing is to be written, and a timer is armed"


async def test_what_is_deleted_stays_away(run: Callable[[], Run]) -> None:
    async with run() as first:
        for name in ("kept", "deleted", "made anew"):
            for stream in ("one", "two"):
                first.logs.writer(*WHERE, name, stream).line("before")
    async with run() as second:
        await second.logs.loaded()
        second.logs.delete_stream(second.logs.group(*WHERE, "kept"), "one")
        for name in ("deleted", "made anew"):
            second.logs.delete_group(*WHERE, name)
        second.logs.writer(*WHERE, "made anew", "three").line("after")
    async with run() as third:
        await third.logs.loaded()
        assert third.logs.groups[WHERE].keys() == {"kept", "made anew"}
        assert third.messages("kept") == {"two": ["before"]}
        assert third.messages("made anew") == {"three": ["after"]}


async def test_the_disk_keeps_no_more_than_the_memory(run: Callable[[], Run]) -> None:
    line = "x" * 100_000
    async with run() as first:
        writer = first.logs.writer(*WHERE, "group", "stream")
        for _ in range(2 * STREAM_BYTES // len(line)):
            writer.line(line)
    async with run() as second:
        await second.logs.loaded()
        assert second.logs.groups[WHERE]["group"].size <= STREAM_BYTES
        kept = await second.journal.events(0, 1 << 62, 1000)
        assert len(kept) == len(second.messages()["stream"])


async def test_retention_holds_over_a_restart(run: Callable[[], Run]) -> None:
    async with run() as first:
        group = first.logs.group(*WHERE, "group")
        group.retention_days = 1
        first.logs.changed(group)
        first.logs.writer(*WHERE, "group", "stream").line("old")
        await first.clock.advance(2 * DAY)
        first.logs.writer(*WHERE, "group", "stream").line("new")
    async with run() as second:
        await second.logs.loaded()
        second.logs.expire(second.logs.group(*WHERE, "group"))
        assert second.messages() == {"stream": ["new"]}
    async with run() as third:
        await third.logs.loaded()
        assert third.messages() == {"stream": ["new"]}


async def test_only_the_newest_lines_are_kept(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_KEPT", 10)
    async with run() as first:
        for number in range(4):
            writer = first.logs.writer(*WHERE, "group", f"stream {number}")
            for line in range(4):
                writer.line(f"{number}.{line}")
    async with run() as second:
        await second.logs.loaded()
        # A stream of which nothing is left is gone as well.
        assert second.messages() == {
            "stream 1": ["1.2", "1.3"],
            "stream 2": ["2.0", "2.1", "2.2", "2.3"],
            "stream 3": ["3.0", "3.1", "3.2", "3.3"],
        }


async def test_a_flood_that_the_disk_cannot_follow_fills_no_memory(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING", 10)
    async with run() as first:
        writer = first.logs.writer(*WHERE, "group", "stream")
        for number in range(1000):
            writer.line(str(number))
        assert len(first.recorder._events) <= 11
        assert len(first.messages()["stream"]) == 1000
    async with run() as second:
        await second.logs.loaded()
        assert second.messages()["stream"][-1] == "999"


async def test_a_disk_that_takes_nothing_stops_no_function(
    run: Callable[[], Run],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run() as first:

        async def full(changes: Any) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(first.journal, "write", full)
        writer = first.logs.writer(*WHERE, "group", "stream")
        writer.line("lost")
        await first.clock.advance(DELAY)
        assert "1 lines of log are not kept: the disk is full" in caplog.text
        monkeypatch.undo()
        writer.line("kept")
        assert first.messages() == {"stream": ["lost", "kept"]}
