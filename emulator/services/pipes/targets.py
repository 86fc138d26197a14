"""How a pipe hands events to its target; :func:`hand_over` finds the way by the target's service.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.targets import Delivery, Placed
from emulator.model.arn import parse_function_name
from emulator.model.errors import AwsError
from emulator.services.pipes.templates import resolved

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: Entries of one PutEvents, records of one PutRecords.
_MOST_ENTRIES, _MOST_RECORDS = 10, 500


class TargetError(AwsError):
    """A target, or an enrichment, did not do what it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """Events on their way from a pipe to its target."""

    parts: Parts
    pipe: Mapping[str, Any]
    #: As records, or as the enrichment made them: what paths look into.
    events: Sequence[Any]
    #: As the template made them.
    inputs: Sequence[Any]
    trace_id: str

    @property
    def target(self) -> str:
        """The target's ARN."""
        return str(self.pipe["fields"]["Target"])

    def parameters(self, name: str) -> Mapping[str, Any]:
        """Return the parameters of one kind of target."""
        found = (self.pipe["fields"].get("TargetParameters") or {}).get(name)
        return found or {}


def text_of(value: Any) -> str:
    """Return an input as text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def call_function(parts: Parts, arn: str, payload: bytes, trace_id: str) -> Any:
    """Invoke a function and return its answer.

    Raises:
        AwsError: It could not be invoked, or failed.
    """
    named = parse_function_name(arn)
    if named is None or named.account is None or named.region is None:
        raise TargetError("ValidationException", f"{arn} is no function's ARN.")
    prepared = await parts.functions.prepare(
        named.account,
        named.region,
        named.name,
        named.qualifier,
        payload,
        invoked_arn=arn,
        trace_id=trace_id,
        is_json=True,
        unready="refuse",
    )
    result = await parts.functions.invoke(prepared)
    if result.function_error:
        text = result.payload.decode("utf-8", "replace")
        raise TargetError("FunctionError", f"{arn} failed: {text[:500]}", status=400)
    try:
        return orjson.loads(result.payload) if result.payload.strip() else None
    except orjson.JSONDecodeError as error:
        raise TargetError("FunctionError", f"{arn} answered no JSON: {error}") from error


async def run_workflow(parts: Parts, arn: str, text: str) -> Any:
    """Run an express state machine and return its output.

    Raises:
        AwsError: It could not be run, or failed.
    """
    answer = await call(
        parts, arn, "stepfunctions", "StartSyncExecution", {"stateMachineArn": arn, "input": text}
    )
    if answer.get("status") != "SUCCEEDED":
        raise TargetError("FunctionError", f"{arn} {answer.get('status')}: {answer.get('error')}")
    output = answer.get("output")
    return orjson.loads(output) if output else None


async def call(
    parts: Parts, arn: str, service: str, operation: str, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Do an operation in the account and region of an ARN.

    Raises:
        AwsError: The service refuses it, or is not served.
    """
    _, _, _, region, account, _ = arn.split(":", 5)
    try:
        return await parts.table.call(service, operation, request, account=account, region=region)
    except LookupError as error:
        raise TargetError("NotImplementedException", str(error)) from error


async def hand_over(handing: Handing) -> Any:
    """Hand events to the target; returns what it answers, where it answers something.

    Raises:
        AwsError, DeliveryError: It did not take them.
    """
    service = handing.target.split(":")[2]
    return await _WAYS[service](handing)


async def _function(handing: Handing) -> Any:
    payload = orjson.dumps(list(handing.inputs))
    if handing.parameters("LambdaFunctionParameters").get("InvocationType") == "FIRE_AND_FORGET":
        delivery = Delivery(
            payload=payload, trace_id=handing.trace_id, source_arn=handing.pipe["arn"]
        )
        await handing.parts.targets.deliver(handing.target, delivery)
        return None
    return await call_function(handing.parts, handing.target, payload, handing.trace_id)


async def _workflow(handing: Handing) -> Any:
    text = orjson.dumps(list(handing.inputs)).decode()
    given = handing.parameters("StepFunctionStateMachineParameters").get("InvocationType")
    if given == "FIRE_AND_FORGET":
        request = {"stateMachineArn": handing.target, "input": text}
        await call(handing.parts, handing.target, "stepfunctions", "StartExecution", request)
        return None
    return await run_workflow(handing.parts, handing.target, text)


def http_of(parameters: Mapping[str, Any], event: Any) -> dict[str, Any]:
    """Return the parameters of a request over HTTP, with what their paths find in an event."""
    given = parameters.get("HttpParameters") or {}
    made: dict[str, Any] = {}
    if given.get("PathParameterValues"):
        values = given["PathParameterValues"]
        made["PathParameterValues"] = [_text(resolved(each, event)) for each in values]
    for name in ("HeaderParameters", "QueryStringParameters"):
        if given.get(name):
            made[name] = {k: _text(resolved(v, event)) for k, v in given[name].items()}
    return made


async def _requests(handing: Handing) -> None:
    """Send each to an API destination."""
    parameters = handing.pipe["fields"].get("TargetParameters") or {}
    for event, each in zip(handing.events, handing.inputs, strict=True):
        delivery = Delivery(
            payload=text_of(each).encode(),
            source_arn=handing.pipe["arn"],
            http=http_of(parameters, event),
        )
        await handing.parts.targets.deliver(handing.target, delivery)


async def _messages(handing: Handing) -> None:
    """Send all to a queue or a topic, in one commit."""
    own = handing.parameters("SqsQueueParameters")
    placed: list[Placed] = []
    for event, each in zip(handing.events, handing.inputs, strict=True):
        delivery = Delivery(
            payload=text_of(each).encode(),
            group_id=_text(resolved(own.get("MessageGroupId"), event)),
            deduplication_id=_text(resolved(own.get("MessageDeduplicationId"), event)),
            trace_id=handing.trace_id,
            source_arn=handing.pipe["arn"],
        )
        placed += await handing.parts.targets.place(handing.target, delivery) or []
    await handing.parts.targets.send(placed)


async def _bus(handing: Handing) -> None:
    if ":api-destination/" in handing.target:
        await _requests(handing)
        return
    own = handing.parameters("EventBridgeEventBusParameters")
    source = handing.pipe["fields"]["Source"].split(":")[2]
    entries = []
    for event, each in zip(handing.events, handing.inputs, strict=True):
        entry = {
            "EventBusName": handing.target,
            "Source": _text(resolved(own.get("Source"), event)) or f"Pipe {handing.pipe['name']}",
            "DetailType": _text(resolved(own.get("DetailType"), event))
            or f"Event from aws:{source}",
            "Resources": [_text(resolved(one, event)) for one in own.get("Resources") or []],
            "Detail": text_of(each),
        }
        time = resolved(own.get("Time"), event)
        entries.append({**entry, "Time": time} if time is not None else entry)
    for start in range(0, len(entries), _MOST_ENTRIES):
        request = {"Entries": entries[start : start + _MOST_ENTRIES]}
        answer = await call(handing.parts, handing.target, "events", "PutEvents", request)
        for each in answer.get("Entries") or []:
            if each.get("ErrorCode"):
                raise TargetError(each["ErrorCode"], str(each.get("ErrorMessage")))


async def _stream(handing: Handing) -> None:
    key = handing.parameters("KinesisStreamParameters").get("PartitionKey")
    records = [
        {"Data": text_of(each).encode(), "PartitionKey": _text(resolved(key, event)) or "-"}
        for event, each in zip(handing.events, handing.inputs, strict=True)
    ]
    for start in range(0, len(records), _MOST_RECORDS):
        request = {"StreamARN": handing.target, "Records": records[start : start + _MOST_RECORDS]}
        answer = await call(handing.parts, handing.target, "kinesis", "PutRecords", request)
        for each in answer.get("Records") or []:
            if each.get("ErrorCode"):
                raise TargetError(each["ErrorCode"], str(each.get("ErrorMessage")))


async def _log(handing: Handing) -> None:
    own = handing.parameters("CloudWatchLogsParameters")
    now = int(handing.parts.clock.now() * 1000)
    group = handing.target.split(":log-group:", 1)[1].removesuffix(":*")
    stream = own.get("LogStreamName")
    entries = []
    for event, each in zip(handing.events, handing.inputs, strict=True):
        at = resolved(own.get("Timestamp"), event)
        try:
            timestamp = now if at is None else int(at)
        except (TypeError, ValueError, OverflowError) as error:
            raise TargetError("ValidationException", f"Timestamp: {at!r} is no number.") from error
        entries.append({"timestamp": timestamp, "message": text_of(each)})
    request = {"logGroupName": group, "logStreamName": stream, "logEvents": entries}
    await call(handing.parts, handing.target, "logs", "PutLogEvents", request)


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)


_WAYS: dict[str, Callable[[Handing], Awaitable[Any]]] = {
    "events": _bus,
    "kinesis": _stream,
    "lambda": _function,
    "logs": _log,
    "sns": _messages,
    "sqs": _messages,
    "states": _workflow,
}


#: How the ends of ARNs begin that name a target, where a service has others.
_RESOURCES: dict[str, str | tuple[str, ...]] = {
    "events": ("event-bus/", "api-destination/"),
    "logs": "log-group:",
}


def is_served(arn: str) -> bool:
    """Say whether pipes here can hand events to a target."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] not in _WAYS:
        return False
    return parts[5].startswith(_RESOURCES.get(parts[2], ""))
