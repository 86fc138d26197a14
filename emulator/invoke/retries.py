"""When what was not delivered is tried again, and where it ends up if that is for good.

The decisions are pure; :func:`deliver_with_retries` follows them for callers whose events live in
memory. Whoever keeps events on the disk plans the next attempt there, with :func:`next_attempt`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from emulator.invoke.targets import Delivery, DeliveryError, DeliveryFailed, Targets
from emulator.model.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long an event is tried again."""

    #: Attempts after the first.
    retries: int = 0
    #: Seconds from when the event came after which it is not tried again; None: for ever.
    maximum_age_s: float | None = None
    #: Seconds from the first failure to the next attempt; twice as many each time ...
    first_delay_s: float = 1.0
    #: ... up to this many.
    most_delay_s: float = 300.0


def next_attempt(policy: RetryPolicy, failures: int, age_s: float) -> float | None:
    """Return the seconds to wait for the next attempt; None: there is none.

    Args:
        policy: How often, and how long after each other.
        failures: Attempts that have failed, the last one included (from 1).
        age_s: Seconds since the event came.
    """
    if failures > policy.retries:
        return None
    delay_s = min(policy.most_delay_s, policy.first_delay_s * 2.0 ** min(failures - 1, 30))
    if policy.maximum_age_s is not None and age_s + delay_s > policy.maximum_age_s:
        return None
    return delay_s


class DeadLetter(NamedTuple):
    """Where an event goes that could not be delivered."""

    arn: str
    #: Returns what is sent there: of the event, its last error and the number of attempts.
    make: Callable[[Delivery, DeliveryError, int], Delivery]


async def deliver_with_retries(
    targets: Targets,
    clock: Clock,
    arn: str,
    delivery: Delivery,
    policy: RetryPolicy,
    dead_letter: DeadLetter | None = None,
) -> bool:
    """Deliver an event, again as its policy says, and at last to its dead-letter queue.

    Returns:
        True: it was delivered; False: its dead-letter queue has it.

    Raises:
        DeliveryError: Neither took it.
    """
    began_s = clock.monotonic()
    failures = 0
    while True:
        try:
            await targets.deliver(arn, delivery)
            return True
        except DeliveryError as error:
            failures += 1
            delay_s = None
            if isinstance(error, DeliveryFailed):
                delay_s = next_attempt(policy, failures, clock.monotonic() - began_s)
            if delay_s is None:
                if dead_letter is None:
                    raise
                last = dead_letter.make(delivery, error, failures)
                await targets.deliver(dead_letter.arn, last)
                return False
        await clock.sleep(delay_s)
