"""The stream of changes of the timeline: who reads it too slowly, and who leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from emulator.edge.admin.timeline.routes import follow_changes
from emulator.telemetry.timeline.filters import Filters
from emulator.telemetry.timeline.history import INVOCATION_BYTES
from emulator.telemetry.timeline.timeline import Timeline
from emulator.testing import until_idle
from tests.unit.pool.conftest import World, make_world


class Following:
    """A world, its timeline, and a stream of its changes that is read by hand."""

    def __init__(self, world: World, limit_bytes: int = 1 << 20) -> None:
        self.world = world
        self.timeline = Timeline(world.pools.lifecycle, world.clock, limit_bytes)
        self.stopping = asyncio.Event()

    def stream(self, cursor: str | None = None) -> AsyncIterator[bytes]:
        parts: Any = SimpleNamespace(
            clock=self.world.clock,
            lifecycle=self.world.pools.lifecycle,
            pools=self.world.pools,
        )
        return follow_changes(parts, self.timeline, Filters(), cursor, self.stopping)

    async def calls(self, count: int) -> None:
        version = self.world.function()
        for _ in range(count):
            await self.world.invoke(version)
        await until_idle()


def parsed(event: bytes) -> tuple[str, str, Any]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return fields["event"], fields["id"], json.loads(fields["data"])


async def test_a_reader_that_is_too_slow_is_told_to_begin_anew() -> None:
    following = Following(make_world(), 200 * INVOCATION_BYTES)
    await following.timeline.open()
    stream = following.stream()
    assert await anext(stream) == b"retry: 1000\n\n"
    first = asyncio.ensure_future(anext(stream))
    await until_idle()
    await following.calls(3)
    assert parsed(await first)[0] == "changes"
    await following.calls(300)
    late = asyncio.ensure_future(anext(stream))
    await until_idle()
    await following.world.clock.advance(1)
    kind, cursor, data = parsed(await late)
    assert kind == "reset"
    assert data["known_from"] == following.timeline.history.known_from
    await following.calls(2)
    kind, after, changes = parsed(await anext(stream))
    assert kind == "changes"
    assert len(changes["invocations"]) == 2
    assert after != cursor
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(following.world.pools.lifecycle.close_listeners) == 0
    await following.world.pools.close()


async def test_many_changes_come_in_several_events() -> None:
    following = Following(make_world(), 8 << 20)
    await following.timeline.open()
    begin = f"{following.timeline.identity}-0-0"
    await following.calls(2500)
    stream = following.stream(begin)
    assert await anext(stream) == b"retry: 1000\n\n"
    counts, ids = [], []
    for _ in range(3):
        event = asyncio.ensure_future(anext(stream))
        await until_idle()
        await following.world.clock.advance(1)
        _, _, changes = parsed(await event)
        counts.append(len(changes["invocations"]))
        ids += [each["id"] for each in changes["invocations"]]
        assert len(changes["environments"]) == 1
    assert counts == [1000, 1000, 500]
    assert ids == list(range(1, 2501))
    last = asyncio.ensure_future(anext(stream, None))
    following.stopping.set()
    await following.world.clock.advance(1)
    assert await last is None
    await following.world.pools.close()


async def test_who_leaves_leaves_nothing_behind() -> None:
    following = Following(make_world())
    await following.timeline.open()
    stream = following.stream()
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await until_idle()
    waiting.cancel()
    await until_idle()
    assert following.world.pools.lifecycle.close_listeners == ()
    assert asyncio.all_tasks() == {asyncio.current_task()}
