"""Events for the ARN of a log group: each becomes a log event."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from emulator.invoke.targets import Delivery
from emulator.services.context import Parts
from emulator.services.logs.lookup import invalid, not_found
from emulator.services.logs.state import LogGroups


async def deliver(parts: Parts, state: LogGroups, arn: str, delivery: Delivery) -> None:
    """Write an event to a log group.

    What sends it has a stream of its own there. An event that a template has made has only the
    members ``timestamp`` (milliseconds) and ``message``.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html

    Raises:
        AwsError: There is no such group.
    """
    _, _, _, region, account, resource = arn.split(":", 5)
    kind, _, rest = resource.partition(":")
    if kind != "log-group" or not rest:
        raise invalid(f"{arn} is no log group.")
    logs = parts.logs
    await logs.loaded()
    group = logs.groups.get((account, region), {}).get(rest.partition(":")[0])
    if group is None:
        raise not_found("The specified log group does not exist.")
    message, timestamp = _read(delivery.payload)
    name = hashlib.md5(delivery.source_arn.encode(), usedforsecurity=False).hexdigest()
    logs.append(group, logs.stream(group, name), message, timestamp)
    await logs.stored()


def _read(payload: bytes) -> tuple[str, int | None]:
    text = payload.decode("utf-8", "replace")
    try:
        value: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return text, None
    if isinstance(value, dict) and value.keys() == {"timestamp", "message"}:
        at, message = value["timestamp"], value["message"]
        if isinstance(at, int):
            return message if isinstance(message, str) else orjson.dumps(message).decode(), at
    return text, None
