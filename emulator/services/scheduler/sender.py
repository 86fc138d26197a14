"""How calls of targets are made, tried again and given up."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.retries import RetryPolicy, next_attempt
from emulator.invoke.targets import (
    Delivery,
    DeliveryError,
    DeliveryFailed,
    DeliveryRefused,
    is_passing,
)
from emulator.model.errors import AwsError, LocalfaasError
from emulator.services import sdk_calls
from emulator.services.scheduler.payloads import ATTEMPT, CALLED
from emulator.services.scheduler.timing import MAXIMUM_AGE_S, MOST_RETRIES

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: What stands before service and operation in the ARN of a universal target.
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
#: 185 attempts of growing distance fill a day.
_MOST_DELAY_S = 480.0


class SchedulerSender:
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        parts: The emulator's.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._calls: dict[str, Callable[[Dispatch, str], Awaitable[None]]] = {
            "events": self._put_events,
            "states": self._start_execution,
            "kinesis": self._put_record,
        }

    async def attempt(self, dispatch: Dispatch) -> None:
        """Call an operation: that of a universal target, or the one that its ARN stands for.

        Raises:
            DeliveryRefused, DeliveryFailed: See the protocol.
        """
        arn = dispatch.target.removeprefix(CALLED)
        text = dispatch.delivery.payload.decode()
        text = text.replace(ATTEMPT, str(dispatch.failures + 1))
        try:
            if arn.startswith(UNIVERSAL):
                await self._call_any(dispatch, arn, text)
            elif (make := self._calls.get(arn.split(":")[2])) is not None:
                await make(dispatch, text)
            else:
                delivery = replace(dispatch.delivery, payload=text.encode())
                await self._parts.targets.deliver(arn, delivery)
        except DeliveryError:
            raise
        except sdk_calls.SdkCallError as error:
            kind = DeliveryFailed if is_passing(error.error) else DeliveryRefused
            raise kind(arn, error.cause, error.name) from error
        except LookupError as error:
            raise DeliveryRefused(arn, str(error), "NotImplementedException") from error
        except LocalfaasError as error:
            kind = DeliveryFailed if is_passing(error) else DeliveryRefused
            code = error.code if isinstance(error, AwsError) else ""
            raise kind(arn, str(error), code) from error

    async def _call_any(self, dispatch: Dispatch, arn: str, text: str) -> None:
        service, _, operation = arn.removeprefix(UNIVERSAL).partition(":")
        found = sdk_calls.find(self._parts, service, operation)
        arguments = json.loads(text) if text.strip() else {}
        context = dispatch.context
        await sdk_calls.call(
            self._parts, found, arguments, account=context["account"], region=context["region"]
        )

    async def _put_events(self, dispatch: Dispatch, text: str) -> None:
        given = dispatch.context["parameters"].get("EventBridgeParameters") or {}
        arn = dispatch.context["arn"]
        entry = {
            "EventBusName": arn,
            "Source": given.get("Source"),
            "DetailType": given.get("DetailType"),
            "Detail": text,
        }
        answer = await self._call(arn, "events", "PutEvents", {"Entries": [entry]})
        if answer.get("FailedEntryCount"):
            failed = answer["Entries"][0]
            code = failed.get("ErrorCode") or "InternalFailure"
            raise AwsError(code, failed.get("ErrorMessage") or "the bus refused the event")

    async def _start_execution(self, dispatch: Dispatch, text: str) -> None:
        arn = dispatch.context["arn"]
        request = {"stateMachineArn": arn, "input": text}
        await self._call(arn, "stepfunctions", "StartExecution", request)

    async def _put_record(self, dispatch: Dispatch, text: str) -> None:
        given = dispatch.context["parameters"].get("KinesisParameters") or {}
        arn = dispatch.context["arn"]
        request = {
            "StreamARN": arn,
            "PartitionKey": given.get("PartitionKey"),
            "Data": text.encode(),
        }
        await self._call(arn, "kinesis", "PutRecord", request)

    async def _call(
        self, arn: str, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        _, _, _, region, account, _ = arn.split(":", 5)
        return await self._parts.table.call(
            service, operation, request, account=account, region=region
        )

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol: as the schedule's retry policy says."""
        if isinstance(error, DeliveryRefused):
            return None
        return next_attempt(_policy(dispatch), dispatch.failures, now - dispatch.accepted)

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: the input goes to the schedule's dead-letter queue, with the reason."""
        queue = dispatch.context.get("dead")
        if queue is None:
            return None
        payload = dispatch.delivery.payload.replace(ATTEMPT.encode(), b"%d" % dispatch.failures)
        delivery = Delivery(
            payload=payload,
            attributes=dead_letter_attributes(dispatch, error),
            source_arn=dispatch.delivery.source_arn,
        )
        return DeadLetter(queue, delivery)

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol: what is lost is told."""
        if outcome == "dropped":
            schedule = dispatch.context["schedule"]
            self._parts.console.warn(f"{schedule}: its target was not called: {error}")


def _policy(dispatch: Dispatch) -> RetryPolicy:
    given = dispatch.context["retry"]
    return RetryPolicy(
        retries=given.get("MaximumRetryAttempts", MOST_RETRIES),
        maximum_age_s=given.get("MaximumEventAgeInSeconds", MAXIMUM_AGE_S),
        most_delay_s=_MOST_DELAY_S,
    )


def dead_letter_attributes(dispatch: Dispatch, error: DeliveryError) -> dict[str, dict[str, Any]]:
    """Return what a dead letter says of a call that failed.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    context = dispatch.context
    values = {
        "ERROR_CODE": error.code or "InternalServerError",
        "ERROR_MESSAGE": str(error)[:1024],
        "EXECUTION_ID": context["execution"],
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(max(0, dispatch.failures - 1)),
        "SCHEDULED_TIME": context["scheduled"],
        "SCHEDULE_ARN": context["schedule"],
        "TARGET_ARN": context["arn"],
    }
    if not isinstance(error, DeliveryRefused):
        exhausted = dispatch.failures > _policy(dispatch).retries
        values["EXHAUSTED_RETRY_CONDITION"] = (
            "MaximumRetryAttempts" if exhausted else "MaximumEventAgeInSeconds"
        )
    return {
        name: {"DataType": "String", "StringValue": value}
        for name, value in values.items()
        if value
    }
