"""Logs over a restart, on a clock moved by hand and a real store."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.model.clock import SystemClock
from emulator.model.errors import StorageError
from emulator.store.store import Store
from emulator.telemetry import logs
from emulator.telemetry.groups import STREAM_MEMORY, LogEvent
from emulator.telemetry.logs import STREAM_BYTES, Logs
from emulator.telemetry.recorder import DELAY_S, Recorder
from emulator.testing import FakeClock, RecordingConsole

WHERE = ("000000000000", "us-east-1")
DAY = 86_400


class Run:
    """One life of an emulator's logs."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.store = Store.open(folder)
        assert self.store.logs is not None
        self.journal = self.store.logs
        console = RecordingConsole()
        self.told = console.warnings
        self.recorder = Recorder(self.journal, clock, console)
        self.logs = Logs(clock, self.recorder, console)

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
        await first.clock.advance(DELAY_S)
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
        kept = await second.journal.events(0, 1 << 62, 1 << 30)
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


async def test_an_overfull_file_of_an_early_release_is_cut_to_the_bounds(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest lines stay, in memory and on the disk."""
    async with run() as first:
        for number in range(4):
            writer = first.logs.writer(*WHERE, "group", f"stream {number}")
            for line in range(4):
                writer.line(f"{number}.{line}" + 1000 * "x")
            await first.clock.advance(1)
    monkeypatch.setattr(logs, "GROUP_BYTES", 3 * 4 * 1500)
    monkeypatch.setattr(logs, "STREAM_BYTES", 3 * 1400 + STREAM_MEMORY)
    async with run() as second:
        await second.logs.loaded()
        found = {name: [line[:3] for line in lines] for name, lines in second.messages().items()}
        assert found == {
            "stream 2": ["2.1", "2.2", "2.3"],
            "stream 3": ["3.1", "3.2", "3.3"],
        }
    async with run() as third:
        await third.logs.loaded()
        assert len(await third.journal.events(0, 1 << 62, 1 << 30)) == 6


@pytest.mark.thorough
@pytest.mark.parametrize(
    "line", ["", "x" * 200_000, "\u00e9" * 100_000], ids=["empty", "long", "é"]
)
async def test_a_flood_fills_neither_memory_nor_disk(
    run: Callable[[], Run], tmp_path: Path, line: str
) -> None:
    """Lines of 200 KB were 2 GB in memory and on the disk; empty ones were not counted."""
    async with run() as first:
        writer = first.logs.writer(*WHERE, "group", "stream")
        weight = LogEvent(0, 0, line, 0).memory
        for number in range(min(200_000_000 // weight, 60_000)):
            writer.line(f"{number} {line}")
            if number % 100 == 0:
                assert first.logs.memory <= STREAM_BYTES
                assert first.recorder._pending._memory <= STREAM_BYTES + 2 * 8 * 1024 * 1024
                if number % 10_000 == 0:
                    await first.clock.advance(DELAY_S)
        assert len(first.told) == 1
        assert "the log stream keeps 8 MB" in first.told[0]
        last = f"{number} {line}"
    async with run() as second:
        await second.logs.loaded()
        assert second.messages()["stream"][-1] == last
        assert len(second.messages()["stream"]) > 10
    size = sum(path.stat().st_size for path in tmp_path.glob("logs.db*"))
    assert size < 8 * STREAM_BYTES


async def test_all_groups_together_are_bounded(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "ALL_BYTES", 100_000)
    async with run() as first:
        for number in range(100):
            first.logs.writer(*WHERE, f"group {number}", "stream").line("x" * 10_000)
            await first.clock.advance(0.01)
            assert first.logs.memory <= 100_000
        groups = first.logs.groups[WHERE]
        assert groups["group 99"].streams
        assert not groups["group 0"].streams
        held = sum(group.memory for group in groups.values())
        assert held == first.logs.memory
        # What is held is what is counted, by whatever way it went.
        first.logs.delete_group(*WHERE, "group 99")
        first.logs.delete_stream(groups["group 98"], "stream")
        for group in groups.values():
            assert group.memory == sum(stream.memory for stream in group.streams.values())
        assert first.logs.memory == sum(group.memory for group in groups.values())


async def test_memory_is_counted_as_it_is() -> None:
    tracemalloc.start()
    try:
        for line in ("", "x" * 100, "x" * 10_000, "\u20ac" * 1000):
            log = Logs(SystemClock())
            writer = log.writer(*WHERE, "group", "stream")
            before = tracemalloc.get_traced_memory()[0]
            for number in range(2000):
                writer.line(f"{number:5}{line}")
            taken = tracemalloc.get_traced_memory()[0] - before
            assert taken <= log.memory <= 2 * taken
    finally:
        tracemalloc.stop()


async def test_a_disk_that_takes_nothing_stops_no_function(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run() as first:

        async def full(changes: Any) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(first.journal, "write", full)
        writer = first.logs.writer(*WHERE, "group", "stream")
        writer.line("early")
        for _ in range(3):
            await first.clock.advance(DELAY_S)
        # Said once.
        assert first.told == ["Logs are not kept for now: the disk is full"]
        writer.line("late")
        deleted = first.logs.stream(first.logs.group(*WHERE, "group"), "deleted")
        first.logs.append(first.logs.group(*WHERE, "group"), deleted, "gone")
        await first.clock.advance(DELAY_S)
        first.logs.delete_stream(first.logs.group(*WHERE, "group"), "deleted")
        monkeypatch.undo()
    # What could not be written was not forgotten.
    async with run() as second:
        await second.logs.loaded()
        assert second.messages() == {"stream": ["early", "late"]}


async def test_what_the_disk_never_takes_is_said_at_the_end(
    run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run() as first:

        async def full(changes: Any) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(first.journal, "write", full)
        first.logs.writer(*WHERE, "group", "stream").line("lost")
    assert first.told[-1] == "1 lines of log were not kept."
