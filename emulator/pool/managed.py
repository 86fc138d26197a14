"""The pool of a version on Lambda Managed Instances.

Environments are there before they are called, between a least and a greatest number, and each runs
many invocations at once. Who finds them all busy is throttled once there can be no more of them.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

import asyncio
from collections import deque

from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.clock import Timer
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion, ManagedInstances
from emulator.pool import failures, placement
from emulator.pool.concurrent import ConcurrentEnvironment
from emulator.pool.environment import Environment
from emulator.pool.errors import CapacityExceeded, InitFailed
from emulator.pool.host import PoolHost
from emulator.pool.placement import EnvironmentBounds
from emulator.pool.pool import Pool
from emulator.pool.states import EnvironmentState

#: Seconds an environment may wait for its place among those of all functions.
_ROOM_S = 10.0


class ManagedPool(Pool):
    """The environments of one generation of a version on Managed Instances."""

    def __init__(
        self, pools: PoolHost[Pool], version: FunctionVersion, tenant_id: str = ""
    ) -> None:
        super().__init__(pools, version, tenant_id)
        assert version.managed is not None
        self.managed: ManagedInstances = version.managed
        self.bounds = EnvironmentBounds()
        #: Those with a free place, in the order in which they are used next.
        self._free: dict[ConcurrentEnvironment, None] = {}
        self._in_line: deque[asyncio.Future[ConcurrentEnvironment]] = deque()
        self._starts: set[asyncio.Task[None]] = set()
        self._shrinking: Timer | None = None
        #: Why environments do not come up; None while they do.
        self.failure: InitFailed | DriverFault | None = None

    def _why_cold(self) -> ColdStart:
        return ColdStart(ColdCause.SCALED)

    @property
    def provides(self) -> bool:
        # Its concurrency is its own, and none of the account's.
        return True

    # --- who gets which ------------------------------------------------------------------------

    async def acquire(self, request_id: str = "") -> tuple[Environment, ColdStart | None]:
        """Return an environment with a place reserved for the caller.

        Raises:
            CapacityExceeded: All are busy, and no more may be started.
            InitFailed: There is none, and none comes up.
            DriverFault: There is none, and none can be started.
        """
        while True:
            environment = self._next() or await self._stand_in_line(request_id)
            if environment.state in (EnvironmentState.READY, EnvironmentState.INVOKING):
                return environment, None
            # It ended while its caller was on the way.

    def _next(self) -> ConcurrentEnvironment | None:
        """Reserve a place in the environment whose turn it is."""
        while (environment := next(iter(self._free), None)) is not None:
            del self._free[environment]
            if environment.free:
                environment.reserve()
                if environment.free:
                    self._free[environment] = None  # behind the others: work is spread
                return environment
        return None

    async def _stand_in_line(self, request_id: str) -> ConcurrentEnvironment:
        waiting = sum(not caller.done() for caller in self._in_line)
        if waiting >= len(self._starts) * self.managed.max_concurrency and not self._start_one():
            raise CapacityExceeded(self.version.qualified_arn)
        caller: asyncio.Future[ConcurrentEnvironment] = asyncio.get_running_loop().create_future()
        self._in_line.append(caller)
        self._notify_waiting(request_id, for_room=True)
        try:
            return await caller
        except asyncio.CancelledError:
            if caller.done() and not caller.cancelled():
                caller.result().release()
            raise

    def on_idle(self, environment: Environment) -> None:
        """Take note of an environment with a free place, or without work."""
        assert isinstance(environment, ConcurrentEnvironment)
        while self._in_line and environment.free:
            caller = self._in_line.popleft()
            if not caller.done():
                environment.reserve()
                caller.set_result(environment)
        if environment.free:
            self._free.setdefault(environment)
        if environment.busy:
            return
        if self.closed or environment.retired:
            environment.stop(*(environment.leaves_as or self._drained))
        elif self._shrinking is None and len(self.environments) > self.bounds.least:
            self._shrink_later()

    # --- how many there are --------------------------------------------------------------------

    def scale(self, bounds: EnvironmentBounds) -> None:
        """Keep the number of environments within ``bounds`` from now on."""
        self.bounds = bounds
        self.failure = None
        self._fill()
        for environment in list(self.environments.values())[bounds.most :]:
            environment.retired = True
            self.on_idle(environment)

    @property
    def starting(self) -> bool:
        """Whether environments are being started."""
        return bool(self._starts)

    async def settled(self) -> None:
        """Return when no environment is being started."""
        while self._starts:
            await asyncio.wait(self._starts)

    def _fill(self) -> None:
        """Start what is missing of the least number."""
        while not self.closed and self.failure is None:
            if self.count >= self.bounds.least or not self._start_one():
                return

    def _start_one(self) -> bool:
        """Start an environment; False: there can't be more."""
        if self.closed or self.count >= self.bounds.most:
            return False
        if not self._pools.has_capacity(self.managed):
            return False
        self.failure = None
        task = self._pools.spawn(self._start())
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)
        task.add_done_callback(self._started)
        return True

    @property
    def count(self) -> int:
        """How many environments there are to stay, those that are being started included."""
        up = sum(
            not each.retired
            and each.state not in (EnvironmentState.STARTING, EnvironmentState.INIT)
            for each in self.environments.values()
        )
        return up + len(self._starts)

    async def _start(self) -> None:
        if not await self._has_room():
            return
        try:
            environment = await self._start_environment()
        except DriverFault as fault:
            self.failure = fault
            return
        if environment.state is EnvironmentState.READY:
            self.on_idle(environment)

    async def _has_room(self) -> bool:
        """Wait for a place for one more environment; False: it does not come, or is not wanted."""
        if not await self.room(_ROOM_S):
            most = self._pools.settings.max_environments
            self.failure = DriverFault(
                f"the limit of {most} environments is reached (--max-environments)"
            )
            return False
        if self.closed:
            self._pools.release()
        return not self.closed

    def _started(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.result()
        if not self.environments and not self._starts:
            self._send_away()

    def _send_away(self) -> None:
        """Tell those in line that nothing comes."""
        reason = self.failure or CapacityExceeded(self.version.qualified_arn)
        while self._in_line:
            caller = self._in_line.popleft()
            if not caller.done():
                caller.set_exception(reason)

    def on_gone(self, environment: Environment) -> None:
        """Take an environment out that has ended."""
        assert isinstance(environment, ConcurrentEnvironment)
        self._free.pop(environment, None)
        super().on_gone(environment)
        if environment.init_failure is not None:
            self.failure = InitFailed(environment.init_failure)
        elif environment.exit is not None and not environment.invokes:
            # To replace what ends before it is used would go on for ever.
            self.failure = InitFailed(failures.exited("", environment.exit))
        self._fill()
        if self._in_line and not self.environments and not self._starts and not self._start_one():
            self._send_away()

    def _is_idle(self, environment: Environment) -> bool:
        assert isinstance(environment, ConcurrentEnvironment)
        return not environment.busy and environment.state is EnvironmentState.READY

    def drain(self, cause: StopCause, reason: str = "") -> None:
        self.closed = True
        self._drained = (cause, reason)
        self._send_away()
        while self.give(None):
            pass
        if self._shrinking is not None:
            self._shrinking.cancel()
            self._shrinking = None
        for environment in list(self.environments.values()):
            environment.retired = True
            assert isinstance(environment, ConcurrentEnvironment)
            if not environment.busy and environment.state is EnvironmentState.READY:
                environment.stop(cause, reason)

    # --- what is idle --------------------------------------------------------------------------

    def _shrink_later(self) -> None:
        self._shrinking = self._pools.clock.call_later(
            self._pools.settings.idle_timeout_s, self._shrink
        )

    def _shrink(self) -> None:
        """Stop what has had no work for long, down to the least number."""
        self._shrinking = None
        now, timeout = self._pools.clock.monotonic(), self._pools.settings.idle_timeout_s
        idle = [each for each in self._free if not each.busy]
        idle.sort(key=lambda each: each.idle_since)
        spare = max(0, len(self.environments) - self.bounds.least)
        for environment in idle[: min(spare, placement.expired(idle, now, timeout))]:
            environment.retired = True
            environment.stop(StopCause.IDLE)
        if len(self.environments) > self.bounds.least:
            self._shrink_later()
