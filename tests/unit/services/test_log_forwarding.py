"""Log events that are acknowledged are passed on; those that the disk does not take, later."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.model.errors import StorageFull
from emulator.services.logs.forwarding import Filter, Forwarder
from emulator.services.logs.pattern import compile_pattern
from emulator.testing import FakeClock, until_idle

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


class _World:
    """A forwarder with one filter of one group, and the disk that it writes to."""

    def __init__(self) -> None:
        self.clock, self.accepted = FakeClock(), list[Dispatch]()
        self.is_full = False

        async def accept(dispatches: list[Dispatch]) -> None:
            if self.is_full:
                raise StorageFull("the disk is full")
            self.accepted.extend(dispatches)

        parts: Any = SimpleNamespace(
            clock=self.clock, spawn=lambda work: asyncio.get_running_loop().create_task(work)
        )
        self.forwarder = Forwarder(parts)
        self.forwarder._outbox = SimpleNamespace(accept=accept)  # type: ignore[assignment]
        body = {"name": "all", "pattern": "", "group": "g", "destination": FUNCTION}
        self.key = ("000000000000", "us-east-1", "g")
        self.forwarder._filters[self.key] = {"all": Filter(body, compile_pattern(""))}

    def tell(self, text: str) -> None:
        account, region, name = self.key
        group: Any = SimpleNamespace(account=account, region=region, name=name)
        stream: Any = SimpleNamespace(name="s")
        event: Any = SimpleNamespace(message=text, timestamp=1, sequence=1)
        self.forwarder._hear(group, stream, event)

    def texts(self) -> list[list[str]]:
        """Return the events of each batch that the disk has."""
        found = []
        for each in self.accepted:
            data = json.loads(each.delivery.payload)["awslogs"]["data"]
            told = json.loads(gzip.decompress(base64.b64decode(data)))["logEvents"]
            found.append([event["message"] for event in told])
        return found


async def test_a_full_disk_loses_no_gathered_events() -> None:
    world = _World()
    world.is_full = True
    for text in ("one", "two"):
        world.tell(text)
        await world.clock.advance(0.2)
        await until_idle()
    assert world.texts() == []
    world.is_full = False
    await world.clock.advance(5)
    await until_idle()
    assert world.texts() == [["one", "two"]]


async def test_what_is_acknowledged_is_passed_on_before() -> None:
    world = _World()
    world.tell("one")
    await world.forwarder.keep(*world.key)
    assert world.texts() == [["one"]]
    await world.forwarder.keep(*world.key)
    world.is_full = True
    world.tell("two")
    with pytest.raises(StorageFull):
        await world.forwarder.keep(*world.key)
    world.is_full = False
    await world.clock.advance(5)
    await until_idle()
    assert world.texts() == [["one"], ["two"]]
