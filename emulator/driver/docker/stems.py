"""Stem cells: containers started ahead of use, per image, and kept at a number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from emulator.driver.docker.images import Plan
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.model.clock import Clock
from emulator.model.errors import DriverFault

#: Containers made at once: more only makes those that somebody waits for slower.
_CONCURRENCY = 2
#: Seconds a replacement waits, so that making it does not slow down the one that was taken.
_GRACE = 0.2
#: Seconds before another try after a failure; then the next use starts afresh.
_PAUSES = (0.5, 2.0, 8.0)
#: Seconds after which a stem cell that ends has lived: its image is not at fault.
_LIVED = 10.0
#: Seconds before the replacement of one whose predecessors did not live either: first and most.
_LOSS_PAUSE = (0.5, 60.0)


def pause_after(losses: int) -> float:
    """Return how long a replacement waits after so many in a row that hardly lived (seconds).

    The first is replaced at once: `docker kill` is no reason to go slow.
    """
    if losses < 2:
        return 0.0
    return min(_LOSS_PAUSE[1], _LOSS_PAUSE[0] * 2.0 ** min(losses - 2, 20))


class StemPool:
    """Ready stem cells.

    Args:
        make: Makes one.
        discard: Gets rid of one.
        size: How many to keep ready for each image in use.
        clock: For the pauses after failures.
    """

    def __init__(
        self,
        make: Callable[[Plan], Awaitable[DockerSandbox]],
        discard: Callable[[DockerSandbox], None],
        size: int,
        clock: Clock,
    ) -> None:
        self._make = make
        self._discard = discard
        self._size = size
        self._clock = clock
        self._ready: dict[Plan, deque[DockerSandbox]] = {}
        self._making: dict[Plan, set[asyncio.Task[None]]] = {}
        #: Why the last one could not be made, where it could not.
        self._failures: dict[Plan, DriverFault] = {}
        #: How many in a row ended soon after they connected.
        self._losses: dict[Plan, int] = {}
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        #: Set while nobody waits for a container of their own.
        self._calm = asyncio.Event()
        self._calm.set()
        self._urgent = 0
        self._closed = False

    def count(self, plan: Plan) -> int:
        """Return how many are ready."""
        return len(self._ready.get(plan, ()))

    def take(self, plan: Plan) -> DockerSandbox | None:
        """Return a ready stem cell, None when there is none; another will be made."""
        ready = self._ready.setdefault(plan, deque())
        taken = None
        while ready and taken is None:
            candidate = ready.popleft()
            if candidate.exited.done():
                self._discard(candidate)
            else:
                taken = candidate
        self._refill(plan, max(_GRACE, pause_after(self._losses.get(plan, 0))))
        return taken

    def _put(self, plan: Plan, stem: DockerSandbox) -> None:
        if self._closed or self.count(plan) >= self._size:
            self._discard(stem)
        else:
            self._ready.setdefault(plan, deque()).append(stem)

    async def fill(self, plan: Plan) -> None:
        """Wait until the pool of ``plan`` is full.

        Raises:
            DriverFault: One could not be made.
        """
        self._refill(plan)
        await asyncio.gather(*self._making.get(plan, ()))
        failure = self._failures.get(plan)
        if failure is not None and not self.count(plan):
            raise DriverFault(
                f"no container of {plan.image} could be started ahead of use: {failure}"
            )

    def hurry(self) -> None:
        """Somebody waits for a container of their own: let them go first."""
        self._urgent += 1
        self._calm.clear()

    def hurried(self) -> None:
        """They have it."""
        self._urgent -= 1
        if not self._urgent:
            self._calm.set()

    def _refill(self, plan: Plan, grace: float = 0.0) -> None:
        making = self._making.setdefault(plan, set())
        while not self._closed and self.count(plan) + len(making) < self._size:
            task = asyncio.ensure_future(self._add(plan, grace))
            making.add(task)
            task.add_done_callback(making.discard)

    async def _add(self, plan: Plan, grace: float) -> None:
        if grace:
            await self._clock.sleep(grace)
        for pause in (*_PAUSES, None):
            await self._calm.wait()
            try:
                async with self._slots:
                    stem = await self._make(plan)
            except DriverFault as error:
                self._failures[plan] = error
                # The caller of `start` gets the reason, from the container it asks for itself.
                if pause is None or self._closed:
                    return
                await self._clock.sleep(pause)
                continue
            self._failures.pop(plan, None)
            self._watch(plan, stem)
            return

    def _watch(self, plan: Plan, stem: DockerSandbox) -> None:
        born = self._clock.monotonic()
        self._put(plan, stem)
        stem.exited.add_done_callback(lambda _: self._lost(plan, stem, born))

    def _lost(self, plan: Plan, stem: DockerSandbox, born: float) -> None:
        """A stem cell ended: `docker kill`, the engine went down, a bad image. Replace it."""
        ready = self._ready.get(plan)
        if not self._closed and ready is not None and stem in ready:
            ready.remove(stem)
            self._discard(stem)
            lived = self._clock.monotonic() - born >= _LIVED
            self._losses[plan] = losses = 0 if lived else self._losses.get(plan, 0) + 1
            self._refill(plan, pause_after(losses))

    async def close(self) -> list[DockerSandbox]:
        """Make no more, and hand out those that are left."""
        self._closed = True
        making = [task for tasks in self._making.values() for task in tasks]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        left = [stem for ready in self._ready.values() for stem in ready]
        self._ready.clear()
        return left
