"""Events on their way to what an ARN means: a queue, a topic, a function or a bus.

What an ARN of a service does with an event stands in that service's ``delivers.py``; here is who
finds it, what may be asked of it, and which failures are worth another try.

A target whose events wait in queues of the engine is *placed*: it names the messages, and whoever
delivers to several targets writes them all in one commit. Other targets are *delivered* to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.model.errors import AwsError, DriverFault, LocalfaasError, StorageError
from emulator.queues.message import Draft
from emulator.queues.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event, as it is handed to an ARN."""

    #: Mostly JSON text.
    payload: bytes
    #: Message attributes in SQS's shape; a target that has none leaves them out.
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: The trace header of the chain of calls it belongs to; "" begins a new one.
    trace_id: str = ""
    #: The message group of a FIFO target; "" for none.
    group_id: str = ""
    #: What a FIFO target knows a repetition by; "" for none.
    deduplication_id: str = ""
    #: The ARN of what sends it; "" where that has none.
    source_arn: str = ""
    #: Of a message of a topic; "" for none.
    subject: str = ""
    #: Of a request over HTTP: ``PathParameterValues``, ``HeaderParameters`` and
    #: ``QueryStringParameters``.
    http: Mapping[str, Any] = field(default_factory=dict)
    #: What a bus calls such an event, which is its detail then; "": it is a whole event.
    detail_type: str = ""
    #: The source that a bus gives it; "" for the service of ``source_arn``.
    source: str = ""
    #: The key under which a bucket keeps it; "": no bucket takes it.
    object_key: str = ""


class Placed(NamedTuple):
    """A message that delivers an event once it is sent."""

    queue: Queue
    draft: Draft
    #: Called once it is sent.
    sent: Callable[[], None] | None = None
    #: Says, when it is about to be sent, that it repeats another and is not to be.
    repeats: Callable[[], bool] | None = None


#: Delivers an event to an ARN of one service; the event is kept when it returns.
Deliver = Callable[[str, Delivery], Awaitable[None]]
#: Hands an event to an ARN of one service, and returns what that answers.
Ask = Callable[[str, Delivery], Awaitable[bytes]]
#: Returns the messages that deliver an event to an ARN of one service.
Place = Callable[[str, Delivery], Awaitable[Sequence[Placed]]]


class Taker(NamedTuple):
    """How the ARNs of one service take events: in one of two ways; some answer them, too."""

    place: Place | None = None
    deliver: Deliver | None = None
    ask: Ask | None = None


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
        find: Returns how they take events; LookupError where nothing does.
        send: Sends messages of any queues in one commit.
    """

    def __init__(
        self,
        serves: Callable[[str], bool],
        find: Callable[[str], Awaitable[Taker]],
        send: Callable[[Iterable[tuple[Queue, Draft]]], Awaitable[None]],
    ) -> None:
        self._serves, self._find, self._send = serves, find, send

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
        taker = await self._taker(arn)
        with _as_delivery_errors(arn):
            if taker.place is not None:
                await self.send(await taker.place(arn, delivery))
            elif taker.deliver is not None:
                await taker.deliver(arn, delivery)

    async def ask(self, arn: str, delivery: Delivery) -> bytes:
        """Hand an event to what answers it, and return the answer.

        Raises:
            DeliveryRefused: It will never be taken, or nothing there answers.
            DeliveryFailed: It was not taken this time.
        """
        taker = await self._taker(arn)
        if taker.ask is None:
            raise DeliveryRefused(arn, f"{arn} answers nothing")
        with _as_delivery_errors(arn):
            return await taker.ask(arn, delivery)

    async def place(self, arn: str, delivery: Delivery) -> Sequence[Placed] | None:
        """Return the messages that deliver one event; None: it can only be delivered.

        Raises:
            DeliveryRefused: It will never be taken.
            DeliveryFailed: It was not taken this time.
        """
        taker = await self._taker(arn)
        if taker.place is None:
            return None
        with _as_delivery_errors(arn):
            return await taker.place(arn, delivery)

    async def send(self, placed: Sequence[Placed]) -> None:
        """Send placed messages in one commit.

        Raises:
            StorageError: None of them was sent.
        """
        new = without_repetitions(placed)
        await self._send(messages_of(new))
        tell_sent(new)

    async def _taker(self, arn: str) -> Taker:
        service = _service_of(arn)
        if service is None:
            raise DeliveryRefused(arn, "destinations of this form are not served")
        try:
            return await self._find(service)
        except LookupError as error:
            raise DeliveryRefused(arn, f"destinations of {service} are not served") from error


def without_repetitions(placed: Sequence[Placed]) -> list[Placed]:
    """Return the messages that are to be sent; what follows must send them without awaiting."""
    return [each for each in placed if each.repeats is None or not each.repeats()]


def messages_of(placed: Iterable[Placed]) -> list[tuple[Queue, Draft]]:
    """Return what is sent: a queue that was deleted meanwhile has taken its messages with it."""
    return [(each.queue, each.draft) for each in placed if not each.queue.is_gone]


def tell_sent(placed: Iterable[Placed]) -> None:
    """Call what is to be called once messages have been sent."""
    for each in placed:
        if each.sent is not None:
            each.sent()


@contextmanager
def _as_delivery_errors(arn: str) -> Iterator[None]:
    try:
        yield
    except DeliveryError:
        raise
    except LocalfaasError as error:
        kind = DeliveryFailed if is_passing(error) else DeliveryRefused
        code = error.code if isinstance(error, AwsError) else ""
        raise kind(arn, str(error), code) from error


def _service_of(arn: str) -> str | None:
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 and parts[0] == "arn" and parts[2] else None
