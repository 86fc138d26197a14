"""The life of an emulator's components: opened in order, drained together, closed in reverse order.

::

    open    each in turn            begins to work
    drain   all at once, bounded    begins nothing new; returns when nothing runs any more
    abort   all at once             gives up what still runs
    close   each in turn, reversed  lets go of everything

Every step is optional. ``abort`` and ``close`` come even where ``open`` failed or never came.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple


async def _nothing() -> None: ...


Step = Callable[[], Awaitable[None]]


class Component(NamedTuple):
    """One component of the emulator, by the steps of its life."""

    #: For people who read a traceback.
    name: str
    open: Step = _nothing
    #: May be cancelled.
    drain: Step = _nothing
    abort: Step = _nothing
    close: Step = _nothing


@contextlib.asynccontextmanager
async def closing(components: Sequence[Component]) -> AsyncIterator[None]:
    """Close ``components`` in reverse order at the end, also when one of them fails."""
    async with contextlib.AsyncExitStack() as stack:
        for component in components:
            stack.push_async_callback(_do, component, component.close, "closing")
        yield


async def open_all(components: Iterable[Component]) -> None:
    """Open ``components`` one after the other."""
    for component in components:
        await _do(component, component.open, "opening")


async def _do(component: Component, step: Step, what: str) -> None:
    try:
        await step()
    except Exception as error:
        error.add_note(f"({what} {component.name})")
        raise


async def drain_all(
    components: Sequence[Component], *, seconds: float, at_once: asyncio.Event
) -> None:
    """Let what runs in ``components`` end, then give up the rest.

    Args:
        components: The parts that are open.
        seconds: How long it may take to end.
        at_once: Once set, nothing is waited for any more.
    """
    draining = asyncio.gather(*(component.drain() for component in components))
    finish_now = asyncio.ensure_future(at_once.wait())
    try:
        await asyncio.wait(
            (draining, finish_now), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        finish_now.cancel()
        draining.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await draining
        finally:
            await asyncio.gather(*(component.abort() for component in components))
