"""One invocation, with all that is known of it."""

from __future__ import annotations

from typing import Any

from emulator.edge.admin.timeline import documents
from emulator.edge.admin.timeline.documents import Snapshot
from emulator.services.context import Parts
from emulator.telemetry.groups import LogStream
from emulator.telemetry.timeline.history import BODY_BYTES
from emulator.telemetry.timeline.records import InvocationRecord

#: Lines of its log at most.
_MOST_LINES = 1000
#: Its last line comes so many milliseconds after its answer at most.
_REPORT_MS = 2000


async def one_invocation(parts: Parts, snapshot: Snapshot, id: str) -> dict[str, Any] | None:
    """Return an invocation by its request id or its number; None if there is none."""
    found = [each for each in snapshot.invocations if id in (each.request_id, str(each.id))]
    if not found:
        return None
    record = found[-1]
    attempts = [each.id for each in snapshot.invocations if each.request_id == record.request_id]
    environment = snapshot.environments.get(record.environment_id)
    bodies = snapshot.bodies(record.id)
    await parts.logs.loaded()
    return {
        "invocation": documents.invocation(record, snapshot),
        "attempts": attempts,
        "environment": None
        if environment is None
        else documents.environment(environment, snapshot),
        "event": None if bodies is None else _text(bodies.event),
        "event_cut": record.event_bytes > BODY_BYTES,
        "answer": None if bodies is None or bodies.answer is None else _text(bodies.answer),
        "answer_cut": record.answer_bytes > BODY_BYTES,
        "log": _log(parts, record),
    }


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _log(parts: Parts, record: InvocationRecord) -> list[dict[str, Any]]:
    """Return the lines of its environment's log from its START, or INIT, to its REPORT."""
    stream = _stream(parts, record)
    if stream is None or record.started is None:
        return []
    begins = record.requested if record.cold is not None else record.started
    # Its REPORT comes after the answer; timestamps are cut to milliseconds.
    lines = stream.between(int(begins * 1000) - 1, int(record.ended * 1000) + _REPORT_MS)
    naming = [at for at, line in enumerate(lines) if record.request_id in line.message]
    if not naming:
        return []
    first = 0 if record.cold is not None else naming[0]
    return [
        {"timestamp": line.timestamp, "message": line.message}
        for line in lines[first : naming[-1] + 1][:_MOST_LINES]
    ]


def _stream(parts: Parts, record: InvocationRecord) -> LogStream | None:
    version = record.version
    for group in parts.logs.groups.get((version.account, version.region), {}).values():
        for stream in group.streams.values():
            if record.environment_id and stream.name.endswith(record.environment_id):
                return stream
    return None
