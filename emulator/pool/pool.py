"""Warm pools: one per generation of a function version, sharing one bound."""

from __future__ import annotations

import asyncio
import heapq
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from emulator.driver.base import Driver
from emulator.model.clock import Clock, Timer
from emulator.model.function import FunctionVersion
from emulator.model.limits import INIT_SECONDS
from emulator.model.sandbox import EnvironmentSpec, ImageConfig
from emulator.pool import environ, placement
from emulator.pool.environment import Environment
from emulator.pool.states import State
from emulator.telemetry.logs import Logs

#: Seconds a caller waits for an environment whose response is out and whose runtime is about to
#: call ``next``, before it asks for a new one.
_SETTLING_GRACE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    #: Seconds an environment may be idle before it is removed.
    idle_timeout: float = 300.0
    #: Environments that may exist at once, of all functions.
    max_environments: int = 256
    #: Seconds an on-demand INIT phase may take.
    init_seconds: float = INIT_SECONDS
    sdk: environ.SdkAccess = field(default_factory=environ.SdkAccess)


class Pool:
    """The environments of one generation of a function version.

    A caller gets the idle environment used last, or a new one, or waits its turn (first come,
    first served) where the bound on environments is reached.
    """

    def __init__(self, pools: Pools, version: FunctionVersion) -> None:
        self._pools = pools
        self.version = version
        self.environments: dict[str, Environment] = {}
        #: Oldest first: the last is the one used last.
        self.idle: deque[Environment] = deque()
        self._waiters: deque[asyncio.Future[Environment | None]] = deque()
        #: In the heap of pools with idle environments.
        self.in_heap = False
        self.closed = False

    async def acquire(self) -> tuple[Environment, bool]:
        """Return an environment reserved for the caller, and whether it was started for it.

        Raises:
            DriverFault: A new one was needed and could not be started.
        """
        if self.idle:
            return self.idle.pop(), False
        if self._settling() > len(self._waiters):
            environment = await self._wait(_SETTLING_GRACE)
            if environment is not None:
                return environment, False
        while True:
            if self._pools.reserve():
                return await self._start(), True
            environment = await self._wait(None)
            if environment is not None:
                return environment, False
            # Woken because there is room now.

    def _settling(self) -> int:
        """Return how many have answered, and will be free when their runtime calls ``next``."""
        return sum(environment.responded for environment in self.environments.values())

    async def _start(self) -> Environment:
        environment = self._pools.make(self)
        self.environments[environment.id] = environment
        await environment.start()
        if environment.state in (State.STOPPING, State.STOPPED):
            # Drained or crashed between its start and now: its caller asks again.
            return (await self.acquire())[0]
        return environment

    async def _wait(self, grace: float | None) -> Environment | None:
        waiter: asyncio.Future[Environment | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        timer: Timer | None = None
        if grace is None:
            self._pools.waiting(self)
        else:
            timer = self._pools.clock.call_later(grace, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                given = waiter.result()
                if given is not None:
                    self.on_idle(given)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _give_up(self, waiter: asyncio.Future[Environment | None]) -> None:
        if not waiter.done():
            self._waiters.remove(waiter)
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Environment | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    @property
    def has_waiters(self) -> bool:
        return any(not waiter.done() for waiter in self._waiters)

    def wake(self) -> bool:
        """Let the first waiter try again, since there is room; False if nobody waits."""
        waiter = self._next_waiter()
        if waiter is None:
            return False
        waiter.set_result(None)
        return True

    def on_idle(self, environment: Environment) -> None:
        """Take back an environment whose runtime is ready (or was reset)."""
        if self.closed or environment.retired:
            environment.stop("drained")
            return
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(environment)
            return
        self.idle.append(environment)
        if not self.in_heap:
            self._pools.watch_idle(self)

    def on_gone(self, environment: Environment) -> None:
        if self.environments.pop(environment.id, None) is None:
            return
        if environment in self.idle:
            self.idle.remove(environment)

    def drain(self, reason: str) -> list[asyncio.Task[None]]:
        """Serve nobody new: idle environments stop now, busy ones when they are done."""
        self.closed = True
        stopping = [environment.stop(reason) for environment in list(self.idle)]
        for environment in self.environments.values():
            environment.retired = True
        # Who waits here asks again; its version is resolved by then, so it starts its own.
        while self.wake():
            pass
        return stopping


class Pools:
    """All pools, the bound they share, and the reaper of what is idle too long."""

    def __init__(
        self, driver: Driver, logs: Logs, clock: Clock, settings: PoolSettings | None = None
    ) -> None:
        self.driver = driver
        self.logs = logs
        self.clock = clock
        self.settings = settings or PoolSettings()
        #: Every environment there is, those of drained pools and those stopping included.
        self.environments: dict[str, Environment] = {}
        self._pools: dict[str, Pool] = {}
        self._count = 0
        self._starved: deque[Pool] = deque()
        self._heap: list[tuple[float, int, Pool]] = []
        self._ties = count()
        self._reaper: Timer | None = None
        #: Told of every environment that comes or goes, for those who watch.
        self.on_change: Callable[[Environment], None] = lambda environment: None

    def pool(self, version: FunctionVersion) -> Pool:
        """Return the pool of ``version``, made on first use."""
        found = self._pools.get(version.key)
        if found is None:
            found = self._pools[version.key] = Pool(self, version)
        return found

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    @property
    def count(self) -> int:
        """How many environments there are, those that are stopping included."""
        return self._count

    # --- the bound -----------------------------------------------------------------------------

    def reserve(self) -> bool:
        """Take a place for one more environment, making room if an idle one can go."""
        if self._count < self.settings.max_environments:
            self._count += 1
            return True
        victim = placement.choose_victim(pool.idle[0] for pool in self._pools.values() if pool.idle)
        if victim is not None:
            victim.stop("made room")
        return False

    def waiting(self, pool: Pool) -> None:
        if pool not in self._starved:
            self._starved.append(pool)

    def _release(self, environment: Environment) -> None:
        del self.environments[environment.id]
        self._count -= 1
        while self._starved:
            pool = self._starved[0]
            if pool.wake():
                if not pool.has_waiters:
                    self._starved.popleft()
                else:
                    self._starved.rotate(-1)
                return
            self._starved.popleft()

    # --- environments --------------------------------------------------------------------------

    def make(self, pool: Pool) -> Environment:
        """Return a new environment, not yet started."""
        version = pool.version
        environment_id = secrets.token_hex(16)
        today = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y/%m/%d")
        stream = f"{today}/[{version.version}]{environment_id}"
        group = version.effective_log_group
        spec = EnvironmentSpec(
            environment_id=environment_id,
            function_name=version.name,
            function_version=version.version,
            runtime=version.runtime,
            handler=version.handler,
            code=version.code.folder,
            layers=tuple(layer.code.folder for layer in version.layers if layer.code.folder),
            environ=environ.build(
                version, log_group=group, log_stream=stream, sdk=self.settings.sdk
            ),
            memory_mb=version.memory_mb,
            ephemeral_storage_mb=version.ephemeral_storage_mb,
            architecture=version.architecture,
            image=version.code.image,
            image_config=version.image_config or ImageConfig(),
        )
        environment = Environment(
            version,
            spec,
            driver=self.driver,
            clock=self.clock,
            log=self.logs.writer(version.account, version.region, group, stream),
            on_idle=pool.on_idle,
            on_gone=lambda gone: self._gone(pool, gone),
            init_seconds=self.settings.init_seconds,
        )
        self.environments[environment_id] = environment
        self.on_change(environment)
        return environment

    def _gone(self, pool: Pool, environment: Environment) -> None:
        pool.on_gone(environment)
        self.on_change(environment)
        assert environment.stopping is not None
        environment.stopping.add_done_callback(lambda _: self._release(environment))

    # --- idle ----------------------------------------------------------------------------------

    def watch_idle(self, pool: Pool) -> None:
        """See to it that the pool's idle environments are reaped in time."""
        pool.in_heap = True
        deadline = pool.idle[0].idle_since + self.settings.idle_timeout
        heapq.heappush(self._heap, (deadline, next(self._ties), pool))
        if self._heap[0][2] is pool:
            self._arm()

    def _arm(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        if self._heap:
            due = max(0.0, self._heap[0][0] - self.clock.monotonic())
            self._reaper = self.clock.call_later(due, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        now = self.clock.monotonic()
        timeout = self.settings.idle_timeout
        while self._heap and self._heap[0][0] <= now:
            _, _, pool = heapq.heappop(self._heap)
            pool.in_heap = False
            for _ in range(placement.expired(pool.idle, now, timeout)):
                pool.idle[0].stop("idle")
            if pool.idle:
                self.watch_idle(pool)
        self._arm()

    # --- end -----------------------------------------------------------------------------------

    def retire(self, version: FunctionVersion, reason: str) -> None:
        """Drain the pool of a version that is no longer to be used."""
        pool = self._pools.pop(version.key, None)
        if pool is not None:
            pool.drain(reason)

    async def close(self) -> None:
        """Stop every environment at once; returns when none is left."""
        if self._reaper is not None:
            self._reaper.cancel()
        for pool in self._pools.values():
            pool.drain("shutdown")
        stopping = [each.stop("shutdown") for each in list(self.environments.values())]
        if stopping:
            await asyncio.gather(*stopping)

    async def drain(self, seconds: float) -> None:
        """Stop what is idle now and what is busy when it is done, at most ``seconds`` later."""
        for pool in self._pools.values():
            pool.drain("shutdown")
        until = self.clock.monotonic() + seconds
        while self.environments and self.clock.monotonic() < until:
            await self.clock.sleep(0.01)
        await self.close()
