"""What the ARN of a greeting does with an event: the event becomes its text."""

from __future__ import annotations

from emulator.invoke.targets import Delivery
from emulator.model.errors import AwsError
from emulator.services.context import Parts
from tests.hello_world.state import Greetings


async def deliver(parts: Parts, greetings: Greetings, arn: str, delivery: Delivery) -> None:
    """Deliver one event; it is kept once this returns.

    Raises:
        AwsError: There is no such greeting, or it was not kept.
    """
    _, _, _, region, account, name = arn.split(":", 5)
    found = greetings.find(account, region, name)
    if found is None:
        raise AwsError("GreetingNotFoundException", f"There is no greeting {name}.")
    changed = {**found, "Text": delivery.payload.decode(), "Changed": parts.clock.now()}
    await greetings.put(account, region, name, changed)
