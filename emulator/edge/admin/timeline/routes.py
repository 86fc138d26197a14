"""The routes of the timeline: documents, lists, one invocation, and the stream of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.responses import StreamingResponse

from emulator.edge.admin.timeline import documents
from emulator.edge.admin.timeline.documents import Cursor, Snapshot
from emulator.edge.admin.timeline.one import one_invocation
from emulator.edge.admin.timeline.pool_facts import pool_facts
from emulator.edge.admin.timeline.running import running
from emulator.edge.admin.views import PREFIX
from emulator.pool.states import EnvironmentState
from emulator.services.context import Parts
from emulator.simulation import cost
from emulator.telemetry.timeline.filters import Filters
from emulator.telemetry.timeline.timeline import Timeline

_prices = cache(cost.load)
#: Invocations of one event of the stream at most.
_MOST_CHANGES = 1000
#: Seconds between two events of the stream at least, and at most until a comment is sent.
_PAUSE_S = 0.1
_SILENCE_S = 15.0

Limit = Annotated[int, Query(ge=1, le=10_000)]


def add(app: FastAPI, parts: Parts, stopping: asyncio.Event) -> None:
    """Add the routes."""

    def chosen(
        function: Annotated[list[str] | None, Query()] = None,
        version: str | None = None,
        account: str | None = None,
        environment: str | None = None,
        failed: bool | None = None,
        cold: bool | None = None,
        slow: Annotated[float | None, Query(ge=0)] = None,
        since: float | None = None,
        until: float | None = None,
        text: str | None = None,
    ) -> Filters:
        now = parts.clock.now()
        return Filters(
            functions=frozenset(function or ()),
            version=version,
            account=account,
            environment=environment,
            failed=failed,
            cold=cold,
            slow_ms=slow,
            since=since if since is None or since >= 0 else now + since,
            until=until if until is None or until >= 0 else now + until,
            text=text or None,
        )

    chosen_filters = Depends(chosen)

    @app.get(f"{PREFIX}/timeline", summary="Environments and invocations of a window")
    async def timeline(
        limit: Limit = 1000, before: int | None = None, filters: Filters = chosen_filters
    ) -> Response:
        """Return a document: see docs/timeline.md."""
        snapshot = await _snapshot(parts)
        facts = pool_facts(parts, snapshot)
        return await _answer(
            lambda: (
                documents.document(snapshot, filters, limit=limit, before=before) | {"pool": facts}
            )
        )

    @app.get(f"{PREFIX}/timeline/follow", summary="What changes, as server-sent events")
    async def follow(
        cursor: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
        filters: Filters = chosen_filters,
    ) -> StreamingResponse:
        """Send a document of what has changed, whenever something has: see docs/timeline.md."""
        timeline = _recorded(parts)
        await timeline.loaded()
        events = follow_changes(parts, timeline, filters, last_event_id or cursor, stopping)
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    @app.get(f"{PREFIX}/invocations", summary="Invocations, newest first")
    async def invocations(
        limit: Limit = 100, before: int | None = None, filters: Filters = chosen_filters
    ) -> Response:
        """Return a page of invocations, and a summary of all: see docs/timeline.md."""
        snapshot = await _snapshot(parts)
        return await _answer(
            lambda: documents.listing(snapshot, filters, limit=limit, before=before)
        )

    @app.get(f"{PREFIX}/invocations/{{id}}", summary="One invocation", responses={404: {}})
    async def invocation(id: str) -> Response:
        """Return an invocation by its request id or its number: see docs/timeline.md."""
        snapshot = await _snapshot(parts)
        found = await one_invocation(parts, snapshot, id)
        if found is None:
            raise HTTPException(404, f"No invocation {id} is known since {snapshot.known_from}.")
        return await _answer(lambda: found)


def _recorded(parts: Parts) -> Timeline:
    if parts.timeline is None:
        raise HTTPException(404, "Nothing is recorded: the emulator runs with --timeline-mb 0.")
    return parts.timeline


async def known_snapshot(parts: Parts) -> Snapshot | None:
    """Return the timeline as it is now; None if nothing is recorded."""
    return None if parts.timeline is None else await _snapshot(parts)


async def _snapshot(parts: Parts) -> Snapshot:
    timeline = _recorded(parts)
    await timeline.loaded()
    return take_snapshot(parts, timeline)


def take_snapshot(parts: Parts, timeline: Timeline, after: int = 0) -> Snapshot:
    """Return the timeline as it is now, with the invocations after an id."""
    history = timeline.history
    history.count()
    environments = dict(history.environments)
    return Snapshot(
        cursor=_cursor(timeline),
        now=parts.clock.now(),
        known_from=history.known_from,
        dropped=history.dropped,
        invocations=history.snapshot(after, environments),
        environments=environments,
        states={
            id: "busy" if each.in_flight else "snapshot"
            for id, each in parts.pools.environments.items()
            if each.in_flight or each.state is EnvironmentState.SNAPSHOT
        },
        running=running(parts, timeline),
        bodies=history.bodies,
        prices=_prices(),
    )


async def _answer(make: Callable[[], Any]) -> Response:
    # Thousands of records take a while: not on the loop, which serves calls.
    body = await asyncio.to_thread(lambda: orjson.dumps(make()))
    return Response(body, media_type="application/json")


async def follow_changes(
    parts: Parts,
    timeline: Timeline,
    filters: Filters,
    cursor: str | None,
    stopping: asyncio.Event,
) -> AsyncIterator[bytes]:
    """Yield the stream's events.

    Args:
        parts: The emulator's.
        timeline: What is followed.
        filters: What is asked for.
        cursor: Where to go on; None: at what comes from now on.
        stopping: Set when the emulator ends.
    """
    changed = asyncio.Event()
    # Warm invocations tell of their start only to those who listen closely.
    stop_listening = parts.lifecycle.add(lambda event: changed.set())
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        yield b"retry: 1000\n\n"
        known = _known(timeline, cursor)
        after = known or _cursor(timeline)
        if known is not None:
            changed.set()
        elif cursor is not None:
            yield _reset(timeline)
        while not stopping.is_set():
            if not await _has_changed(changed, stopped):
                yield b": nothing new\n\n"
                continue
            changed.clear()
            if _known(timeline, str(after)) is None:  # it reads too slowly
                after = _cursor(timeline)
                yield _reset(timeline)
                continue
            snapshot = take_snapshot(parts, timeline, after.id)
            event, after = await asyncio.to_thread(_changes, snapshot, filters, after)
            if after != snapshot.cursor:
                changed.set()
            yield event
            await parts.clock.sleep(_PAUSE_S)
    finally:
        stopped.cancel()
        stop_listening()


async def _has_changed(changed: asyncio.Event, stopped: asyncio.Future[Literal[True]]) -> bool:
    waiting = asyncio.ensure_future(changed.wait())
    try:
        await asyncio.wait(
            {waiting, stopped}, timeout=_SILENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waiting.cancel()
    return changed.is_set()


def _changes(snapshot: Snapshot, filters: Filters, after: Cursor) -> tuple[bytes, Cursor]:
    found, until = documents.changes(snapshot, filters, after=after, limit=_MOST_CHANGES)
    return _event("changes", until, found), until


def _reset(timeline: Timeline) -> bytes:
    return _event("reset", _cursor(timeline), {"known_from": timeline.history.known_from})


def _event(kind: str, id: Cursor, data: Any) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (
        kind.encode(),
        str(id).encode(),
        orjson.dumps(data),
    )


def _cursor(timeline: Timeline) -> Cursor:
    return Cursor(timeline.identity, timeline.history.last_id, timeline.recorder.revision)


def _known(timeline: Timeline, text: str | None) -> Cursor | None:
    """Return the cursor of a client; None: what followed it is not known any more."""
    asked = None if text is None else Cursor.parse(text)
    if asked is None:
        return None
    history, last = timeline.history, _cursor(timeline)
    known = (
        asked.identity == last.identity
        and history.dropped_id <= asked.id <= last.id
        and history.dropped_revision <= asked.revision <= last.revision
    )
    return asked if known else None
