"""The warm pool of one generation of a function version: who gets which environment."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, ClassVar, Literal

from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.clock import Timer
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.lazy import LazyModule
from emulator.pool import making, placement
from emulator.pool.environment import Environment
from emulator.pool.errors import ScalingRateExceeded
from emulator.pool.host import PoolHost
from emulator.pool.placement import End, Evicted
from emulator.pool.states import EnvironmentState

if TYPE_CHECKING:
    from emulator.pool import notices
else:
    notices = LazyModule("emulator.pool.notices")

#: Seconds an idle environment is left running: freezing and thawing costs more than a warm call,
#: and calls come in rows.
_AWAKE_S = 0.01


#: What a caller in line is given: an environment, room for a new one, or nothing (it waited only
#: for a moment, and that is over).
Grant = Environment | Literal["room"] | None


class Pool:
    """The environments of one generation of a function version (and of one tenant).

    A caller gets the idle environment used last, or a new one, or waits its turn (first come,
    first served) where the bound on environments is reached.
    """

    #: Its environments are restored from a snapshot.
    restores: ClassVar[bool] = False

    def __init__(
        self, pools: PoolHost[Pool], version: FunctionVersion, tenant_id: str = ""
    ) -> None:
        self._pools = pools
        self.version = version
        self.tenant_id = tenant_id
        #: Seconds an environment may be idle before it is removed.
        self.idle_timeout_s = pools.idle_timeout_s(version)
        self.environments: dict[str, Environment] = {}
        #: Oldest first: the last is the one used last.
        self.idle: deque[Environment] = deque()
        #: Idle ones of provisioned concurrency: used first, and never reaped.
        self.provisioned_idle: deque[Environment] = deque()
        #: How many there are of those.
        self.provisioned = 0
        #: Environments that are kept initialised, however long nobody calls.
        self.least = 0
        #: How many of them are being started.
        self._starting_ahead = 0
        #: Why they can't be had; None while they can.
        self.least_fault: DriverFault | None = None
        #: Callers in line for an environment, or for room for one.
        self._callers: deque[asyncio.Future[Grant]] = deque()
        #: Who wants room for an environment ahead of use, and nothing else.
        self._builders: deque[asyncio.Future[Grant]] = deque()
        #: Have the runtimes that start measure what they import.
        self.trace_imports = False
        #: Starts take as long as a profile says, where there is one.
        self.simulates = True
        #: Why its first environment starts, where that is no matter of earlier calls.
        self.why_first: ColdStart | None = None
        #: Environments are held to the share of CPU that their memory stands for.
        self.limits_cpu = True
        #: In the heap of pools with idle environments.
        self.in_heap = False
        self.closed = False
        #: Why the environment that ended last did so; None: none has.
        self._last_end: End | None = None
        #: Why those that are still busy end when they are done.
        self._drained = (StopCause.RETIRED, "")

    async def acquire(self, request_id: str = "") -> tuple[Environment, ColdStart | None]:
        """Return an environment reserved for the caller, and why it was started for it, if it was.

        Args:
            request_id: Of the invocation, for listeners.

        Raises:
            DriverFault: A new one was needed and could not be started.
            ScalingRateExceeded: A new one was needed, and too many have been started just now.
        """
        while True:
            idle = self.provisioned_idle or self.idle
            if idle:
                environment = idle.pop()
                environment.keep_awake()
                if environment.state is not EnvironmentState.FROZEN:
                    return environment, None
                await self._uncut(self._thaw(environment))
                if environment.usable:
                    return environment, None
                continue  # it is gone
            given = await self._stand_in_line_for_any(request_id)
            if isinstance(given, Environment):
                if given.usable:
                    return given, None
                continue  # its runtime ended while its caller was on the way
            if not self._pools.may_grow(self.version):
                self._pools.release()
                raise ScalingRateExceeded(self.version.function_arn)
            started = await self._uncut(self._start_environment(request_id=request_id))
            if started.usable:
                return started, started.why
            # Drained or crashed between its start and now: its caller asks again.

    async def _stand_in_line_for_any(self, request_id: str) -> Environment | Literal["room"]:
        """Wait for an environment that is nearly free, for room for a new one, or for another."""
        given: Grant = None
        if self._settling() > len(self._callers):
            self._notify_waiting(request_id, for_room=False)
            patience_s = self._pools.settings.settling_s
            given = await self._wait(self._callers, patience_s, for_room=False)
        if given is None and self._pools.reserve():
            return "room"
        while given is None:
            self._notify_waiting(request_id, for_room=True)
            given = await self._wait(self._callers, None, for_room=True)
        return given

    def _notify_waiting(self, request_id: str, *, for_room: bool) -> None:
        if self._pools.lifecycle.listeners:
            notices.invocation_waiting(
                self._pools.lifecycle, self.version, request_id, for_room=for_room
            )

    def _why_cold(self) -> ColdStart:
        """Return why a caller finds no environment."""
        if self.environments:
            return ColdStart(ColdCause.ALL_BUSY, busy=len(self.environments))
        if self._last_end is None:
            return self.why_first or self._pools.why_first(self.version, self.tenant_id)
        return placement.why_cold(self._last_end)

    @property
    def provides(self) -> bool:
        """The next caller gets an environment of provisioned concurrency.

        It is idle, or is about to call ``next`` and is not yet awaited by another caller.
        """
        if self.provisioned_idle:
            return True
        if not self.provisioned:
            return False
        nearly_free = sum(
            each.provisioned and each.responded and not each.retired
            for each in self.environments.values()
        )
        return nearly_free > len(self._callers)

    def _settling(self) -> int:
        """Return how many have answered, and will be free when their runtime calls ``next``."""
        return sum(each.responded and not each.retired for each in self.environments.values())

    async def start_provisioned(self) -> Environment:
        """Return a new environment, started ahead of use; there must be room for it.

        Raises:
            DriverFault: It could not be started.
        """
        return await self._start_environment(provisioned=True)

    def keep_least(self, count: int) -> None:
        """Keep at least ``count`` environments initialised from now on."""
        self.least, self.least_fault = count, None
        self._fill_least()
        if self.idle and not self.in_heap and len(self.environments) > count:
            self._pools.watch_idle(self)

    def _fill_least(self) -> None:
        if self.closed or self._pools.closed or self.least_fault is not None:
            return
        for _ in range(self.least - len(self.environments) - self._starting_ahead):
            self._starting_ahead += 1
            self._pools.spawn(self._start_ahead())

    async def _start_ahead(self) -> None:
        """Start an environment that is to be kept, unless enough have come meanwhile."""
        waits = True
        try:
            await self.room()
            self._starting_ahead -= 1
            waits = False
            if self.closed or len(self.environments) >= self.least:
                self._pools.release()
                return
            environment = await self._start_environment(ahead=True)
        except DriverFault as fault:
            self.least_fault = fault
            return
        finally:
            self._starting_ahead -= waits
        self._take_back(environment)

    async def _start_environment(
        self, *, provisioned: bool = False, request_id: str = "", ahead: bool = False
    ) -> Environment:
        # What it is told of this emulator's address is known by then.
        await self._pools.opened.wait()
        if self._pools.closed:
            self._pools.release()
            raise DriverFault("the emulator is ending")
        why = ColdStart(ColdCause.SCALED) if provisioned or ahead else self._why_cold()
        environment = self._pools.make(self, why, provisioned=provisioned, request_id=request_id)
        self.environments[environment.id] = environment
        self.provisioned += provisioned
        await environment.start()
        return environment

    async def _thaw(self, environment: Environment) -> Environment:
        await environment.thaw()
        return environment

    async def _uncut(self, work: Coroutine[None, None, Environment]) -> Environment:
        """Do ``work`` to its end even if the caller goes away; what it returns is idle then."""
        task = self._pools.spawn(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unclaimed)
            raise

    def _unclaimed(self, task: asyncio.Task[Environment]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._take_back(task.result())

    def _take_back(self, environment: Environment) -> None:
        """Have an environment idle that was given to a caller who has gone away."""
        if environment.usable:
            self.on_idle(environment)

    async def room(self, patience_s: float | None = None) -> bool:
        """Wait for room for an environment ahead of use.

        Args:
            patience_s: Seconds to wait at most; None: for ever.

        Returns:
            Whether there is room, which is reserved then.
        """
        if self._pools.reserve():
            return True
        return await self._wait(self._builders, patience_s, for_room=True) == "room"

    async def _wait(
        self, line: deque[asyncio.Future[Grant]], patience_s: float | None, *, for_room: bool
    ) -> Grant:
        """Stand in line; returns what is given, None after ``patience_s`` seconds.

        Args:
            line: The line to stand in.
            patience_s: How long to stand there; None for as long as it takes.
            for_room: Room is as good as an environment.
        """
        waiter: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        line.append(waiter)
        timer: Timer | None = None
        if for_room:
            self._pools.waiting(self)
        if patience_s is not None:
            timer = self._pools.clock.call_later(patience_s, _give_up, line, waiter)
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

    def give(self, grant: Grant) -> bool:
        """Hand something to the first in line who can use it; False if nobody can."""
        lines = (
            [self._callers] if isinstance(grant, Environment) else [self._callers, self._builders]
        )
        for line in lines:
            while line:
                waiter = line.popleft()
                if not waiter.done():
                    waiter.set_result(grant)
                    return True
        return False

    @property
    def waiters(self) -> int:
        """How many wait for room."""
        return sum(not waiter.done() for waiter in (*self._callers, *self._builders))

    def on_idle(self, environment: Environment) -> None:
        """Take back an environment whose runtime is ready (or was reset)."""
        if self.closed or environment.retired:
            environment.stop(*(environment.leaves_as or self._drained))
            return
        if self.give(environment):
            return
        if not environment.provisioned and self._pools.is_scarce():
            environment.stop(StopCause.EVICTED)
            return
        settings = self._pools.settings
        if (
            settings.freeze
            and environment.state is EnvironmentState.READY
            and self.version.name not in settings.debug
        ):
            environment.freeze_later(_AWAKE_S)
        if environment.provisioned:
            self.provisioned_idle.append(environment)
            return
        self.idle.append(environment)
        if not self.in_heap and len(self.environments) > self.least:
            self._pools.watch_idle(self)

    def on_gone(self, environment: Environment) -> None:
        """Take an environment out that has ended."""
        if self.environments.pop(environment.id, None) is None:
            return
        self.provisioned -= environment.provisioned
        self._last_end = End(environment.stop_cause, environment.stop_reason, environment.idle_s)
        for idle in (self.idle, self.provisioned_idle):
            if environment in idle:
                idle.remove(environment)
        if self.least:
            self._fill_least()

    def send_away(self, fault: DriverFault) -> None:
        """Tell those in line that nothing comes."""
        for line in (self._callers, self._builders):
            while line:
                waiter = line.popleft()
                if not waiter.done():
                    waiter.set_exception(fault)

    def evict(self, environment_id: str = "") -> Evicted:
        """End environments by hand: idle ones now, busy ones when they are done.

        One that waits for a debugger may never be done: its caller gets the next one.

        Args:
            environment_id: Only this one; "" for all.
        """
        stopped = when_done = 0
        for environment in list(self.environments.values()):
            if environment.retired or environment_id not in ("", environment.id):
                continue
            environment.retired = True
            environment.leaves_as = (StopCause.BY_HAND, "by hand")
            waits = environment.init_ms is None and making.awaits_debugger(environment.spec)
            if waits or self._is_idle(environment):
                environment.stop(*environment.leaves_as)
                stopped += 1
            else:
                when_done += 1
        return Evicted(stopped, when_done)

    def _is_idle(self, environment: Environment) -> bool:
        return environment in self.idle or environment in self.provisioned_idle

    def drain(self, cause: StopCause, reason: str = "") -> None:
        """Serve nobody new: idle environments stop now, busy ones when they are done."""
        self.closed = True
        self._drained = (cause, reason)
        for environment in (*self.idle, *self.provisioned_idle):
            environment.stop(cause, reason)
        for environment in self.environments.values():
            environment.retired = True


def _give_up(line: deque[asyncio.Future[Grant]], waiter: asyncio.Future[Grant]) -> None:
    if not waiter.done():
        line.remove(waiter)
        waiter.set_result(None)
