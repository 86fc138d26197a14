"""Executions as segments of traces, where their machine has tracing.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.ids import new_trace_root
from emulator.services.context import Context, Parts
from emulator.services.stepfunctions.engine.execution import SUCCEEDED, Execution
from emulator.telemetry.traces import header


def begin(ctx: Context, text: str, revision: dict[str, Any]) -> list[str] | None:
    """Return trace, caller and own id of an execution that is traced; None: it is not.

    Args:
        ctx: The request that starts it.
        text: The trace header it was given.
        revision: What it runs.
    """
    tracer = ctx.parts.tracing.tracer
    enabled = bool((revision.get("tracingConfiguration") or {}).get("enabled"))
    came = header.read(text or ctx.trace_id)
    if came.sampled is False or not (enabled or tracer.everything):
        return None
    root = came.root or new_trace_root(ctx.clock.now()).removeprefix("Root=")
    return [root, came.parent, header.new_id()]


def header_of(body: dict[str, Any]) -> str:
    """Return the trace header that an execution hands on; "" for none."""
    traced = body.get("traced")
    if traced:
        return f"Root={traced[0]};Parent={traced[2]};Sampled=1"
    return str(body.get("trace") or "")


def tell(parts: Parts, execution: Execution) -> None:
    """Tell the trace of an execution that has ended."""
    traced = execution.body.get("traced")
    if not traced:
        return
    root, caller, own_id = traced
    ended_ms = execution.stopped_ms or execution.started_ms
    document: dict[str, Any] = {
        "id": own_id,
        "name": execution.machine_name,
        "start_time": execution.started_ms / 1000,
        "trace_id": root,
        "end_time": max(execution.started_ms, ended_ms) / 1000,
        "http": {"response": {"status": 200}},
        "aws": {"account_id": execution.account, "execution_arn": execution.arn},
        "origin": "AWS::StepFunctions::StateMachine",
        "resource_arn": execution.machine,
    }
    if caller:
        document["parent_id"] = caller
    if execution.status != SUCCEEDED:
        error = str(execution.body.get("error") or execution.status)
        cause = str(execution.body.get("cause") or "")
        document["fault"] = True
        document["cause"] = {"exceptions": [{"id": own_id, "type": error, "message": cause}]}
    parts.tracing.tracer.take([(execution.account, execution.region, document)])
