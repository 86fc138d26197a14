"""Integrations of services: the optimised ones, and ``aws-sdk``.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.model.ids import new_request_id
from emulator.services import sdk_calls
from emulator.services.sdk_calls import SdkCall, SdkCallError
from emulator.services.stepfunctions.engine.events import pack
from emulator.services.stepfunctions.tasks.base import Task, TaskFailure
from emulator.services.stepfunctions.tasks.metadata import with_metadata


class Optimised(NamedTuple):
    """How an optimised integration differs from ``aws-sdk``."""

    #: The service's name for :func:`emulator.services.sdk_calls.find`.
    service: str
    #: What stands before the names of its errors.
    prefix: str
    #: The service in causes.
    title: str
    #: The name of errors that the model lacks.
    other: str
    content_type: str
    actions: frozenset[str]


_JSON = "application/x-amz-json-1.0"
#: By the service's name in ARNs.
OPTIMISED = {
    "dynamodb": Optimised(
        "dynamodb",
        "DynamoDB",
        "AmazonDynamoDBv2",
        "AmazonDynamoDBException",
        _JSON,
        frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
    ),
    "events": Optimised(
        "eventbridge",
        "EventBridge",
        "AmazonEventBridge",
        "AmazonEventBridgeException",
        "application/x-amz-json-1.1",
        frozenset({"putEvents"}),
    ),
    "sns": Optimised(
        "sns", "SNS", "AmazonSNS", "AmazonSNSException", "text/xml", frozenset({"publish"})
    ),
    "sqs": Optimised(
        "sqs", "SQS", "AmazonSQS", "AmazonSQSException", _JSON, frozenset({"sendMessage"})
    ),
}


async def optimised(task: Task, integration: Optimised) -> Any:
    """Do an optimised integration: the result has the answer's metadata.

    Raises:
        TaskFailure: The service refused it.
    """
    if task.resource.action not in integration.actions:
        raise _not_served(task)
    call = _find(task, integration.service, task.resource.action)
    _check_address(task, integration)
    try:
        result = await _call(task, call)
    except SdkCallError as error:
        name = error.exception if error.modelled else integration.other
        cause = (
            f"{error.error.message} (Service: {integration.title}; Status Code: {error.status}; "
            f"Error Code: {error.code}; Request ID: {error.request_id}; Proxy: null)"
        )
        raise TaskFailure(f"{integration.prefix}.{name}", cause) from error
    length = len(pack(result))
    headers = {
        "Content-Length": str(length),
        "Content-Type": integration.content_type,
        "connection": "keep-alive",
    }
    answer = with_metadata(result, new_request_id(), task.parts.clock.now(), headers=headers)
    if result.get("FailedEntryCount"):
        raise TaskFailure("EventBridge.FailedEntry", pack(answer).decode())
    return answer


def _check_address(task: Task, integration: Optimised) -> None:
    """Refuse the URL of a queue that is none: AWS sends the request to it (recorded).

    Raises:
        TaskFailure: ``SQS.SdkClientException``.
    """
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    url = arguments.get("QueueUrl")
    if isinstance(url, str) and url and "://" not in url:
        cause = f"Unable to execute HTTP request: {url}: Name or service not known"
        raise TaskFailure(f"{integration.prefix}.SdkClientException", cause)


async def any_service(task: Task) -> Any:
    """Do ``aws-sdk:SERVICE:ACTION``.

    Raises:
        TaskFailure: The service refused it, or is not served here.
    """
    service = task.resource.service.partition(":")[2]
    call = _find(task, service, task.resource.action)
    try:
        return await _call(task, call)
    except SdkCallError as error:
        raise TaskFailure(error.name, error.cause) from error


async def _call(task: Task, call: SdkCall) -> dict[str, Any]:
    arguments = task.arguments if isinstance(task.arguments, Mapping) else {}
    return await sdk_calls.call(
        task.parts, call, arguments, account=task.account, region=task.region
    )


def _find(task: Task, service: str, action: str) -> SdkCall:
    try:
        return sdk_calls.find(task.parts, service, action)
    except LookupError as error:
        raise _not_served(task, str(error)) from error


def _not_served(task: Task, text: str = "") -> TaskFailure:
    text = text or f"localfaas does not serve {task.resource.arn}"
    # A name that ALL and TaskFailed catch: on AWS, it would be the task that fails.
    return TaskFailure("States.TaskFailed", f"{text}.")
