"""How long an environment waits for a port of this machine that another one leaves."""

from __future__ import annotations

from collections.abc import Callable

from emulator.model.clock import Clock

#: Seconds between two looks.
_PAUSE_S = 0.1
#: Seconds that the removal of an environment may take: on a busy machine, much of them.
_REMOVAL_S = 60.0


async def until_free(
    is_free: Callable[[], bool],
    is_leaving: Callable[[], bool],
    patience_s: float,
    clock: Clock,
) -> bool:
    """Return once a port is free, or False where it does not get so.

    Args:
        is_free: Says whether it is.
        is_leaving: Says whether an environment has it that is being removed, and is there yet.
        patience_s: How long to wait for all else; from its end on where there is such a one.
        clock: Measures the time.
    """
    began = clock.monotonic()
    end = began + patience_s
    while not is_free():
        now = clock.monotonic()
        if is_leaving() and now < began + _REMOVAL_S:
            end = now + patience_s
        if now >= end:
            return False
        await clock.sleep(_PAUSE_S)
    return True
