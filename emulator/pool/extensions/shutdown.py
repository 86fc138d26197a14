"""The SHUTDOWN phase of a sandbox with extensions: all do their last work, within AWS's limit."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from emulator.driver.base import Driver, Sandbox
from emulator.model.clock import Clock
from emulator.model.sandbox import Exit
from emulator.pool.extensions.group import Extensions

#: Seconds in which a runtime may end before its extensions hear of the phase.
_RUNTIME_S = 0.3


async def run(
    extensions: Extensions, sandbox: Sandbox, driver: Driver, clock: Clock, reason: str
) -> None:
    """Tell runtime and extensions to end, and wait until they have, or the time is up.

    Args:
        extensions: Those of the sandbox.
        sandbox: Not frozen.
        driver: Signals its runtime.
        clock: Measures the time.
        reason: AWS's word: "spindown", "timeout" or "failure".

    Raises:
        DriverFault: The runtime could not be signalled.
    """
    seconds = extensions.shutdown_s
    if sandbox.ends_with_runtime:
        ends = extensions.shut_down(reason, int((clock.now() + seconds) * 1000))
        await _wait_for(ends, seconds, clock)
    how = signal.SIGTERM if reason == "spindown" else signal.SIGKILL
    await driver.signal(sandbox, how)
    # Their time begins with the signal, which takes an engine a while.
    began = clock.monotonic()
    if extensions.external:
        await _wait_for([sandbox.exited], min(seconds, _RUNTIME_S), clock)
        if sandbox.ends_with_runtime:
            return
    left = began + seconds - clock.monotonic()
    ends = extensions.shut_down(reason, int((clock.now() + left) * 1000))
    await _wait_for([sandbox.exited, *ends], left, clock)


async def _wait_for(ends: Sequence[asyncio.Future[Exit]], seconds: float, clock: Clock) -> None:
    """Wait until all ``ends`` are done, at most ``seconds``."""
    if not ends or seconds <= 0:
        return
    late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(seconds, late.set_result, None)
    all_ended = asyncio.ensure_future(asyncio.wait(ends))
    try:
        await asyncio.wait((all_ended, late), return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        all_ended.cancel()
