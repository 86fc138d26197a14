"""How long an environment waits for a port that another one leaves."""

from __future__ import annotations

import asyncio

from emulator.driver.leaving import until_free
from emulator.testing import FakeClock


class Port:
    """A port that an environment has until it is gone."""

    def __init__(self) -> None:
        self.is_free = self.is_leaving = False
        self.clock = FakeClock()

    def wait(self) -> asyncio.Task[bool]:
        waiting = until_free(lambda: self.is_free, lambda: self.is_leaving, 3.0, self.clock)
        return asyncio.ensure_future(waiting)


async def test_one_that_stays_is_not_waited_for_for_long() -> None:
    port = Port()
    waiting = port.wait()
    await port.clock.advance(2.8)
    assert not waiting.done()
    await port.clock.advance(0.4)
    assert await waiting is False


async def test_one_that_is_being_removed_has_its_time() -> None:
    port = Port()
    port.is_leaving = True
    waiting = port.wait()
    await port.clock.advance(20)
    # The engine may hold its port a moment longer.
    port.is_leaving = False
    await port.clock.advance(2)
    assert not waiting.done()
    port.is_free = True
    await port.clock.advance(0.2)
    assert await waiting is True


async def test_one_that_can_not_be_removed_is_not_waited_for_for_ever() -> None:
    port = Port()
    port.is_leaving = True
    waiting = port.wait()
    await port.clock.advance(70)
    assert await waiting is False


async def test_a_free_one_is_had_at_once() -> None:
    port = Port()
    port.is_free = True
    assert await port.wait() is True
    assert port.clock.monotonic() == 0
