"""Sends events to ARNs for a while, twice as late each time, and keeps no dead letters."""

from __future__ import annotations

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter
from emulator.invoke.targets import DeliveryError, DeliveryRefused, Targets


class TargetSender:
    """What senders of this kind share; each says itself what the end of a delivery means.

    Args:
        targets: Where events are delivered to.
    """

    #: Seconds for which an event is tried.
    age_s: float
    #: Seconds between two attempts at most.
    most_delay_s: float

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def attempt(self, dispatch: Dispatch) -> None:
        """See the protocol."""
        await self._targets.deliver(dispatch.target, dispatch.delivery)

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol."""
        if isinstance(error, DeliveryRefused) or now - dispatch.accepted > self.age_s:
            return None
        return float(min(self.most_delay_s, 2.0 ** min(dispatch.failures - 1, 20)))

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: nowhere."""
        return None
