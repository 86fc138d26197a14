"""What topics are wired to: their subscriptions."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.sns.state import Sns
from emulator.services.wiring import Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    return "topic", resource


async def wires(parts: Parts, sns: Sns) -> list[Wire]:
    """Return the wires of all topics."""
    lanes = await sns.outbox.by_lane()
    found = []
    for subscription in sns.every_subscription():
        body = subscription.body
        waiting, retrying = lanes.get(subscription.arn, (0, 0))
        found.append(
            Wire(
                source=body["topic"],
                target=body["endpoint"],
                by="subscription",
                note="filtered" if subscription.filter else "",
                is_on=not subscription.is_pending,
                waiting=waiting,
                retrying=retrying,
            )
        )
    return found
