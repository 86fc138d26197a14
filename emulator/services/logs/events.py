"""Log events: put, read in their stream, searched across streams."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from emulator.services.context import Context, Request, Response
from emulator.services.logs import lookup
from emulator.services.logs.lookup import invalid
from emulator.services.logs.pattern import compile_pattern
from emulator.services.logs.state import of
from emulator.telemetry.groups import OVERHEAD, LogEvent, LogGroup, LogStream
from emulator.telemetry.writer import EVENT_BYTES

#: The most bytes of a batch of PutLogEvents, and of a page of events.
_PAGE_BYTES = 1_048_576
_PAGE_EVENTS = 10_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
#: Later than every timestamp.
_EVER = 1 << 62
_PLACE = re.compile(r"([fb])/(\d{20})(\d{36})")


async def put_log_events(ctx: Context, request: Request) -> Response:
    """Serve PutLogEvents.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
    """
    logs = ctx.parts.logs
    group = lookup.group(ctx, request["logGroupName"])
    stream = lookup.stream(group, request["logStreamName"])
    batch = request["logEvents"]
    _check_batch(batch)
    now = int(ctx.clock.now() * 1000)
    rejected, first, end = _reject(batch, now, group.retention_days)
    for event in batch[first:end]:
        logs.append(group, stream, event["message"], event["timestamp"])
    # What is acknowledged reaches subscribers, whatever crashes.
    await of(ctx).keep_passed_on(group)
    token = stream.events[-1].sequence if stream.events else 0
    return {"nextSequenceToken": f"{token:056d}", "rejectedLogEventsInfo": rejected or None}


def _check_batch(batch: Sequence[dict[str, Any]]) -> None:
    size, before = 0, 0
    for event in batch:
        length = len(event["message"].encode("utf-8", "replace")) + OVERHEAD
        if length > EVENT_BYTES:
            raise invalid(
                f"Log event too large: {length} bytes exceeds limit of {EVENT_BYTES} bytes"
            )
        size += length
        if event["timestamp"] < before:
            raise invalid(
                "Log events in a single PutLogEvents request must be in chronological order."
            )
        before = event["timestamp"]
    if size > _PAGE_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {_PAGE_BYTES} bytes")
    if before - batch[0]["timestamp"] > _DAY_MS:
        raise invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )


def _reject(
    batch: Sequence[dict[str, Any]], now: int, retention_days: int | None
) -> tuple[dict[str, int], int, int]:
    """Return which events of a batch are refused, and the bounds of those accepted."""
    times = [event["timestamp"] for event in batch]
    rejected: dict[str, int] = {}
    too_old = sum(time < now - 14 * _DAY_MS for time in times)
    expired = sum(time < now - (retention_days or 1 << 20) * _DAY_MS for time in times)
    end = len(times) - sum(time > now + 2 * _HOUR_MS for time in times)
    if end < len(times):
        rejected["tooNewLogEventStartIndex"] = end
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    return rejected, max(too_old, expired), end


# --- one stream ----------------------------------------------------------------------------------


async def get_log_events(ctx: Context, request: Request) -> Response:
    """Serve GetLogEvents.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """
    group = lookup.group_of(ctx, request)
    stream = lookup.stream(group, request["logStreamName"])
    events = stream.between(request.get("startTime", 0), request.get("endTime", _EVER) - 1)
    limit = request.get("limit", _PAGE_EVENTS)
    token = request.get("nextToken")
    if token is None:
        forward = bool(request.get("startFromHead"))
        place = (0, 0) if forward else (_EVER, 0)
    else:
        match = _PLACE.fullmatch(token)
        if match is None:
            raise invalid("The specified nextToken is invalid.")
        forward, place = match[1] == "f", (int(match[2]), int(match[3]))
    if forward:
        chosen = _first((e for e in events if _place(e) > place), limit)
    else:
        chosen = _first((e for e in reversed(events) if _place(e) < place), limit)[::-1]
    # At either end the token stays the same: callers know the end by that.
    head = _place(chosen[0]) if chosen else _bounded(place)
    last = _place(chosen[-1]) if chosen else _bounded(place)
    return {
        "events": [
            {
                "timestamp": event.timestamp,
                "message": _message(stream, event),
                "ingestionTime": event.ingested,
            }
            for event in chosen
        ],
        "nextForwardToken": "f/{:020d}{:036d}".format(*last),
        "nextBackwardToken": "b/{:020d}{:036d}".format(*head),
    }


def _place(event: LogEvent) -> tuple[int, int]:
    return event.timestamp, event.sequence


def _bounded(place: tuple[int, int]) -> tuple[int, int]:
    """Return the position after which new events come."""
    return (0, 0) if place[0] == _EVER else place


def _first(events: Iterable[LogEvent], limit: int) -> list[LogEvent]:
    """Return the first events that fit in a page."""
    chosen: list[LogEvent] = []
    size = 0
    for event in islice(events, limit):
        size += len(event.message) + OVERHEAD
        if size > _PAGE_BYTES and chosen:
            break
        chosen.append(event)
    return chosen


def _message(stream: LogStream, event: LogEvent) -> str:
    return event.message + "\n" if stream.of_lines else event.message


# --- all streams ---------------------------------------------------------------------------------


class _Found(NamedTuple):
    """An event that was searched for; sorts by time."""

    timestamp: int
    sequence: int
    event: LogEvent
    stream: LogStream


async def filter_log_events(ctx: Context, request: Request) -> Response:
    """Serve FilterLogEvents.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    group = lookup.group_of(ctx, request)
    matches = compile_pattern(request.get("filterPattern") or "")
    start, end = request.get("startTime", 0), request.get("endTime", _EVER)
    ascending = request.get("startFromHead") is not False
    after: tuple[int, int] | None = None
    if request.get("nextToken") is not None:
        ascending, after = _continuation(request["nextToken"])
        start, end = (max(start, after[0]), end) if ascending else (start, min(end, after[0]))
    found = [
        _Found(event.timestamp, event.sequence, event, stream)
        for stream in _searched(group, request)
        for event in stream.between(start, end)
        if after is None or (_place(event) > after if ascending else _place(event) < after)
        if matches(event.message)
    ]
    limit = request.get("limit", _PAGE_EVENTS)
    choose = heapq.nsmallest if ascending else heapq.nlargest
    candidates = choose(limit, found, key=lambda each: each[:2])
    chosen = candidates[: len(_first([each.event for each in candidates], limit))]
    token = None
    if len(chosen) < len(found):
        last = chosen[-1]
        token = lookup.token_of(f"{'f' if ascending else 'b'}/{last.timestamp}/{last.sequence}")
    return {
        "events": [
            {
                "logStreamName": each.stream.name,
                "timestamp": each.timestamp,
                "message": _message(each.stream, each.event),
                "ingestionTime": each.event.ingested,
                "eventId": f"{each.timestamp:020d}{each.sequence:036d}",
            }
            for each in chosen
        ],
        "searchedLogStreams": [],
        "nextToken": token,
    }


def _continuation(token: str) -> tuple[bool, tuple[int, int]]:
    match = re.fullmatch(r"([fb])/(\d+)/(\d+)", lookup.text_of(token), re.ASCII)
    if match is None:
        raise invalid("The specified nextToken is invalid.")
    return match[1] == "f", (int(match[2]), int(match[3]))


def _searched(group: LogGroup, request: Request) -> list[LogStream]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise invalid(
            "The parameters logStreamNames and logStreamNamePrefix are mutually exclusive."
        )
    if names is not None:
        return [lookup.stream(group, name) for name in dict.fromkeys(names)]
    return [each for each in group.streams.values() if each.name.startswith(prefix or "")]
