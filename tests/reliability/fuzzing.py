"""Sends an emulator's services many bad requests, and notes what is wrong with their answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.reliability.fuzz import FuzzedRequest
from tests.reliability.test_fuzz_lambda import send_to

#: Requests after which what the fuzzer knows by name is made anew.
_REFURNISHED = 200
#: Seconds after which a request hangs.
_HANGS_S = 60


@dataclass(slots=True)
class Findings:
    """What came of the requests."""

    complaints: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    #: Operations that were answered 200 at least once.
    succeeded: set[str] = field(default_factory=set)


async def fuzz(
    settings: Settings,
    count: int,
    request: Callable[[], FuzzedRequest],
    furnish: Callable[[Emulator], Awaitable[None]],
    complaint: Callable[[int, bytes], str],
) -> Findings:
    """Send an emulator so many requests.

    Args:
        settings: The emulator's.
        count: How many.
        request: Returns the next one.
        furnish: Makes what the requests name.
        complaint: Returns what is wrong with an answer (status, body), or "".
    """
    emulator = Emulator(settings, driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    found = Findings()
    try:
        for number in range(count):
            if number % _REFURNISHED == 0:
                await furnish(emulator)
            made = request()
            try:
                async with asyncio.timeout(_HANGS_S):
                    status, _, body = await send_to(emulator.router, made)
                wrong = complaint(status, body)
            except Exception as error:  # noqa: BLE001 (each is a finding)
                wrong, status = f"{type(error).__name__}: {error}", 0
            found.statuses[status] += 1
            if status == 200:
                found.succeeded.add(made.operation)
            if wrong:
                text = f"#{number} {made.operation} {made.body[:200]!r}: {wrong}"
                found.complaints.append(text[:900])
    finally:
        emulator.stop()
        emulator.stop()
        await running
    return found
