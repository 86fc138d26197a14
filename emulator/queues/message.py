"""Messages as senders give them, as the engine keeps them, and as receivers get them."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from emulator.model.journal import LeaseRecord, MessageRecord
from emulator.queues.errors import InvalidHandle

_HANDLE = struct.Struct(">4sIQI")
_MAGIC = b"lfq1"


class MessageState(IntEnum):
    """Where a message in memory is."""

    #: Appended to the journal, not yet committed.
    PENDING = 0
    DELAYED = 1
    READY = 2
    IN_FLIGHT = 3
    #: Being deleted: waits for the commit, and still counts as in flight.
    LEAVING = 4
    #: Deleted, expired, moved, or only on the disk.
    GONE = 5


class Draft(NamedTuple):
    """A message to be sent."""

    body: str | bytes
    #: Opaque to the engine: the layer above gets it back with the body.
    headers: str = "{}"
    #: Seconds until it can be received; None takes the queue's delay.
    delay: float | None = None
    group: str | None = None
    deduplication: str | None = None
    #: Size in bytes as the layer above counts it; 0 takes the length of body and headers.
    size: int = 0
    #: The message's id; None makes a new one.
    message_id: str | None = None
    #: A FIFO queue only remembers that it was sent: no message is made.
    is_mark: bool = False


class Sent(NamedTuple):
    """The receipt of a send. A repeated FIFO send has the receipt of the first."""

    message_id: str
    #: Increases with the order of a FIFO queue.
    position: int


class Received(NamedTuple):
    """A message as one receive returns it."""

    handle: str
    message_id: str
    body: str | bytes
    headers: str
    sent_at: float
    receive_count: int
    first_received_at: float
    position: int
    group: str | None
    deduplication: str | None
    #: The queue that it came from as a dead letter.
    source: str | None


class Seen(NamedTuple):
    """A message as peeking shows it; peeking does not receive it."""

    message_id: str
    body: str | bytes
    headers: str
    sent_at: float
    receive_count: int
    #: "ready", "delayed" or "in flight".
    state: str
    #: When it can be received (again).
    visible_at: float
    group: str | None
    source: str | None


@dataclass(slots=True, eq=False, kw_only=True)
class Message:
    """A message in memory. Its payload may be on the disk only."""

    id: int
    position: int
    sent_at: float
    message_id: str
    group: str | None
    deduplication: str | None
    source: str | None
    size: int
    #: Headers and body; None if they are on the disk only.
    payload: tuple[str, str | bytes] | None
    state: MessageState = MessageState.PENDING
    #: When it can be received (again).
    visible_at: float = 0.0
    #: The number of all its receives; a receipt handle contains it.
    receives: int = 0
    #: The number of those receives that do not count towards the dead-letter queue.
    uncounted: int = 0
    received_at: float = 0.0
    first_received_at: float = 0.0
    #: True if it was received and the last receiver has not given it back.
    held: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """The position in the journal's order."""
        return self.position, self.id

    @property
    def receive_count(self) -> int:
        """How many receives count towards the dead-letter queue."""
        return self.receives - self.uncounted

    def record(self, queue: int) -> MessageRecord:
        """Return the message as it is appended to the journal."""
        assert self.payload is not None
        return MessageRecord(
            self.id,
            queue,
            self.position,
            self.sent_at,
            self.message_id,
            self.group,
            self.deduplication,
            self.source,
            self.size,
            *self.payload,
        )

    def lease(self) -> LeaseRecord:
        """Return the record of a receive, for the journal."""
        return LeaseRecord(
            self.id,
            self.visible_at,
            self.receives,
            self.uncounted,
            self.first_received_at,
            self.held,
        )


def queue_tag(name: str) -> int:
    """Return the number that names a queue in its receipt handles."""
    return zlib.crc32(name.encode())


def encode_handle(tag: int, id: int, receives: int) -> str:
    """Return the receipt handle of one receive of a message."""
    return base64.b64encode(_HANDLE.pack(_MAGIC, tag, id, receives)).decode()


def decode_handle(tag: int, handle: str) -> tuple[int, int]:
    """Return the message's id and the number of the receive.

    Raises:
        InvalidHandle: The text is no handle, or belongs to another queue.
    """
    try:
        magic, its_tag, id, receives = _HANDLE.unpack(base64.b64decode(handle, validate=True))
    except (binascii.Error, struct.error, ValueError) as error:
        raise InvalidHandle(handle) from error
    if magic != _MAGIC or its_tag != tag or id >= 1 << 63:
        raise InvalidHandle(handle)
    return id, receives
