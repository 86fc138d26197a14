"""Functions as tasks: by their ARN, and as ``lambda:invoke``.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.arn import FunctionName, parse_function_name
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id, new_trace_root
from emulator.model.invocation import InvocationResult
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.tasks.base import Task, TaskFailure
from emulator.services.stepfunctions.tasks.metadata import with_metadata

_TYPES_OF_TIMEOUT = "Sandbox.Timedout"


async def by_arn(task: Task) -> Any:
    """Invoke the function that a task's ``Resource`` names; its payload is the result.

    Raises:
        TaskFailure: It failed, or could not be invoked.
    """
    name = _named(task, task.resource.arn)
    result, _, _ = await _invoke(task, name, pack(task.arguments), {})
    if result.function_error:
        text = result.payload.decode("utf-8", "replace")
        raise TaskFailure(_error_type(result.payload), text)
    return _parsed(result.payload)


async def invoke(task: Task) -> Any:
    """Do ``lambda:invoke``: the answer of the Invoke API is the result.

    Raises:
        TaskFailure: It failed, or could not be invoked.
    """
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    given = str(arguments.get("FunctionName") or "")
    name = _named(task, given)
    qualifier = arguments.get("Qualifier")
    if qualifier:
        name = name._replace(qualifier=str(qualifier))
    payload = arguments.get("Payload", {})
    if arguments.get("InvocationType", "RequestResponse") != "RequestResponse":
        return await _send(task, name, payload, arguments)
    result, version, request_id = await _invoke(task, name, _payload(payload), arguments)
    if result.function_error:
        raise TaskFailure(_error_type(result.payload), _compacted(result.payload))
    now = task.parts.clock.now()
    answer = {"ExecutedVersion": version, "Payload": _parsed(result.payload), "StatusCode": 200}
    return with_metadata(
        answer,
        request_id,
        now,
        headers={
            "Connection": "keep-alive",
            "Content-Length": str(len(result.payload)),
            "Content-Type": "application/json",
            "X-Amz-Executed-Version": version,
            "X-Amzn-Trace-Id": task.trace_id or new_trace_root(now),
            "x-amzn-Remapped-Content-Length": "0",
        },
    )


def _named(task: Task, given: str) -> FunctionName:
    name = parse_function_name(given)
    if name is None or not name.name:
        raise TaskFailure("Lambda.ValidationException", f"{given!r} names no function")
    return name


async def _invoke(
    task: Task, name: FunctionName, payload: bytes, arguments: Mapping[str, Any]
) -> tuple[InvocationResult, str, str]:
    functions = task.parts.functions
    context = arguments.get("ClientContext")
    try:
        prepared = await functions.prepare(
            name.account or task.account,
            name.region or task.region,
            name.name,
            name.qualifier,
            payload,
            trace_id=task.trace_id,
            client_context=_client_context(context),
            tenant_id=str(arguments.get("TenantId") or ""),
            is_json=True,
        )
        task.invokes(prepared.invocation.request_id)
        result = await functions.invoke(prepared)
    except AwsError as error:
        raise _refused(task, error) from error
    return result, prepared.version.version, prepared.invocation.request_id


def _payload(given: Any) -> bytes:
    """Return what a function gets: text that is JSON is the payload itself (recorded)."""
    if isinstance(given, str):
        try:
            json.loads(given)
            return given.encode()
        except ValueError:
            return pack(given)
    return pack(given)


def _client_context(given: Any) -> str:
    """Return the client context as one line of JSON: it becomes a header of the Runtime API.

    Raises:
        AwsError: InvalidRequestContentException.
    """
    if not given:
        return ""
    if not isinstance(given, str):
        return pack(given).decode()
    import base64

    try:
        value = json.loads(base64.b64decode(given, validate=True))
        if not isinstance(value, dict):
            raise ValueError("not an object")
    except (ValueError, RecursionError):
        text = "Client context must be a valid Base64-encoded JSON object."
        raise AwsError("InvalidRequestContentException", text, Type="User") from None
    return pack(value).decode()


async def _send(task: Task, name: FunctionName, payload: Any, arguments: Mapping[str, Any]) -> Any:
    """Have a function invoked asynchronously, or only looked whether it could be."""
    kind = str(arguments["InvocationType"])
    request: dict[str, Any] = {
        "FunctionName": str(arguments["FunctionName"]),
        "InvocationType": kind,
        "Payload": _payload(payload),
    }
    if name.qualifier:
        request["Qualifier"] = name.qualifier
    try:
        await task.parts.table.call(
            "lambda",
            "Invoke",
            request,
            account=name.account or task.account,
            region=name.region or task.region,
        )
    except AwsError as error:
        raise _refused(task, error) from error
    status = 202 if kind == "Event" else 204
    answer = {"Payload": "", "StatusCode": status}
    now = task.parts.clock.now()
    headers = {"Connection": "keep-alive", "Content-Length": "0"}
    return with_metadata(answer, new_request_id(), now, headers=headers, status=status)


def _refused(task: Task, error: AwsError) -> TaskFailure:
    """Return the failure for an Invoke that was refused (recorded)."""
    status = error.status or _STATUS.get(error.code, 400)
    code = error.code if error.code.endswith("Exception") else f"{error.code}Exception"
    if status >= 500 and code == "InternalFailureException":
        code = "ServiceException"
    cause = (
        f"{error.message} (Service: AWSLambda; Status Code: {status}; Error Code: {error.code}; "
        f"Request ID: {new_request_id()}; Proxy: null)"
    )
    return TaskFailure(f"Lambda.{code}", cause)


_STATUS = {
    "ResourceNotFoundException": 404,
    "ResourceConflictException": 409,
    "RequestEntityTooLargeException": 413,
    "TooManyRequestsException": 429,
    "ServiceException": 500,
}


def _error_type(payload: bytes) -> str:
    """Return the name of a function's error, as Retry and Catch know it."""
    found = _parsed(payload)
    kind = found.get("errorType") if isinstance(found, dict) else None
    if kind == _TYPES_OF_TIMEOUT:
        # Recorded of functions that ran out of their own time.
        return _TYPES_OF_TIMEOUT
    return str(kind) if kind else "Lambda.Unknown"


def _parsed(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def _compacted(payload: bytes) -> str:
    try:
        return pack(json.loads(payload)).decode()
    except ValueError:
        return payload.decode("utf-8", "replace")
