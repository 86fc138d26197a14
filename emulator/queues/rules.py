"""The decisions of queues, as pure functions. Times are seconds since the epoch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

#: How long FIFO deduplication remembers a send (seconds).
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
DEDUPLICATION_INTERVAL = 300.0
#: The longest a message stays invisible, counted from its receive (seconds).
MAX_VISIBILITY = 43_200
#: Messages in flight on one queue; a standard queue then answers OverLimit, a FIFO queue nothing.
MAX_IN_FLIGHT = 120_000
#: How many messages of a FIFO queue are searched for available groups.
FIFO_LOOK_AHEAD = 120_000
#: How long a receive may be repeated under its attempt id (seconds).
ATTEMPT_INTERVAL = 300.0


DeduplicationScope = Literal["queue", "messageGroup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How one queue behaves. Times are seconds."""

    fifo: bool = False
    visibility: float = 30.0
    delay: float = 0.0
    retention: float = 345_600.0
    #: The name of the queue for messages received too often; None keeps them here.
    dead_letter: str | None = None
    #: A message received this often goes to the dead-letter queue at its next receive.
    max_receives: int = 0
    #: The source that dead-lettered messages name, e.g. the queue's ARN.
    source: str = ""
    content_deduplication: bool = False
    deduplication_scope: DeduplicationScope = "queue"
    max_in_flight: int = MAX_IN_FLIGHT
    #: False: receives are not kept, and messages in flight when the process ended are available
    #: again at its next start. For receivers that end with the process.
    lasting_leases: bool = True

    def with_(self, **changes: object) -> QueueSettings:
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def is_expired(sent_at: float, retention: float, now: float) -> bool:
    """Whether a message has been kept for as long as its queue keeps messages."""
    return now - sent_at >= retention


def is_dead_letter(receive_count: int, settings: QueueSettings) -> bool:
    """Whether a message about to be received goes to the dead-letter queue instead.

    AWS moves it when the receive count would *exceed* maxReceiveCount.
    """
    return settings.dead_letter is not None and receive_count >= settings.max_receives


def exceeds_visibility(received_at: float, timeout: float, now: float) -> bool:
    """Whether a message would be invisible for more than 12 hours from its receive."""
    return now + timeout - received_at > MAX_VISIBILITY


def deduplication_id(given: str | None, body: str | bytes, settings: QueueSettings) -> str | None:
    """Return the deduplication id of a FIFO message, or None if it has none.

    A given id takes precedence over one made from the content.
    """
    if given is not None:
        return given
    if not settings.content_deduplication:
        return None
    return hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()


def deduplication_key(id: str, group: str, scope: DeduplicationScope) -> bytes:
    """Return the key that two sends share if the second repeats the first."""
    within = group if scope == "messageGroup" else ""
    return hashlib.blake2b(f"{id}\0{within}".encode(), digest_size=16).digest()


def sequence_number(position: int) -> str:
    """Return a FIFO message's SequenceNumber: 20 digits, increasing with the position."""
    return str(10**19 + position * 1000)


def next_id(last: int, now: float) -> int:
    """Return an id greater than ``last``, made from the time in microseconds."""
    return max(last + 1, int(now * 1e6))
