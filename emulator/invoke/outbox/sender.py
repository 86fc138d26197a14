"""Who sends events by an outbox: what only the service itself knows of its deliveries."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryError

#: How a delivery ended.
Outcome = Literal["delivered", "dead-lettered", "dropped"]


class DeadLetter(NamedTuple):
    """Where an event goes that could not be delivered, and as what."""

    arn: str
    delivery: Delivery


class Sender(Protocol):
    """A service that sends events. Its decisions are pure: time is handed in."""

    async def attempt(self, dispatch: Dispatch) -> None:
        """Deliver one event to what no queue takes events for.

        Raises:
            DeliveryRefused: It will never be taken.
            DeliveryFailed: It was not taken this time.
        """
        ...

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """Return the seconds until the next attempt; None: there is none.

        Args:
            dispatch: With all its failures, this one included.
            error: Of the last attempt.
            now: Seconds since the epoch.
        """
        ...

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """Return where an event goes that has no attempt left; None: nowhere."""
        ...

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """Learn how a delivery ended: for metrics and logs of deliveries."""
        ...
