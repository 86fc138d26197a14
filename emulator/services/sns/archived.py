"""Messages of a FIFO topic in its archive.

https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from emulator.services.sns.envelope import Message
from emulator.services.sns.state import Sns


async def keep(sns: Sns, topic: Mapping[str, Any], messages: Iterable[Message]) -> None:
    """Archive messages, if their topic wants that.

    Raises:
        StorageError: The disk did not take one.
    """
    policy = topic["attributes"].get("ArchivePolicy")
    if not policy or not json.loads(policy):
        return
    for each in messages:
        text = orjson.dumps({**asdict(each), "attributes": _packed(each.attributes)})
        size = len(each.bodies["default"].encode())
        await sns.archive.keep(each.topic, each.id, each.published, size, text)


def _packed(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            key: {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
            for key, value in each.items()
        }
        for name, each in attributes.items()
    }


def message_of(text: bytes) -> Message:
    """Return a message that was archived."""
    kept = orjson.loads(text)
    for each in kept["attributes"].values():
        for key, value in each.items():
            if isinstance(value, dict):
                each[key] = base64.b64decode(value["base64"])
    return Message(**kept)
