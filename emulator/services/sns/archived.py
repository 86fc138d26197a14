"""Messages of a FIFO topic in its archive.

https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.outbox.dispatch import packed, unpacked
from emulator.services.sns.envelope import Message

if TYPE_CHECKING:
    from emulator.services.sns.subscription import Topics


async def keep(sns: Topics, topic: Mapping[str, Any], messages: Iterable[Message]) -> None:
    """Archive messages, if their topic wants that.

    Raises:
        StorageError: The disk did not take one.
    """
    policy = topic["attributes"].get("ArchivePolicy")
    if not policy or not json.loads(policy):
        return
    for each in messages:
        size = len(each.bodies["default"].encode())
        await sns.archive.keep(each.topic, each.id, each.published, size, text_of(each))


def text_of(message: Message) -> bytes:
    """Return a message as it is kept."""
    return orjson.dumps({**asdict(message), "attributes": packed(message.attributes)})


def message_of(text: bytes) -> Message:
    """Return a message that was kept."""
    kept = orjson.loads(text)
    return Message(**{**kept, "attributes": unpacked(kept["attributes"])})
