"""How EventBridge's deliveries are attempted, tried again and given up.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zlib import crc32

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.targets import Delivery, DeliveryError, DeliveryFailed, DeliveryRefused
from emulator.model.errors import StorageError
from emulator.services.events import calling, forwarding
from emulator.services.events.fanout import ARCHIVE, UNUSABLE
from emulator.services.events.rule import Buses

#: Attempts after the first, and seconds in which they are made, where the target says nothing.
RETRIES, AGE_S = 185, 86_400.0
#: Seconds until the first of them, and at most between two of them.
_FIRST_S, _MOST_S = 1.0, 600.0
_TIME_BYTES = 14
#: Codes of dead letters by the codes of errors.
_CODES = {
    "AccessDenied": "NO_PERMISSIONS",
    "AccessDeniedException": "NO_PERMISSIONS",
    "AWS.SimpleQueueService.NonExistentQueue": "NO_RESOURCE",
    "NotFound": "NO_RESOURCE",
    "QueueDoesNotExist": "NO_RESOURCE",
    "ResourceNotFoundException": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "InvalidParameterValue": "INVALID_PARAMETER",
    "InvalidParameterValueException": "INVALID_PARAMETER",
    "MissingParameter": "INVALID_PARAMETER",
    "ProvisionedThroughputExceededException": "THROTTLING",
    "ThrottlingException": "THROTTLING",
    "TooManyRequestsException": "THROTTLING",
}


class EventsSender:
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        events: The service's state.
    """

    def __init__(self, events: Buses) -> None:
        self._events = events
        self.rates = calling.Rates(events.parts.clock)

    async def attempt(self, dispatch: Dispatch) -> None:
        """Deliver to another bus, to an API destination, or to what only takes deliveries.

        Raises:
            DeliveryRefused, DeliveryFailed: See the protocol.
        """
        if dispatch.target == UNUSABLE:
            context = dispatch.context
            raise DeliveryRefused(context["target"], context["reason"], "INVALID_JSON")
        if dispatch.target == ARCHIVE:
            await self._archive(dispatch)
        elif dispatch.target.split(":")[2:3] != ["events"]:
            await self._events.parts.targets.deliver(dispatch.target, dispatch.delivery)
        elif ":api-destination/" in dispatch.target:
            await calling.call(self._events, self.rates, dispatch)
        else:
            await forwarding.forward(self._events, dispatch)

    async def _archive(self, dispatch: Dispatch) -> None:
        text = dispatch.delivery.payload
        event = orjson.loads(text)
        try:
            at = datetime.fromisoformat(event["time"]).timestamp()
            size = size_of(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # What a template sends on to a bus may lack what an event has.
            raise DeliveryRefused(dispatch.target, f"it is no whole event: {error}") from error
        try:
            store = self._events.archive_store
            await store.keep(dispatch.context["archive"], event["id"], at, size, text)
        except StorageError as error:
            raise DeliveryFailed(dispatch.target, str(error)) from error

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol: twice as long each time, and not all at the same moment."""
        if isinstance(error, DeliveryRefused):
            return None
        policy = dispatch.context.get("retry") or {}
        if dispatch.failures > policy.get("MaximumRetryAttempts", RETRIES):
            return None
        spread = crc32(f"{dispatch.lane}{dispatch.accepted}{dispatch.failures}".encode()) % 1000
        delay_s = min(_MOST_S, _FIRST_S * 2.0 ** min(dispatch.failures - 1, 30))
        delay_s *= 0.8 + 0.4 * spread / 1000
        age_s = now + delay_s - dispatch.accepted
        return None if age_s > policy.get("MaximumEventAgeInSeconds", AGE_S) else delay_s

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: the event goes to the target's dead-letter queue, with the reason."""
        context = dispatch.context
        if "dead" not in context:
            return None
        said = {
            "RULE_ARN": context["rule"],
            "TARGET_ARN": context.get("target", dispatch.target),
            "ERROR_CODE": code_of(error),
            "ERROR_MESSAGE": str(error)[:1024] or type(error).__name__,
        }
        if isinstance(error, DeliveryFailed):
            most = (context.get("retry") or {}).get("MaximumRetryAttempts", RETRIES)
            by_age = dispatch.failures <= most
            said["EXHAUSTED_RETRY_CONDITION"] = (
                "MaximumEventAgeInSeconds" if by_age else "MaximumRetryAttempts"
            )
            said["RETRY_ATTEMPTS"] = str(dispatch.failures - 1)
        event = context.get("event")
        delivery = Delivery(
            payload=dispatch.delivery.payload if event is None else event.encode(),
            attributes={
                name: {"DataType": "String", "StringValue": value} for name, value in said.items()
            },
            trace_id=dispatch.delivery.trace_id,
            source_arn=context["rule"],
        )
        return DeadLetter(context["dead"], delivery)

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol; the rule's metrics say it.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        # "arn:aws:events:region:account:rule/bus/name"
        rule = str(dispatch.context.get("rule") or "").split(":")
        if len(rule) == 6:
            dimensions = (("RuleName", rule[5].rpartition("/")[2]),)
            for name in (
                "Invocations",
                *(() if outcome == "delivered" else ("FailedInvocations",)),
            ):
                self._events.parts.own_metrics.record(
                    rule[4], rule[3], "AWS/Events", name, dimensions, 1.0
                )


def size_of(event: Mapping[str, Any]) -> int:
    """Return what an event counts for in an archive (recorded): a time is 14 bytes."""
    texts = [event["source"], event["detail-type"], event["account"], *event["resources"]]
    return (
        _TIME_BYTES + sum(len(each.encode()) for each in texts) + len(orjson.dumps(event["detail"]))
    )


def code_of(error: DeliveryError) -> str:
    """Return AWS's code of why an event was not delivered."""
    if error.code.isupper():
        return error.code
    return _CODES.get(error.code, "SDK_CLIENT_ERROR" if error.code else "UNKNOWN")
