"""Events for the ARN of a state machine, a version or an alias: each starts an execution."""

from __future__ import annotations

from typing import Any

from emulator.invoke.targets import Delivery
from emulator.services.context import Parts
from emulator.services.stepfunctions import arns
from emulator.services.stepfunctions.state import StepFunctions


async def deliver(parts: Parts, state: StepFunctions, arn: str, delivery: Delivery) -> None:
    """Start an execution with an event; it is kept when this returns.

    Raises:
        AwsError: There is no such machine, or it does not take the event.
        StorageError: The disk did not take it.
    """
    split = arns.split(arn, "stateMachine")
    request: dict[str, Any] = {
        "stateMachineArn": arn,
        "input": delivery.payload.decode("utf-8", "replace"),
    }
    if delivery.trace_id:
        request["traceHeader"] = delivery.trace_id
    await parts.table.call(
        "stepfunctions", "StartExecution", request, account=split.account, region=split.region
    )
