"""Integrations with other services: a request becomes a call of their API.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.exchange import JSON, HttpResponse, message
from emulator.edge.http_fronts.http_apis.context import Exchange
from emulator.edge.http_fronts.http_apis.live import Integration
from emulator.edge.http_fronts.http_apis.parameters import fill
from emulator.model.errors import AwsError


class _Action(NamedTuple):
    """An operation of a service."""

    service: str
    operation: str
    #: Parameters by the members of the request, where the two names differ.
    members: Mapping[str, str] = {}
    #: Parameters that are JSON, or numbers.
    parsed: frozenset[str] = frozenset()
    #: Changes the whole request.
    shape: Callable[[dict[str, Any]], dict[str, Any]] | None = None


def _entry(given: dict[str, Any]) -> dict[str, Any]:
    return {"Entries": [given]}


_ACTIONS = {
    "EventBridge-PutEvents": _Action(
        "events", "PutEvents", parsed=frozenset({"Resources"}), shape=_entry
    ),
    "Kinesis-PutRecord": _Action("kinesis", "PutRecord"),
    "SQS-DeleteMessage": _Action("sqs", "DeleteMessage"),
    "SQS-PurgeQueue": _Action("sqs", "PurgeQueue"),
    "SQS-ReceiveMessage": _Action(
        "sqs",
        "ReceiveMessage",
        parsed=frozenset(
            {
                "AttributeNames",
                "MaxNumberOfMessages",
                "MessageAttributeNames",
                "VisibilityTimeout",
                "WaitTimeSeconds",
            }
        ),
    ),
    "SQS-SendMessage": _Action(
        "sqs",
        "SendMessage",
        parsed=frozenset({"DelaySeconds", "MessageAttributes", "MessageSystemAttributes"}),
    ),
    "StepFunctions-StartExecution": _Action(
        "stepfunctions",
        "StartExecution",
        {"StateMachineArn": "stateMachineArn", "Name": "name", "Input": "input"},
    ),
    "StepFunctions-StartSyncExecution": _Action(
        "stepfunctions",
        "StartSyncExecution",
        {
            "StateMachineArn": "stateMachineArn",
            "Name": "name",
            "Input": "input",
            "TraceHeader": "traceHeader",
        },
    ),
    "StepFunctions-StopExecution": _Action(
        "stepfunctions",
        "StopExecution",
        {"ExecutionArn": "executionArn", "Cause": "cause", "Error": "error"},
    ),
}


async def call_service(room: Room, exchange: Exchange, integration: Integration) -> HttpResponse:
    """Return what a service answers."""
    action = _ACTIONS[str(integration.subtype)]
    given: dict[str, Any] = {}
    region = exchange.live.api.region
    for name, text in integration.parameters.items():
        value = fill(text, exchange.value)
        if name == "Region":
            region = value or region
        elif value is not None:
            given[action.members.get(name, name)] = _parsed(name, value, action)
    request = given if action.shape is None else action.shape(given)
    table, account = room.parts.table, exchange.live.api.account
    try:
        if action.service == "kinesis" and "Data" in request:
            request["Data"] = str(request["Data"])
        answer = await table.call(
            action.service, action.operation, request, account=account, region=region
        )
    except LookupError as error:
        exchange.integration_error = str(error)
        return message(500, "Internal Server Error")
    except AwsError as error:
        exchange.integration_error = str(error)
        status = error.status or 400
        exchange.integration_status = str(status)
        body = {"__type": error.code, "message": error.message}
        return HttpResponse(status, [JSON], json.dumps(body).encode())
    exchange.integration_status = "200"
    body = {name: value for name, value in answer.items() if value is not None}
    return HttpResponse(200, [JSON], json.dumps(body, default=_plain).encode())


def _parsed(name: str, value: str, action: _Action) -> Any:
    if name not in action.parsed:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(type(value).__name__)
