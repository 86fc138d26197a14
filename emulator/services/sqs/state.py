"""The queues there are, opened with the emulator: what waits in them may be polled, or expire."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.sqs.queues import Sqs


async def open(parts: Parts) -> Sqs:
    """Return the queues that are kept."""
    return await Sqs.open(parts.queues)
