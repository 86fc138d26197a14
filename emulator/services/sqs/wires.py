"""What queues are wired to: the queues for their dead letters; and what waits in them."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.sqs import policies
from emulator.services.sqs.queues import Sqs
from emulator.services.wiring import Waiting, Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    return "queue", resource


async def wires(parts: Parts, sqs: Sqs) -> list[Wire]:
    """Return the wires of all queues."""
    found = []
    for queue in sqs.all():
        policy = queue.attributes.get("RedrivePolicy")
        if policy:
            read = policies.parse_redrive(policy)
            found.append(
                Wire(
                    source=queue.arn,
                    target=read.target,
                    by="dead letters",
                    note=f"after {read.max_receives} receives",
                )
            )
    return found


def waiting(parts: Parts, sqs: Sqs, arn: str) -> Waiting | None:
    """Return what waits in a queue; None: there is none."""
    queue = sqs.by_arn(arn)
    if queue is None:
        return None
    counts = queue.queue.counts()
    return Waiting(counts.visible + counts.in_flight, counts.delayed)
