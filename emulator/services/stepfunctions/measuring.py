"""What Step Functions measures: executions that start and end.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.stepfunctions.engine.execution import Execution

_ENDS = {
    "ABORTED": "ExecutionsAborted",
    "FAILED": "ExecutionsFailed",
    "SUCCEEDED": "ExecutionsSucceeded",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def measure(parts: Parts, execution: Execution, *, has_ended: bool) -> None:
    """Take note of an execution that has started or ended."""
    own, where = parts.own_metrics, (execution.account, execution.region, "AWS/States")
    dimensions = (("StateMachineArn", execution.machine),)
    if not has_ended:
        own.record(*where, "ExecutionsStarted", dimensions, 1.0)
        return
    name = _ENDS.get(execution.status)
    if name is not None:
        own.record(*where, name, dimensions, 1.0)
    if execution.stopped_ms is not None:
        took_ms = float(execution.stopped_ms - execution.started_ms)
        own.record(*where, "ExecutionTime", dimensions, took_ms, unit="Milliseconds")
