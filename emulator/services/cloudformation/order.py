"""Steps in the order of what they need, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from emulator.model.errors import LocalfaasError

#: Resources of one stack that are worked on at once.
_AT_ONCE = 16


class Failed(LocalfaasError):
    """What can't go on; the text is the reason that the stack shows."""


class StepsFailed(Failed):
    """Some steps failed.

    Attributes:
        names: Those that did.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


async def in_order(
    needs: Mapping[str, Iterable[str]],
    step: Callable[[str], Awaitable[None]],
    stopping: asyncio.Event,
) -> None:
    """Do ``step`` for each name, after the names that it needs.

    Once one has failed, no other begins; those under way come to their end.

    Args:
        needs: The names, and what each needs.
        step: Raises :class:`Failed` where it could not be done.
        stopping: No other begins once it is set. The first failure sets it, so that steps that
            only wait may end.

    Raises:
        StepsFailed: Some failed.
    """
    waits_for = {name: set(each) & needs.keys() for name, each in needs.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in needs}
    for name, each in waits_for.items():
        for other in each:
            needed_by[other].append(name)
    ready = sorted((name for name, each in waits_for.items() if not each), reverse=True)
    running: dict[asyncio.Task[None], str] = {}
    failed: dict[str, BaseException] = {}
    try:
        while running or (ready and not stopping.is_set()):
            while ready and len(running) < _AT_ONCE and not stopping.is_set():
                name = ready.pop()
                running[asyncio.ensure_future(step(name))] = name
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = running.pop(task)
                error = task.exception()
                if error is not None:
                    failed[name] = error
                    stopping.set()
                    continue
                for other in needed_by[name]:
                    waits_for[other].discard(name)
                    if not waits_for[other]:
                        ready.append(other)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    for error in failed.values():
        if not isinstance(error, Failed):
            raise error
    if failed:
        raise StepsFailed(list(failed))


def order_of_removal(needs: Mapping[int, Iterable[int]]) -> list[int]:
    """Return keys such that each comes before those it needs."""
    order: list[int] = []
    seen: set[int] = set()
    for start in needs:
        # Depth first, without recursion: a chain may be as long as a template.
        pending = [(start, False)]
        while pending:
            key, is_done = pending.pop()
            if is_done:
                order.append(key)
            elif key not in seen:
                seen.add(key)
                pending.append((key, True))
                pending += [(each, False) for each in needs[key] if each in needs]
    return order[::-1]
