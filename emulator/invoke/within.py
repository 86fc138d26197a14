"""Waiting for work no longer than it may take: what is late goes on, for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from emulator.model.clock import Clock

_T = TypeVar("_T")


class TimedOut(Exception):
    """Something takes longer than its caller waits."""


async def within(
    clock: Clock,
    seconds: float,
    work: Coroutine[Any, Any, _T],
    *,
    on_late: Callable[[_T], None] | None = None,
) -> _T:
    """Return what ``work`` returns, if it does within ``seconds``; else it goes on for nobody.

    Args:
        clock: Measures the time.
        seconds: The longest wait.
        work: What is waited for. It is cancelled with its caller.
        on_late: Given what the work returns after all.

    Raises:
        TimedOut: It takes longer.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    ended: asyncio.Future[None] = loop.create_future()

    def end(_: object = None) -> None:
        if not ended.done():
            ended.set_result(None)

    def forget(late: asyncio.Task[_T]) -> None:
        _unwatched.discard(late)
        if not late.cancelled() and late.exception() is None and on_late is not None:
            on_late(late.result())

    timer = clock.call_later(seconds, end)
    task.add_done_callback(end)
    try:
        await ended
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        timer.cancel()
    if task.done():
        return task.result()
    _unwatched.add(task)
    task.add_done_callback(forget)
    raise TimedOut


#: Work that goes on though nobody waits for it.
_unwatched: set[asyncio.Task[Any]] = set()
