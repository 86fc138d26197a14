"""The warm pool of one generation of a function version: who gets which environment."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Literal

from emulator.model.clock import Timer
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.pool.environment import Environment
from emulator.pool.states import State

if TYPE_CHECKING:
    from emulator.pool.pools import Pools

#: Seconds a caller waits for an environment whose response is out and whose runtime is about to
#: call ``next``, before it asks for a new one.
_SETTLING_GRACE_S = 0.25

#: Seconds an idle environment is left running: freezing and thawing costs more than a warm call,
#: and calls come in rows.
_AWAKE = 0.01


class ScalingRateExceeded(Exception):
    """A function asks for new environments faster than it may have them."""


#: What a caller in line is given: an environment, room for a new one, or nothing (it waited only
#: for a moment, and that is over).
Grant = Environment | Literal["room"] | None


class Pool:
    """The environments of one generation of a function version (and of one tenant).

    A caller gets the idle environment used last, or a new one, or waits its turn (first come,
    first served) where the bound on environments is reached.
    """

    def __init__(self, pools: Pools, version: FunctionVersion) -> None:
        self._pools = pools
        self.version = version
        self.environments: dict[str, Environment] = {}
        #: Oldest first: the last is the one used last.
        self.idle: deque[Environment] = deque()
        #: Idle ones of provisioned concurrency: used first, and never reaped.
        self.provisioned_idle: deque[Environment] = deque()
        #: How many there are of those.
        self.provisioned = 0
        self._waiters: deque[asyncio.Future[Grant]] = deque()
        #: In the heap of pools with idle environments.
        self.in_heap = False
        self.closed = False

    async def acquire(self) -> tuple[Environment, bool]:
        """Return an environment reserved for the caller, and whether it was started for it.

        Raises:
            DriverFault: A new one was needed and could not be started.
            ScalingRateExceeded: A new one was needed, and too many have been started just now.
        """
        while True:
            idle = self.provisioned_idle or self.idle
            if idle:
                environment = idle.pop()
                environment.keep_awake()
                if environment.state is not State.FROZEN:
                    return environment, False
                if await self._uncut(self._thaw(environment)) is not None:
                    return environment, False
                continue  # it is gone
            given: Grant = None
            if self._settling() > len(self._waiters):
                given = await self._wait(_SETTLING_GRACE_S)
            if given is None:
                given = "room" if self._pools.reserve() else await self._wait(None)
            if isinstance(given, Environment):
                if given.usable:
                    return given, False
                continue  # its runtime ended while its caller was on the way
            if not self._pools.may_grow(self.version):
                self._pools.release()
                raise ScalingRateExceeded(self.version.function_arn)
            return await self.start()

    @property
    def provides(self) -> bool:
        """The next caller gets an environment of provisioned concurrency.

        It is idle, or answers its last call of ``next`` in a moment.
        """
        if self.provisioned_idle:
            return True
        return self.provisioned > 0 and any(
            each.provisioned and each.responded and not each.retired
            for each in self.environments.values()
        )

    def _settling(self) -> int:
        """Return how many have answered, and will be free when their runtime calls ``next``."""
        return sum(environment.responded for environment in self.environments.values())

    async def start(self, *, provisioned: bool = False) -> tuple[Environment, bool]:
        """Return a new environment, started; there must be room for it.

        Raises:
            DriverFault: It could not be started.
        """
        if self._pools.closed:
            self._pools.release()
            raise DriverFault("the emulator is ending")
        environment = await self._uncut(self._start_environment(provisioned=provisioned))
        if environment is not None and environment.usable:
            return environment, True
        # Drained or crashed between its start and now: its caller asks again.
        return await self.acquire()

    async def _start_environment(self, *, provisioned: bool = False) -> Environment:
        # What it is told of this emulator's address is known by then.
        await self._pools.opened.wait()
        environment = self._pools.make(self, provisioned=provisioned)
        self.environments[environment.id] = environment
        self.provisioned += provisioned
        await environment.start()
        return environment

    async def _thaw(self, environment: Environment) -> Environment | None:
        return environment if await environment.thaw() else None

    async def _uncut(self, work: Coroutine[None, None, Environment | None]) -> Environment | None:
        """Do ``work`` to its end even if the caller goes away; what it returns is idle then."""
        task = self._pools.spawn(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unclaimed)
            raise

    def _unclaimed(self, task: asyncio.Task[Environment | None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._take_back(task.result())

    def _take_back(self, environment: Environment | None) -> None:
        """Have an environment idle that was given to a caller who has gone away."""
        if environment is not None and environment.usable:
            self.on_idle(environment)

    async def room(self) -> None:
        """Return when there is room for one more environment."""
        while not self._pools.reserve():
            given = await self._wait(None)
            if given == "room":
                return
            if isinstance(given, Environment):
                self.on_idle(given)

    async def _wait(self, grace: float | None, *, for_room: bool = False) -> Grant:
        waiter: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        timer: Timer | None = None
        if grace is None or for_room:
            self._pools.waiting(self)
        if grace is not None:
            timer = self._pools.clock.call_later(grace, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            given = waiter.result() if waiter.done() and not waiter.cancelled() else None
            if isinstance(given, Environment):
                self._take_back(given)
            elif given == "room":
                self._pools.release()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _give_up(self, waiter: asyncio.Future[Grant]) -> None:
        if not waiter.done():
            self._waiters.remove(waiter)
            waiter.set_result(None)

    def give(self, given: Grant) -> bool:
        """Hand something to the first in line; False if nobody waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(given)
                return True
        return False

    @property
    def has_waiters(self) -> bool:
        return any(not waiter.done() for waiter in self._waiters)

    def on_idle(self, environment: Environment) -> None:
        """Take back an environment whose runtime is ready (or was reset)."""
        if self.closed or environment.retired:
            environment.stop("drained")
            return
        if self.give(environment):
            return
        if self._pools.settings.freeze and environment.state is State.READY:
            environment.freeze_later(_AWAKE)
        if environment.provisioned:
            self.provisioned_idle.append(environment)
            return
        self.idle.append(environment)
        if not self.in_heap:
            self._pools.watch_idle(self)

    def on_gone(self, environment: Environment) -> None:
        if self.environments.pop(environment.id, None) is None:
            return
        self.provisioned -= environment.provisioned
        for idle in (self.idle, self.provisioned_idle):
            if environment in idle:
                idle.remove(environment)

    def send_away(self, fault: DriverFault) -> None:
        """Tell those in line that nothing comes."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(fault)

    def drain(self, reason: str) -> None:
        """Serve nobody new: idle environments stop now, busy ones when they are done."""
        self.closed = True
        for environment in (*self.idle, *self.provisioned_idle):
            environment.stop(reason)
        for environment in self.environments.values():
            environment.retired = True
