"""How the actions of alarms are attempted, tried again and given up."""

from __future__ import annotations

from collections.abc import Callable

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import Outcome
from emulator.invoke.outbox.target_sender import TargetSender
from emulator.invoke.targets import DeliveryError, Targets


class AlarmSender(TargetSender):
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        targets: Where actions are delivered to.
        on_ended: Called with each action that has ended, and with the error of one that failed.
    """

    age_s, most_delay_s = 3600.0, 60.0

    def __init__(
        self, targets: Targets, on_ended: Callable[[Dispatch, DeliveryError | None], None]
    ) -> None:
        super().__init__(targets)
        self._on_ended = on_ended

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol: the alarm's history says it."""
        self._on_ended(dispatch, None if outcome == "delivered" else error)
