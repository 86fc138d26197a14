"""The queues: their messages, what they feed, and where their dead letters go."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.queues.memory import Counts
from emulator.queues.message import Seen
from emulator.services.context import Parts
from emulator.services.sqs import policies
from emulator.services.sqs.queues import Sqs, SqsQueue

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue as the page shows it."""

    queue: SqsQueue
    counts: Counts
    #: Functions that a mapping feeds from it, and whether the mapping is enabled.
    feeds: list[tuple[str, bool]]
    #: The queue for its dead letters, and after how many receives.
    dead_letters: tuple[str, int] | None
    #: Queues whose dead letters it takes.
    takes_from: list[str]


def queue_rows(parts: Parts, sqs: Sqs) -> list[QueueRow]:
    """Return all queues, by name."""
    fed: dict[str, list[tuple[str, bool]]] = {}
    for _, _, _, mapping in parts.registry.mappings.all():
        function = mapping["FunctionArn"].split(":", 6)[6]
        feeds = fed.setdefault(mapping.get("EventSourceArn", ""), [])
        feeds.append((function, bool(mapping["Enabled"])))
    return [
        QueueRow(
            queue=queue,
            counts=queue.queue.counts(),
            feeds=fed.get(queue.arn, []),
            dead_letters=_dead_letters(queue),
            takes_from=[source.name for source in sqs.sources(queue)],
        )
        for queue in sorted(sqs.all(), key=lambda each: (each.name, each.arn))
    ]


def _dead_letters(queue: SqsQueue) -> tuple[str, int] | None:
    policy = queue.attributes.get("RedrivePolicy")
    if not policy:
        return None
    read = policies.parse_redrive(policy)
    return read.target.rpartition(":")[2], read.max_receives


async def queues(parts: Parts, request: PageRequest) -> PageResponse:
    """Show all queues."""
    sqs: Sqs = await parts.table.state("sqs")
    name = "parts/queues.html" if request.wants_part else "queues.html"
    return PageResponse(render(name, page="queues", rows=queue_rows(parts, sqs)))


async def messages(parts: Parts, request: PageRequest) -> PageResponse:
    """Show the first messages of a queue. Looking receives none of them."""
    sqs: Sqs = await parts.table.state("sqs")
    arn = request.query.get("arn", "")
    queue = sqs.by_arn(arn)
    if queue is None:
        raise PageError(404, f"There is no queue {arn}.")
    seen: list[Seen] = await queue.queue.peek(_SHOWN)
    name = "parts/messages.html" if request.wants_part else "messages.html"
    return PageResponse(
        render(
            name,
            page="queues",
            queue=queue,
            counts=queue.queue.counts(),
            messages=seen,
            now=parts.clock.now(),
        )
    )
