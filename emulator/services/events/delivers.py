"""Events for the ARN of a bus."""

from __future__ import annotations

from emulator.invoke.targets import Delivery
from emulator.services.context import Parts
from emulator.services.events import forwarding
from emulator.services.events.state import Events


async def deliver(parts: Parts, events: Events, arn: str, delivery: Delivery) -> None:
    """Put an event on a bus.

    Raises:
        DeliveryRefused: There is no such bus, or it is no event.
        StorageError: The disk did not take it.
    """
    await forwarding.publish(events, arn, delivery, [])
