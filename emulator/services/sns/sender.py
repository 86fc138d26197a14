"""How SNS's deliveries are attempted, tried again and given up."""

from __future__ import annotations

from collections.abc import Callable

from emulator.invoke.http_client import HttpFailure, post
from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.targets import DeliveryError, DeliveryFailed, DeliveryRefused, Targets
from emulator.services.sns import policies
from emulator.telemetry.metrics.own import OwnMetrics

#: Of SNS's metrics.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
NAMESPACE = "AWS/SNS"
#: Seconds an HTTP endpoint has to answer.
#: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
_PATIENCE_S = 15.0
#: Statuses of a client's error that may pass.
_PASSING = (408, 425, 429)


class SnsSender:
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        targets: Where ARNs are delivered to.
        has_ended: Says whether there is no such subscription any more.
        metrics: Told how deliveries end; None: nobody is.
    """

    def __init__(
        self,
        targets: Targets,
        has_ended: Callable[[str], bool],
        metrics: OwnMetrics | None = None,
    ) -> None:
        self._targets, self._has_ended, self._metrics = targets, has_ended, metrics

    async def attempt(self, dispatch: Dispatch) -> None:
        """Post to an HTTP endpoint.

        Raises:
            DeliveryRefused, DeliveryFailed: See the protocol.
        """
        if not dispatch.target.startswith(("http://", "https://")):
            await self._targets.deliver(dispatch.target, dispatch.delivery)
            return
        headers = dict(dispatch.context.get("headers") or {})
        try:
            status = await post(
                dispatch.target, dispatch.delivery.payload, headers, timeout_s=_PATIENCE_S
            )
        except HttpFailure as error:
            raise DeliveryFailed(dispatch.target, str(error)) from error
        if 200 <= status < 300:
            return
        kind = DeliveryFailed if status >= 500 or status in _PASSING else DeliveryRefused
        raise kind(dispatch.target, f"the endpoint answered {status}", str(status))

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        """See the protocol: HTTP by the delivery policy, AWS's own endpoints for 23 days."""
        # What an endpoint is told of the end itself has no lane of a living subscription.
        is_notification = "unconfirmed" not in dispatch.context
        if isinstance(error, DeliveryRefused) or (
            is_notification and self._has_ended(dispatch.lane)
        ):
            return None
        retry = dispatch.context.get("retry")
        if retry is not None:
            return policies.http_delay(retry, dispatch.failures)
        return policies.managed_delay(dispatch.failures)

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        """See the protocol: the message itself goes to the subscription's dead-letter queue."""
        arn = None if self._has_ended(dispatch.lane) else dispatch.context.get("dead")
        return None if arn is None else DeadLetter(arn, dispatch.delivery)

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol."""
        # "arn:aws:sns:region:account:topic:id"
        lane = dispatch.lane.split(":")
        if self._metrics is not None and len(lane) == 7:
            name = "Delivered" if outcome == "delivered" else "Failed"
            dimensions = (("TopicName", lane[5]),)
            self._metrics.record(
                lane[4], lane[3], NAMESPACE, f"NumberOfNotifications{name}", dimensions, 1.0
            )
