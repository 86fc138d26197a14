"""What an ended asynchronous event leaves at destinations and dead-letter queues.

Sources:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.invoke.event_measures import EventMeasures
from emulator.invoke.events import Condition, Event, Policy
from emulator.invoke.targets import Delivery, DeliveryError, Targets
from emulator.model.arn import split_function_arn
from emulator.model.errors import StorageError
from emulator.model.ids import new_request_id
from emulator.model.invocation import InvocationResult
from emulator.model.nesting import is_deeper

log = logging.getLogger(__name__)

#: What a bus calls a record.
_DETAIL_TYPE = "Lambda Function Invocation Result - {}"
#: Characters of an error's message in a dead-letter queue's attribute.
_ERROR_LENGTH = 1024
#: Levels of a payload that are surely written as they are read: orjson reads more than it writes.
_DEEPEST = 200


class Destinations:
    """Reports to everyone a function's configuration names how an event ended.

    Args:
        targets: Where destinations are.
        measures: Told what can't be delivered.

    Attributes:
        undelivered: How many records could not be delivered in this process's life.
    """

    def __init__(self, targets: Targets, measures: EventMeasures | None = None) -> None:
        self._targets, self._measures = targets, measures
        self.undelivered = 0

    async def report(
        self,
        event: Event,
        function_arn: str,
        condition: Condition,
        policy: Policy,
        result: InvocationResult | None,
        executed_version: str,
        now: float,
    ) -> None:
        """Report an event's end.

        Args:
            event: The event that has ended.
            function_arn: Of the version or alias the event was sent to.
            condition: How it ended.
            policy: The function's, with its destinations.
            result: What the last attempt gave; None where there was none.
            executed_version: The version that ran it last.
            now: Seconds since the epoch.

        Raises:
            StorageError: A target of this emulator could not keep it: the event has not ended yet.
        """
        destination = policy.on_success if condition == "Success" else policy.on_failure
        if destination:
            body = record(event, function_arn, condition, result, executed_version, now)
            detail_type = _DETAIL_TYPE.format("Success" if condition == "Success" else "Failure")
            await self._deliver(
                destination, orjson.dumps(body), {}, event, function_arn, now, detail_type
            )
        if policy.dead_letter and condition != "Success":
            attributes = dead_letter_attributes(event, result)
            await self._deliver(
                policy.dead_letter, event.payload, attributes, event, function_arn, now
            )

    async def _deliver(
        self,
        arn: str,
        body: bytes,
        attributes: Mapping[str, Mapping[str, str]],
        event: Event,
        function_arn: str,
        now: float,
        detail_type: str = "",
    ) -> None:
        key = object_key(function_arn, now) if arn.startswith("arn:aws:s3:::") else ""
        delivery = Delivery(
            payload=body,
            object_key=key,
            attributes=attributes,
            trace_id=event.trace_id,
            source_arn=function_arn,
            detail_type=detail_type,
        )
        try:
            await self._targets.deliver(arn, delivery)
        except DeliveryError as error:
            kept = _storage_error(error)
            if kept is not None:
                raise kept from error
            self.undelivered += 1
            if self._measures is not None:
                unqualified, _, qualifier = function_arn.rpartition(":")
                where = split_function_arn(unqualified)
                self._measures.undelivered(*where, qualifier, dead_letter=not detail_type)
            log.error("event %s: nothing was delivered to %s: %s", event.request_id, arn, error)


def _storage_error(error: BaseException) -> StorageError | None:
    """Return the failure of a disk that is behind an error; None: there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, StorageError):
        cause = cause.__cause__
    return cause


def object_key(function_arn: str, now: float) -> str:
    """Return the key of the object that keeps a record in a bucket.

    Args:
        function_arn: Of the version or alias the event was sent to.
        now: Seconds since the epoch.
    """
    moment, name = datetime.fromtimestamp(now, UTC), function_arn.split(":")[6]
    day, second = f"{moment:%Y/%m/%d}", f"{moment:%Y-%m-%dT%H.%M.%S}"
    return f"aws/lambda/async/{name}/{day}/{second}-{new_request_id()}"


def record(
    event: Event,
    function_arn: str,
    condition: Condition,
    result: InvocationResult | None,
    executed_version: str,
    now: float,
) -> dict[str, Any]:
    """Return the record a destination is sent.

    Args:
        event: The event that has ended.
        function_arn: Of the version or alias the event was sent to.
        condition: How it ended.
        result: What the last attempt gave; None where there was none.
        executed_version: The version that ran it last.
        now: Seconds since the epoch.
    """
    found: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _timestamp(now),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts + (1 if condition == "Success" else 0),
        },
        "requestPayload": _embedded(event.payload),
    }
    if result is not None:
        found["responseContext"] = {"statusCode": 200, "executedVersion": executed_version}
        if result.function_error:
            found["responseContext"]["functionError"] = result.function_error
        found["responsePayload"] = _embedded(result.payload)
    return found


def dead_letter_attributes(
    event: Event, result: InvocationResult | None
) -> dict[str, dict[str, str]]:
    """Return the message attributes of a dead-lettered event, in SQS's shape."""
    # Where there was no attempt there is no error of the function's; SQS takes no empty value.
    message = error_message(result) or "The event was not processed."
    return {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if result else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:_ERROR_LENGTH]},
    }


def error_message(result: InvocationResult | None) -> str:
    """Return the text of a function's error, or ""."""
    if result is None or not result.function_error:
        return ""
    payload = _json(result.payload)
    if isinstance(payload, dict) and isinstance(payload.get("errorMessage"), str):
        return str(payload["errorMessage"])
    return result.payload.decode("utf-8", "replace")


def _embedded(text: bytes) -> Any:
    value = _json(text)
    return orjson.Fragment(text) if is_deeper(value, _DEEPEST) else value


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")


def _timestamp(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
