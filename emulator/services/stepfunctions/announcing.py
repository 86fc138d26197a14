"""What Step Functions tells the default bus: executions that start and end.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from typing import Any

from emulator.services.context import Parts
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.engine.execution import RUNNING, SUCCEEDED, Execution

#: Bytes that input and output may have in an event, written as JSON texts.
_MOST = 248 * 1024


def announce(parts: Parts, execution: Execution, *, has_ended: bool) -> None:
    """Tell of an execution that has started or ended; express ones are not told of."""
    if execution.is_express or not parts.announcers:
        return
    body, status = execution.body, execution.status
    if not has_ended:
        # It may have come to its end within the same commit.
        body, status = {**body, "error": None, "cause": None}, RUNNING
        body.pop("output", None)
    detail: dict[str, Any] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "status": status,
        "startDate": execution.started_ms,
        "stopDate": execution.stopped_ms if has_ended else None,
        "input": body["input"],
        "output": body.get("output"),
        "stateMachineVersionArn": body.get("version"),
        "stateMachineAliasArn": body.get("alias"),
        "redriveCount": execution.redrives,
        "redriveDate": body.get("redriven_ms"),
        "redriveStatus": _redrivable(execution, status),
        "redriveStatusReason": None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if "output" in body else None,
        "error": body.get("error"),
        "cause": body.get("cause"),
    }
    if status in (RUNNING, SUCCEEDED):
        reason = f"Execution is {status} and cannot be redriven"
        detail["redriveStatusReason"] = reason
    sizes = {name: _size(detail[name]) for name in ("input", "output")}
    # An output has the room before the input has it.
    for name, is_left_out in (
        ("output", sizes["output"] > _MOST),
        ("input", sum(sizes.values()) > _MOST),
    ):
        if is_left_out:
            detail[name] = None
            detail[f"{name}Details"] = {"included": False}
    parts.announce(
        "aws.states",
        "Step Functions Execution Status Change",
        detail,
        [execution.arn],
        account=execution.account,
        region=execution.region,
    )


def _size(text: str | None) -> int:
    return 0 if text is None else len(pack(text))


def _redrivable(execution: Execution, status: str) -> str:
    if status in (RUNNING, SUCCEEDED):
        return "NOT_REDRIVABLE"
    return "REDRIVABLE" if execution.map_run is None else "REDRIVABLE_BY_MAP_RUN"
