"""Stem cells: sandboxes started ahead of use, for each plan they are made by, kept at a number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from emulator.model.clock import Clock
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec, Exit

#: Stem cells made at once. More would slow down the containers that callers wait for.
_CONCURRENCY = 2
#: Seconds before a taken stem cell is replaced: the taken one starts undisturbed.
_GRACE = 0.2
#: Seconds before the tries after a failure; after the last one, the next use tries again.
_PAUSES = (0.5, 2.0, 8.0)
#: A stem cell that ends after this many seconds does not count as a loss of its image.
_LIVED = 10.0
#: Seconds before a stem cell is replaced whose predecessors were lost too: the first, the most.
_LOSS_PAUSE = (0.5, 60.0)


class StemPlan(Protocol):
    """How a stem cell is made. Equal plans make equal ones."""

    @property
    def image(self) -> str:
        """The image it is made of, for people."""
        ...


class Stem(Protocol):
    """A stem cell."""

    #: Done once it is gone.
    exited: asyncio.Future[Exit]
    #: It is an environment, and its caller's.
    handed_out: bool


P = TypeVar("P", bound=StemPlan)
S = TypeVar("S", bound=Stem)


def check_startable(spec: EnvironmentSpec, *, is_open: bool) -> None:
    """Return if a driver can start ``spec``, as far as this machine knows.

    Raises:
        DriverFault: It is closed, or the code is gone.
    """
    if not is_open:
        raise DriverFault("the driver is not open")
    if spec.code is not None and not spec.code.is_dir():
        raise DriverFault(f"the code does not exist: {spec.code}")


def pause_after(losses: int) -> float:
    """Return how many seconds a replacement waits after ``losses`` in a row.

    The first is replaced at once: it may have been ended by `docker kill`.
    """
    if losses < 2:
        return 0.0
    return min(_LOSS_PAUSE[1], _LOSS_PAUSE[0] * 2.0 ** min(losses - 2, 20))


class StemPool(Generic[P, S]):
    """Ready stem cells.

    Args:
        make: Makes a stem cell.
        discard: Removes one.
        size: How many to keep ready for each image in use.
        clock: For the pauses after failures.
    """

    def __init__(
        self,
        make: Callable[[P], Awaitable[S]],
        discard: Callable[[S], None],
        size: int,
        clock: Clock,
    ) -> None:
        self._make = make
        self._discard = discard
        self._size = size
        self._clock = clock
        self._ready: dict[P, deque[S]] = {}
        self._making: dict[P, set[asyncio.Task[None]]] = {}
        #: Why the last try failed; nothing where it succeeded.
        self._failures: dict[P, DriverFault] = {}
        #: How many in a row ended soon after their start.
        self._losses: dict[P, int] = {}
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        #: How many callers wait for a container of their own, and set while none does.
        self._callers = 0
        self._no_callers = asyncio.Event()
        self._no_callers.set()
        self._closed = False

    def count(self, plan: P) -> int:
        """Return how many are ready."""
        return len(self._ready.get(plan, ()))

    def take(self, plan: P) -> S | None:
        """Return a ready stem cell and have it replaced; None where none is ready."""
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

    async def become(self, plan: P, specialise: Callable[[S], Awaitable[None]]) -> S:
        """Return a stem cell that is an environment now: a ready one, or one made now.

        Args:
            plan: What it is made by.
            specialise: Makes a stem cell the environment.

        Raises:
            DriverFault: None could be made, or the one made now could not become it.
        """
        while (stem := self.take(plan)) is not None:
            try:
                return await self.turn(stem, specialise)
            except DriverFault:
                # It ended while it waited, unnoticed: the next one may live.
                continue
        with self.yielding():
            stem = await self._make(plan)
        return await self.turn(stem, specialise)

    async def turn(self, stem: S, specialise: Callable[[S], Awaitable[None]]) -> S:
        """Return ``stem`` once it is an environment; it is discarded where it can't be.

        Raises:
            DriverFault: It can't be.
        """
        try:
            await specialise(stem)
        except BaseException:
            self._discard(stem)
            raise
        stem.handed_out = True
        return stem

    def forget(self, plan: P) -> None:
        """Keep none of ``plan`` ready any more, until it is used again."""
        for task in self._making.pop(plan, set()):
            task.cancel()
        ready = self._ready.pop(plan, deque())
        for stem in ready:
            self._discard(stem)

    def _put(self, plan: P, stem: S) -> None:
        if self._closed or self.count(plan) >= self._size:
            self._discard(stem)
        else:
            self._ready.setdefault(plan, deque()).append(stem)

    async def fill(self, plan: P) -> None:
        """Wait until the pool of ``plan`` is full.

        Raises:
            DriverFault: One could not be made.
        """
        self._refill(plan)
        await asyncio.gather(*self._making.get(plan, ()), return_exceptions=True)
        failure = self._failures.get(plan)
        if failure is not None and not self.count(plan):
            raise DriverFault(
                f"no container of {plan.image} could be started ahead of use: {failure}"
            )

    @contextmanager
    def yielding(self) -> Iterator[None]:
        """Make no stem cell while a caller waits for a container of its own."""
        self._callers += 1
        self._no_callers.clear()
        try:
            yield
        finally:
            self._callers -= 1
            if not self._callers:
                self._no_callers.set()

    def _refill(self, plan: P, grace: float = 0.0) -> None:
        making = self._making.setdefault(plan, set())
        while not self._closed and self.count(plan) + len(making) < self._size:
            task = asyncio.ensure_future(self._add(plan, grace))
            making.add(task)
            task.add_done_callback(making.discard)

    async def _add(self, plan: P, grace: float) -> None:
        if grace:
            await self._clock.sleep(grace)
        for pause in (*_PAUSES, None):
            await self._no_callers.wait()
            try:
                async with self._slots:
                    stem = await self._make(plan)
            except DriverFault as error:
                self._failures[plan] = error
                # Whoever calls `start` gets the reason, from the container made for that call.
                if pause is None or self._closed:
                    return
                await self._clock.sleep(pause)
                continue
            self._failures.pop(plan, None)
            self._watch(plan, stem)
            return

    def _watch(self, plan: P, stem: S) -> None:
        born = self._clock.monotonic()
        self._put(plan, stem)
        stem.exited.add_done_callback(lambda _: self._lost(plan, stem, born))

    def _lost(self, plan: P, stem: S, born: float) -> None:
        """Replace a stem cell that ended: killed, lost with the engine, or made of a bad image."""
        ready = self._ready.get(plan)
        if not self._closed and ready is not None and stem in ready:
            ready.remove(stem)
            self._discard(stem)
            lived = self._clock.monotonic() - born >= _LIVED
            self._losses[plan] = losses = 0 if lived else self._losses.get(plan, 0) + 1
            self._refill(plan, pause_after(losses))

    async def close(self) -> list[S]:
        """Make no more; return those that are left."""
        self._closed = True
        making = [task for tasks in self._making.values() for task in tasks]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        left = [stem for ready in self._ready.values() for stem in ready]
        self._ready.clear()
        return left
