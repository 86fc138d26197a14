"""``states:startExecution``: executions that executions start.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services import sdk_calls
from emulator.services.sdk_calls import SdkCallError
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.tasks.base import Task, TaskFailure
from emulator.services.stepfunctions.tasks.metadata import with_metadata

_MODEL = "stepfunctions"


async def start_execution(task: Task) -> Any:
    """Start an execution; the result has the answer's metadata.

    Raises:
        TaskFailure: It was refused.
    """
    arguments = dict(task.arguments) if isinstance(task.arguments, Mapping) else {}
    given = arguments.get("Input")
    if given is not None and not isinstance(given, str):
        arguments["Input"] = pack(given).decode()
    elif isinstance(given, str):
        arguments["Input"] = pack(given).decode() if not _is_json(given) else given
    call = sdk_calls.find(task.parts, "sfn", "startExecution")
    account, region = _place(arguments.get("StateMachineArn"), task)
    try:
        result = await sdk_calls.call(
            task.parts, call, arguments, account=account, region=region, moments=milliseconds
        )
    except SdkCallError as error:
        cause = (
            f"{error.error.message} (Service: AWSStepFunctions; Status Code: {error.status}; "
            f"Error Code: {error.code}; Request ID: {error.request_id}; Proxy: null)"
        )
        name = error.exception if error.modelled else "AWSStepFunctionsException"
        raise TaskFailure(f"StepFunctions.{name}", cause) from error
    headers = {
        "Content-Length": str(len(pack(result))),
        "Content-Type": "application/x-amz-json-1.0",
        "connection": "keep-alive",
    }
    return with_metadata(result, new_request_id(), task.parts.clock.now(), headers=headers)


def milliseconds(seconds: float) -> int:
    """Return a moment as results of this integration have it."""
    return int(seconds * 1000)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _place(arn: Any, task: Task) -> tuple[str, str]:
    parts = str(arn).split(":")
    return (parts[4], parts[3]) if len(parts) > 6 else (task.account, task.region)


async def outcome(task: Task, arn: str) -> Any:
    """Return how an execution that has ended did, as ``.sync`` tells it.

    Raises:
        TaskFailure: It did not succeed.
    """
    call = sdk_calls.find(task.parts, "sfn", "describeExecution")
    account, region = _place(arn, task)
    try:
        found = await task.parts.table.call(
            _MODEL, "DescribeExecution", {"executionArn": arn}, account=account, region=region
        )
    except AwsError as error:
        raise TaskFailure("States.TaskFailed", error.message) from error
    shown = sdk_calls.to_json(call, found, milliseconds)
    parses = task.resource.pattern == "sync:2"
    if parses:
        for name in ("Input", "Output"):
            if name in shown:
                shown[name] = json.loads(shown[name])
    if shown["Status"] != "SUCCEEDED":
        raise TaskFailure("States.TaskFailed", pack(shown).decode())
    return shown
