"""Events for the ARN of a bus, or of an API destination."""

from __future__ import annotations

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryRefused
from emulator.services.context import Parts
from emulator.services.events import calling, forwarding
from emulator.services.events.state import Events


async def deliver(parts: Parts, events: Events, arn: str, delivery: Delivery) -> None:
    """Put an event on a bus, or send it to an API destination.

    Raises:
        DeliveryRefused: There is no such bus or destination, or it is no event.
        DeliveryFailed: The destination did not take it this time.
        StorageError: The disk did not take it.
    """
    if ":api-destination/" in arn:
        await ask(parts, events, arn, delivery)
    else:
        await forwarding.publish(events, arn, delivery, [])


async def ask(parts: Parts, events: Events, arn: str, delivery: Delivery) -> bytes:
    """Send an event to an API destination, and return its answer.

    Raises:
        DeliveryRefused: It will never be taken; buses answer nothing.
        DeliveryFailed: It was not taken this time.
    """
    if ":api-destination/" not in arn:
        raise DeliveryRefused(arn, f"{arn} answers nothing")
    dispatch = Dispatch(target=arn, delivery=delivery, lane=arn, accepted=parts.clock.now())
    return await calling.call(events, events.rates, dispatch)
