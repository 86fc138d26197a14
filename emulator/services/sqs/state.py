"""The queues there are, opened with the emulator: what waits in them may be polled, or expire."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.sqs.measuring import Measuring
from emulator.services.sqs.queues import Sqs


async def open(parts: Parts) -> Sqs:
    """Return the queues that are kept."""
    sqs = Sqs(parts.queues)
    Measuring(sqs, parts.own_metrics)
    await sqs.resume()
    return sqs
