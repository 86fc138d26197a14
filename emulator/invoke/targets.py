"""Events on their way to what an ARN means: a queue, a topic, a function or a bus.

What an ARN of a service does with an event stands in that service's ``delivers.py``; here is who
finds it, what may be asked of it, and which failures are worth another try.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from emulator.model.errors import AwsError, DriverFault, LocalfaasError, StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event, as it is handed to an ARN."""

    #: Mostly JSON text.
    payload: bytes
    #: Message attributes in SQS's shape; a target that has none leaves them out.
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: The trace header of the chain of calls it belongs to; "" begins a new one.
    trace_id: str = ""
    #: The message group of a FIFO target; "" for none.
    group_id: str = ""
    #: What a FIFO target knows a repetition by; "" for none.
    deduplication_id: str = ""
    #: The ARN of what sends it; "" where that has none.
    source_arn: str = ""


#: Delivers an event to an ARN of one service; the event is kept when it returns.
Deliver = Callable[[str, Delivery], Awaitable[None]]


class DeliveryError(LocalfaasError):
    """An event was not delivered.

    Args:
        arn: Where it should have gone.
        reason: Why it did not, for people.
        code: AWS's code of that reason, where there is one.
    """

    def __init__(self, arn: str, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.arn = arn
        self.code = code


class DeliveryRefused(DeliveryError):
    """It will never be taken: there is no such target, or the target does not take such events."""


class DeliveryFailed(DeliveryError):
    """It was not taken this time, and may be the next: throttled, a full disk, a lost engine."""


#: Codes of AWS errors that pass.
_PASSING = frozenset(
    {
        "CodeArtifactUserPendingException",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "OverLimit",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "ResourceConflictException",
        "ServiceException",
        "ServiceUnavailable",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def is_passing(error: LocalfaasError) -> bool:
    """Say whether what failed may succeed if it is tried again."""
    if isinstance(error, AwsError):
        return error.code in _PASSING or (error.status or 0) >= 500
    return isinstance(error, (StorageError, DriverFault))


class Targets:
    """Delivers events by ARN.

    Args:
        serves: Says whether events can be delivered to ARNs of a service, by the service's name
            in ARNs.
        find: Returns what delivers to them; LookupError where nothing does.
    """

    def __init__(
        self, serves: Callable[[str], bool], find: Callable[[str], Awaitable[Deliver]]
    ) -> None:
        self._serves, self._find = serves, find

    def serves(self, arn: str) -> bool:
        """Say whether there is something to deliver to for ARNs of this kind."""
        service = _service_of(arn)
        return service is not None and self._serves(service)

    async def deliver(self, arn: str, delivery: Delivery) -> None:
        """Deliver one event; it is kept when this returns.

        Raises:
            DeliveryRefused: It will never be taken.
            DeliveryFailed: It was not taken this time.
        """
        service = _service_of(arn)
        if service is None:
            raise DeliveryRefused(arn, "destinations of this form are not served")
        try:
            deliver = await self._find(service)
        except LookupError as error:
            raise DeliveryRefused(arn, f"destinations of {service} are not served") from error
        try:
            await deliver(arn, delivery)
        except DeliveryError:
            raise
        except LocalfaasError as error:
            kind = DeliveryFailed if is_passing(error) else DeliveryRefused
            code = error.code if isinstance(error, AwsError) else ""
            raise kind(arn, str(error), code) from error


def _service_of(arn: str) -> str | None:
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 and parts[0] == "arn" and parts[2] else None
