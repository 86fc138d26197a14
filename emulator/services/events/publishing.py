"""Events that are put on a bus: checked, matched, accepted for all targets in one commit.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.model.errors import AwsError
from emulator.model.nesting import is_deeper
from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import bus_of
from emulator.services.events.envelope import Event, made
from emulator.services.events.errors import invalid, not_found
from emulator.services.events.fanout import dispatches_of
from emulator.services.events.state import of

#: Bytes of all entries of a request.
_MOST_BYTES = 256 * 1024
_MOST_ENTRIES = 10
_TIME_BYTES = 14
#: Levels of a detail; AWS's own limit, and what can be written again.
_DEEPEST = 100


async def put_events(ctx: Context, request: Request) -> Response:
    """Handle PutEvents: all entries in one commit; a wrong one fails alone."""
    entries: Sequence[Mapping[str, Any]] = request["Entries"]
    _check_count(entries)
    if sum(map(_size, entries)) > _MOST_BYTES:
        raise invalid("Total size of the entries in the request is over the limit.")
    if request.get("EndpointId"):
        raise not_found(f"Endpoint {request['EndpointId']} does not exist.")
    events = of(ctx)
    answers: list[dict[str, Any]] = []
    dispatches: list[Dispatch] = []
    for entry in entries:
        try:
            place = bus_of(ctx, entry.get("EventBusName"))
            event = _event(ctx, entry, place.region)
        except AwsError as error:
            answers.append({"ErrorCode": error.code, "ErrorMessage": error.message})
            continue
        answers.append({"EventId": event.document["id"]})
        trace_id = entry.get("TraceHeader") or ctx.trace_id
        dispatches += dispatches_of(events, place, event, trace_id=trace_id)
    if dispatches:
        await events.outbox.accept(dispatches)
    failed = sum("ErrorCode" in each for each in answers)
    return {"FailedEntryCount": failed, "Entries": answers}


def _check_count(entries: Sequence[Mapping[str, Any]]) -> None:
    if 1 <= len(entries) <= _MOST_ENTRIES:
        return
    shown = ", ".join(_printed(each) for each in entries)
    bound = f"less than or equal to {_MOST_ENTRIES}" if entries else "greater than or equal to 1"
    raise invalid(
        f"1 validation error detected: Value '[{shown}]' at 'entries' failed to satisfy "
        f"constraint: Member must have length {bound}"
    )


def _printed(entry: Mapping[str, Any]) -> str:
    """Return an entry as the service prints it in errors."""
    members = ("Time", "Source", "Resources", "DetailType", "Detail", "EventBusName", "TraceHeader")
    shown = [(each[0].lower() + each[1:], entry.get(each)) for each in members]
    shown += [("kmsKeyIdentifier", None), ("internalMetadata", None)]
    told = (f"{name}={'null' if value is None else value}" for name, value in shown)
    return f"PutEventsRequestEntry({', '.join(told)})"


def _size(entry: Mapping[str, Any]) -> int:
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")]
    size = sum(len(each.encode()) for each in [*texts, *(entry.get("Resources") or [])])
    return size + (_TIME_BYTES if entry.get("Time") is not None else 0)


def _event(ctx: Context, entry: Mapping[str, Any], region: str) -> Event:
    """Return the event of an entry.

    Raises:
        AwsError: What is said of the entry.
    """
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            text = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            raise AwsError("InvalidArgument", text)
    try:
        detail = orjson.loads(entry["Detail"])
    except orjson.JSONDecodeError:
        detail = None
    if not isinstance(detail, dict) or is_deeper(detail, _DEEPEST):
        raise AwsError("MalformedDetail", "Detail is malformed.")
    if entry["Source"].startswith("aws."):
        raise AwsError("NotAuthorizedForSourceException", "Not authorized for the source.")
    at = entry.get("Time")
    return made(
        source=entry["Source"],
        detail_type=entry["DetailType"],
        detail=detail,
        resources=entry.get("Resources") or [],
        account=ctx.account,
        region=region,
        at=_seconds(at) if at is not None else ctx.clock.now(),
        received=ctx.clock.now(),
    )


def _seconds(at: Any) -> float:
    return float(at.timestamp()) if isinstance(at, datetime) else float(at)
