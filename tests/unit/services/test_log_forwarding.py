"""Log events that the disk does not take are passed on later."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.model.errors import StorageFull
from emulator.services.logs.forwarding import Filter, Forwarder
from emulator.services.logs.pattern import compile_pattern
from emulator.testing import FakeClock, until_idle

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


async def test_a_full_disk_loses_no_gathered_events() -> None:
    clock, accepted = FakeClock(), list[Dispatch]()
    is_full = True

    async def accept(dispatches: list[Dispatch]) -> None:
        if is_full:
            raise StorageFull("the disk is full")
        accepted.extend(dispatches)

    parts: Any = SimpleNamespace(
        clock=clock, spawn=lambda work: asyncio.get_running_loop().create_task(work)
    )
    forwarder = Forwarder(parts)
    forwarder._outbox = SimpleNamespace(accept=accept)  # type: ignore[assignment]
    body = {"name": "all", "pattern": "", "group": "g", "destination": FUNCTION}
    key = ("000000000000", "us-east-1", "g")
    forwarder._filters[key] = {"all": Filter(body, compile_pattern(""))}
    group: Any = SimpleNamespace(account=key[0], region=key[1], name=key[2])
    stream: Any = SimpleNamespace(name="s")

    def tell(text: str) -> None:
        event: Any = SimpleNamespace(message=text, timestamp=1, sequence=1)
        forwarder._hear(group, stream, event)

    tell("one")
    await clock.advance(0.2)
    await until_idle()
    tell("two")
    await clock.advance(0.2)
    await until_idle()
    assert accepted == []
    is_full = False
    await clock.advance(5)
    await until_idle()
    (found,) = accepted
    data = json.loads(found.delivery.payload)["awslogs"]["data"]
    told = json.loads(gzip.decompress(base64.b64decode(data)))["logEvents"]
    assert [each["message"] for each in told] == ["one", "two"]
