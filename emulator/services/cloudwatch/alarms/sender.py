"""How the actions of alarms are attempted, tried again and given up."""

from __future__ import annotations

from collections.abc import Callable

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.targets import DeliveryError, DeliveryRefused, Targets

#: Seconds for which an action is tried, and between two attempts at most.
_AGE_S, _MOST_DELAY_S = 3600.0, 60.0


class AlarmSender:
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        targets: Where actions are delivered to.
        on_ended: Called with each action that has ended, and with the error of one that failed.
    """

    def __init__(
        self, targets: Targets, on_ended: Callable[[Dispatch, DeliveryError | None], None]
    ) -> None:
        self._targets, self._on_ended = targets, on_ended

    async def attempt(self, dispatch: Dispatch) -> None:
        """See the protocol."""
        await self._targets.deliver(dispatch.target, dispatch.delivery)

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol: for an hour."""
        if isinstance(error, DeliveryRefused) or now - dispatch.accepted > _AGE_S:
            return None
        return float(min(_MOST_DELAY_S, 2.0 ** min(dispatch.failures - 1, 20)))

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: nowhere."""
        return None

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol: the alarm's history says it."""
        self._on_ended(dispatch, None if outcome == "delivered" else error)
