"""What is told of an asynchronous event that has ended: destinations and dead-letter queues.

Sources:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from emulator.invoke.events import Condition, Event, Policy
from emulator.model.errors import LocalfaasError, StorageError
from emulator.model.invocation import InvocationResult
from emulator.model.nesting import is_deeper

log = logging.getLogger(__name__)

#: Characters of an error's message that a dead-letter queue is told.
_ERROR_LENGTH = 1024
#: Levels of a payload that are surely written as they are read: orjson reads more than it writes.
_DEEPEST = 200


class Target(Protocol):
    """Something a service has that takes messages: a queue, a topic or a function."""

    async def deliver(
        self, arn: str, body: bytes, attributes: Mapping[str, Mapping[str, str]], trace_id: str
    ) -> None:
        """Hand over one message; it is kept when this returns.

        Args:
            body: JSON text.
            attributes: Message attributes in SQS's shape.

        Raises:
            LocalfaasError: It was not taken.
        """
        ...


class Destinations:
    """Delivers to whatever an ARN means.

    Attributes:
        targets: By the service's name in ARNs ("sqs", "lambda", "sns", "events", "s3").
        undelivered: What could not be delivered, in this process's life.
    """

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets
        self.undelivered = 0

    def serves(self, arn: str) -> bool:
        """Whether there is something to deliver to for an ARN of this kind."""
        parts = arn.split(":", 5)
        return len(parts) == 6 and parts[2] in self.targets

    async def tell(
        self,
        event: Event,
        function_arn: str,
        condition: Condition,
        policy: Policy,
        result: InvocationResult | None,
        executed_version: str,
        now: float,
    ) -> None:
        """Tell everyone a function's policy names of how an event ended.

        Args:
            result: What the last attempt gave; None where there was none.

        Raises:
            StorageError: A destination of ours could not keep it: the event has not ended yet.
        """
        destination = policy.on_success if condition == "Success" else policy.on_failure
        if destination:
            told = record(event, function_arn, condition, result, executed_version, now)
            await self._deliver(destination, orjson.dumps(told), {}, event)
        if policy.dead_letter and condition != "Success":
            await self._deliver(
                policy.dead_letter, event.payload, dead_letter_attributes(event, result), event
            )

    async def _deliver(
        self, arn: str, body: bytes, attributes: Mapping[str, Mapping[str, str]], event: Event
    ) -> None:
        parts = arn.split(":", 5)
        target = self.targets.get(parts[2]) if len(parts) == 6 else None
        service = parts[2] if len(parts) == 6 else "this form"
        reason = f"destinations of {service} are not served"
        if target is not None:
            try:
                await target.deliver(arn, body, attributes, event.trace_id)
                return
            except StorageError:
                raise
            except LocalfaasError as error:
                if isinstance(error.__cause__, StorageError):  # a function's own events
                    raise error.__cause__ from error
                reason = str(error)
        self.undelivered += 1
        log.error("event %s: nothing was delivered to %s: %s", event.request_id, arn, reason)


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
        function_arn: Of the version or alias the event was sent to.
    """
    told: dict[str, Any] = {
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
        told["responseContext"] = {"statusCode": 200, "executedVersion": executed_version}
        if result.function_error:
            told["responseContext"]["functionError"] = result.function_error
        told["responsePayload"] = _embedded(result.payload)
    return told


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
