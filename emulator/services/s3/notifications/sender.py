"""How events of buckets are tried again and given up."""

from __future__ import annotations

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.retries import RetryPolicy, next_attempt
from emulator.invoke.targets import DeliveryError, DeliveryRefused, Targets
from emulator.model.console import Console

#: S3 does not say how long it tries; EventBridge does for a day.
_POLICY = RetryPolicy(retries=1000, maximum_age_s=86_400.0)


class S3Sender:
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        targets: Where events are delivered to.
        console: Hears of those that are lost.
    """

    def __init__(self, targets: Targets, console: Console) -> None:
        self._targets, self._console = targets, console

    async def attempt(self, dispatch: Dispatch) -> None:
        """See the protocol."""
        await self._targets.deliver(dispatch.target, dispatch.delivery)

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol."""
        if isinstance(error, DeliveryRefused):
            return None
        return next_attempt(_POLICY, dispatch.failures, now - dispatch.accepted)

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: S3 has none."""
        return None

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol."""
        if outcome == "dropped":
            bucket = dispatch.delivery.source_arn
            self._console.warn(f"{bucket} could not tell {dispatch.target}: {error}")
