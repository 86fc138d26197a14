"""The admin API's view of logs: past lines, and new lines as they come."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from typing import Annotated

import orjson
from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse

from emulator.edge.admin.views import PREFIX, LogView
from emulator.services.context import Parts
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

_GROUP = "/aws/lambda/"
#: What is kept for a follower who reads more slowly than functions log, bytes of memory.
_BEHIND_BYTES = 4 * 1024 * 1024
#: What an event takes here beside what it takes in the logs, bytes.
_VIEW_BYTES = 1024


def add(app: FastAPI, parts: Parts, stopping: asyncio.Event) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/logs", summary="Log lines, oldest first")
    async def logs(
        function: str | None = None,
        since: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[LogView]:
        """Return the newest ``limit`` lines whose sequence numbers are above ``since``."""
        await parts.logs.loaded()
        return _newest(parts, function, since, limit)

    @app.get(f"{PREFIX}/logs/follow", summary="Log lines as they come")
    async def follow(
        function: str | None = None,
        since: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=0, le=10_000)] = 100,
    ) -> StreamingResponse:
        """What ``/logs`` gives, then each new line: one JSON object per line, without end.

        Empty lines keep the connection alive. ``{"skipped": n}`` says that the reader was too
        slow for n lines.
        """
        lines = _follow(parts, function, since, limit, stopping)
        return StreamingResponse(lines, media_type="application/x-ndjson")


def _newest(parts: Parts, function: str | None, since: int, limit: int) -> list[LogView]:
    found: list[tuple[LogEvent, LogGroup, LogStream]] = []
    for group in _groups(parts, function):
        for stream in group.streams.values():
            for event in islice(reversed(stream.events), limit):
                if event.sequence <= since:
                    break
                found.append((event, group, stream))
    newest = heapq.nlargest(limit, found, key=lambda each: each[0].sequence)
    return [_log(group, stream, event) for event, group, stream in reversed(newest)]


def _groups(parts: Parts, function: str | None) -> list[LogGroup]:
    groups = [group for scope in parts.logs.groups.values() for group in scope.values()]
    if function is None:
        return groups
    names = _group_names(parts, function)
    return [group for group in groups if group.name in names]


def _group_names(parts: Parts, function: str) -> set[str]:
    configured = (each.latest for each in parts.registry.all() if each.name == function)
    return {_GROUP + function, *(version.effective_log_group for version in configured)}


def _log(group: LogGroup, stream: LogStream, event: LogEvent) -> LogView:
    return LogView(
        sequence=event.sequence,
        timestamp=event.timestamp,
        function=group.name.removeprefix(_GROUP),
        group=group.name,
        stream=stream.name,
        message=event.message,
    )


async def _follow(
    parts: Parts, function: str | None, since: int, limit: int, stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    await parts.logs.loaded()
    groups = None if function is None else _group_names(parts, function)
    waiting: deque[tuple[LogView, int]] = deque()
    waiting_bytes = 0
    came = asyncio.Event()
    skipped = 0

    def listener(group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        nonlocal skipped, waiting_bytes
        if groups is not None and group.name not in groups:
            return
        waiting.append((_log(group, stream, event), event.memory + _VIEW_BYTES))
        waiting_bytes += waiting[-1][1]
        while waiting_bytes > _BEHIND_BYTES and len(waiting) > 1:
            waiting_bytes -= waiting.popleft()[1]
            skipped += 1
        came.set()

    end = parts.logs.listen(listener)
    past = _newest(parts, function, since, limit)
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        # The first bytes tell the client that it is being served.
        yield b"\n"
        for view in past:
            yield _line(view)
        while not stopping.is_set():
            while waiting:
                view, size = waiting.popleft()
                waiting_bytes -= size
                yield _line(view)
            if skipped:
                yield orjson.dumps({"skipped": skipped}) + b"\n"
                skipped = 0
            came.clear()
            new = asyncio.ensure_future(came.wait())
            try:
                done, _ = await asyncio.wait(
                    {new, stopped}, timeout=15, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                new.cancel()
            if not done:
                yield b"\n"
    finally:
        stopped.cancel()
        end()


def _line(view: LogView) -> bytes:
    return orjson.dumps(view.model_dump()) + b"\n"
