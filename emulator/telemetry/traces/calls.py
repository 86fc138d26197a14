"""The segment documents that Lambda sends of an invocation.

Two segments: what the service did (``AWS::Lambda``), and what the function did
(``AWS::Lambda::Function``), with its phases as subsegments. What the function itself sends hangs
below the Invocation.

https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

from __future__ import annotations

from typing import Any

from emulator.telemetry.traces.header import derived_id
from emulator.telemetry.traces.tracer import TracedCall

#: Which of the ids that are derived from a call's own one a segment has.
_SERVICE, _FUNCTION, _INITIALIZATION, _OVERHEAD, _RESTORE = 1, 2, 3, 4, 5
_STATUS = {"success": 200, "throttled": 429}


def service_id(own_id: str) -> str:
    """Return the id of a call's ``AWS::Lambda`` segment."""
    return derived_id(own_id, _SERVICE)


def documents(call: TracedCall) -> list[dict[str, Any]]:
    """Return the segments of a call; a refused one has no segment of the function."""
    function = None if call.status == "throttled" or not call.duration_ms else _function(call)
    return [_service(call), function] if function else [_service(call)]


def _service(call: TracedCall) -> dict[str, Any]:
    version = call.version
    document: dict[str, Any] = {
        "id": derived_id(call.own_id, _SERVICE),
        "name": version.name,
        "start_time": call.requested,
        "trace_id": call.trace_id,
        "end_time": max(call.ended, call.requested),
        "http": {"response": {"status": _STATUS.get(call.status, 200)}},
        "aws": {"request_id": call.request_id},
        "origin": "AWS::Lambda",
        "resource_arn": version.function_arn,
    }
    if call.caller_id:
        document["parent_id"] = call.caller_id
    if call.links:
        document["links"] = [
            {"trace_id": trace_id, "id": id, "attributes": {"ReferenceType": "parent"}}
            for trace_id, id in call.links
        ]
    if call.status == "throttled":
        document |= {"throttle": True, "error": True}
    elif call.status != "success":
        document["fault" if not call.duration_ms else "error"] = True
    return document


def _function(call: TracedCall) -> dict[str, Any]:
    version = call.version
    told = {"function_arn": version.function_arn}
    answered = call.started + call.duration_ms / 1000
    before_s = ((call.init_ms or 0.0) + (call.restore_ms or 0.0)) / 1000
    document: dict[str, Any] = {
        "id": derived_id(call.own_id, _FUNCTION),
        "name": version.name,
        "start_time": call.started - before_s,
        "trace_id": call.trace_id,
        "end_time": max(call.ended, answered),
        "parent_id": derived_id(call.own_id, _SERVICE),
        "aws": {
            "account_id": version.account,
            "function_arn": version.function_arn,
            "resource_names": [version.name],
            "request_id": call.request_id,
            "cloudwatch_logs": [{"log_group": version.effective_log_group}],
        },
        "origin": "AWS::Lambda::Function",
        "resource_arn": version.function_arn,
        "subsegments": [],
    }
    phases = document["subsegments"]
    for number, name, milliseconds in (
        (_INITIALIZATION, "Initialization", call.init_ms),
        (_RESTORE, "Restore", call.restore_ms),
    ):
        if milliseconds:
            phase = _phase(call, number, name, call.started - milliseconds / 1000, call.started)
            phases.append(phase | {"aws": told})
    invocation = _phase(call, 0, "Invocation", call.started, answered) | {"aws": told}
    if call.status != "success":
        document["fault"] = invocation["fault"] = True
        invocation["cause"] = _cause(call)
    phases.append(invocation)
    if call.ended > answered:
        phases.append(_phase(call, _OVERHEAD, "Overhead", answered, call.ended) | {"aws": told})
    return document


def _phase(call: TracedCall, number: int, name: str, start: float, end: float) -> dict[str, Any]:
    return {
        "id": derived_id(call.own_id, number),
        "name": name,
        "start_time": start,
        "end_time": end,
    }


def _cause(call: TracedCall) -> dict[str, Any]:
    """Return why a call failed, as documents say it."""
    what = call.error_type or call.status
    return {
        "exceptions": [{"id": derived_id(call.own_id, 6), "type": what, "message": what}],
    }


def continued(call: TracedCall, trace_id: str, caller_id: str) -> dict[str, Any]:
    """Return what tells the trace of a batch's record that a call in another trace took it."""
    document = _service(call)
    own = {"trace_id": call.trace_id, "id": document["id"]}
    document |= {
        "id": derived_id(document["id"], int(trace_id[-8:], 16) | 1),
        "trace_id": trace_id,
        "links": [{**own, "attributes": {"ReferenceType": "child"}}],
    }
    document.pop("parent_id", None)
    return document | ({"parent_id": caller_id} if caller_id else {})
