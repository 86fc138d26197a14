"""All warm pools: the bound they share, the reaper, and the making of environments."""

from __future__ import annotations

import asyncio
import heapq
import secrets
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.driver.base import Driver
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.clock import Clock, Timer
from emulator.model.debugging import UNHURRIED_S
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion, ManagedInstances
from emulator.model.lazy import LazyModule
from emulator.model.lifecycle import Lifecycle
from emulator.model.simulated import StartModel
from emulator.pool import making, placement
from emulator.pool.environment import Environment, Prepare, nothing_simulated, nothing_to_prepare
from emulator.pool.host import Opening, PoolSettings
from emulator.pool.placement import Evicted
from emulator.pool.pool import Pool
from emulator.pool.serial import SerialEnvironment
from emulator.telemetry.logs import Logs

if TYPE_CHECKING:
    from emulator.pool import concurrent, notices, restorable, snap_start
    from emulator.pool import managed as managed_pools
else:
    # Most starts serve no function of these kinds.
    concurrent = LazyModule("emulator.pool.concurrent")
    managed_pools = LazyModule("emulator.pool.managed")
    restorable = LazyModule("emulator.pool.restorable")
    snap_start = LazyModule("emulator.pool.snap_start")
    notices = LazyModule("emulator.pool.notices")

T = TypeVar("T")

#: Seconds an INIT phase ahead of use may take, unless the function's timeout is longer.
PROVISIONED_INIT_SECONDS = 130.0


class Pools:
    """All pools, the bound they share, and the reaper of what is idle too long.

    Args:
        prepare: Makes what versions need before they start.
        is_open: The driver can be used already; else who asks for an environment waits until
            :meth:`open`.
        starts: Simulates how long starts take elsewhere; None: they take what they take.
    """

    def __init__(
        self,
        driver: Driver,
        logs: Logs,
        clock: Clock,
        settings: PoolSettings | None = None,
        *,
        prepare: Prepare = nothing_to_prepare,
        is_open: bool = True,
        lifecycle: Lifecycle | None = None,
        starts: StartModel | None = None,
    ) -> None:
        #: Tells whoever listens of what happens to environments and invocations.
        self.lifecycle = lifecycle or Lifecycle(clock)
        self._simulated_starts = starts
        self.driver = driver
        self.logs = logs
        self.clock = clock
        self.settings = settings or PoolSettings()
        #: Every environment there is, those of drained pools and those stopping included.
        self.environments: dict[str, Environment] = {}
        self._pools: dict[str, Pool] = {}
        #: The most vCPUs of capacity providers, by ARN.
        self.capacity: dict[str, float] = {}
        #: The pools of versions that serve tenants: by version, then by tenant.
        self._tenants: dict[str, dict[str, Pool]] = {}
        self._count = 0
        #: How many of the environments are stopping.
        self._leaving = 0
        #: By function, what its scaling rate leaves it.
        self._levels: dict[str, placement.Level] = {}
        #: By function and tenant, the key of the version started last.
        self._started: dict[tuple[str, str], str] = {}
        self._starved: deque[Pool] = deque()
        #: The pools with a snapshot; the one used last comes last.
        self._snapshots: dict[snap_start.SnapStartPool, None] = {}
        self._heap: list[tuple[float, int, Pool]] = []
        self._ties = count()
        self._reaper: Timer | None = None
        #: The driver can be used. Who asks for an environment before that waits.
        self.opened = Opening()
        if is_open:
            self.opened.set()
        self.prepare = prepare
        #: What return further variables for the environments of a function.
        self.told: list[Callable[[FunctionVersion], Mapping[str, str]]] = []
        #: Where an AWS SDK inside a function finds this emulator; None: it is not told.
        self.endpoint_url: str | None = None
        #: What starts or thaws environments, and goes on though nobody may wait for it any more.
        self.starts: set[asyncio.Task[Any]] = set()
        #: No environment is started any more.
        self.closed = False
        #: Told of every environment that has ended.
        self.on_gone: list[Callable[[Environment], None]] = []

    def open(self, endpoint_url: str | None) -> None:
        """Start environments from now on: the driver is open.

        Args:
            endpoint_url: Where an AWS SDK inside a function finds this emulator; None: it is not
                told.
        """
        self.endpoint_url = endpoint_url
        self.opened.set()

    def pool(self, version: FunctionVersion, tenant_id: str = "") -> Pool:
        """Return the pool of ``version`` for a tenant, made on first use."""
        key = f"{version.key}#{tenant_id}" if tenant_id else version.key
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = _kind_of(version)(self, version, tenant_id)
            if tenant_id:
                self._tenants.setdefault(version.key, {})[key] = found
        return found

    def keep_least_of(self, key: str, count: int) -> None:
        """Keep at least ``count`` environments in the pool with ``key``, if it is there still."""
        pool = self._pools.get(key)
        if pool is not None:
            pool.keep_least(count)

    def managed(self, version: FunctionVersion) -> managed_pools.ManagedPool:
        """Return the pool of a version on Managed Instances, made on first use."""
        pool = self.pool(version)
        assert isinstance(pool, managed_pools.ManagedPool)
        return pool

    def has_capacity(self, wanted: ManagedInstances) -> bool:
        """Say whether a capacity provider has the vCPUs for one more environment."""
        most = self.capacity.get(wanted.capacity_provider)
        if most is None:
            return True
        used = sum(
            pool.count * pool.managed.cpus
            for pool in self._pools.values()
            if isinstance(pool, managed_pools.ManagedPool)
            and pool.managed.capacity_provider == wanted.capacity_provider
        )
        return used + wanted.cpus <= most

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
        victim = placement.choose_victim(
            pool.idle[0]
            for pool in self._pools.values()
            if pool.idle and len(pool.environments) > pool.least
        )
        if victim is not None:
            victim.stop(StopCause.EVICTED)
        return False

    def waiting(self, pool: Pool) -> None:
        """Put a pool in line for room, for one of its callers."""
        if pool not in self._starved:
            self._starved.append(pool)

    def is_scarce(self) -> bool:
        """Say whether more wait for room than there are environments about to give theirs up.

        While that is so, no environment may be idle.
        """
        while self._starved and not self._starved[0].waiters:
            self._starved.popleft()
        return bool(self._starved) and sum(p.waiters for p in self._starved) > self._leaving

    def release(self) -> None:
        """Give a place back: to the first in line, pool by pool in turn."""
        while self._starved:
            pool = self._starved.popleft()
            if pool.give("room"):
                if pool.waiters:
                    self._starved.append(pool)
                return
        self._count -= 1

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do ``work`` on environments to its end; :meth:`close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self.starts.add(task)
        task.add_done_callback(self.starts.discard)
        return task

    def may_grow(self, version: FunctionVersion) -> bool:
        """Count one more environment towards its function's scaling rate, if that allows it."""
        arn = version.function_arn
        level = self.settings.scaling.take(self._levels.get(arn), self.clock.monotonic())
        if level is None:
            return False
        self._levels[arn] = level
        return True

    # --- environments --------------------------------------------------------------------------

    def why_first(self, version: FunctionVersion, tenant_id: str) -> ColdStart:
        """Return why a caller finds no environment in a pool that has had none."""
        before = self._started.get((version.function_arn, tenant_id))
        if before is None:
            return ColdStart(ColdCause.FIRST_CALL)
        same = before.rpartition("@")[0] == version.qualified_arn
        changed = "code or configuration changed"
        return ColdStart(
            ColdCause.NEW_VERSION, detail=changed if same else f"version {version.version}"
        )

    def note_started(self, pool: Pool) -> None:
        """Note which of a function's versions is started last."""
        self._started[pool.version.function_arn, pool.tenant_id] = pool.version.key

    def make(
        self, pool: Pool, why: ColdStart, *, provisioned: bool = False, request_id: str = ""
    ) -> Environment:
        """Return a new environment, not yet started, for an invocation or ahead of use."""
        version, debug = pool.version, self.settings.debug.get(pool.version.name)
        if not pool.restores or why.cause is not ColdCause.SCALED:
            self.note_started(pool)
        kind = making.initialization_type(version, provisioned=provisioned)
        if kind == making.SNAP_START and not pool.restores:
            kind = making.ON_DEMAND  # for who wants an environment without the snapshot
        environment_id, now = secrets.token_hex(16), self.clock.now()
        stream = making.log_stream(version, environment_id, now)
        spec = making.spec_of(
            version,
            environment_id,
            stream,
            kind=kind,
            endpoint_url=self.endpoint_url,
            told={name: value for tell in self.told for name, value in tell(version).items()},
            limit_cpu=self.settings.limit_cpu and pool.limits_cpu,
            trace_imports=pool.trace_imports or self.settings.trace_imports,
        )
        init_timeout_s: float = (
            self.settings.init_timeout_s
            if kind == making.ON_DEMAND
            else max(PROVISIONED_INIT_SECONDS, version.timeout_s)
        )
        log = self.logs.writer(version.account, version.region, version.effective_log_group, stream)
        if debug is not None and making.can_debug(version, kind, self.driver):
            version, spec = making.debugged(version, spec, debug)
            init_timeout_s = UNHURRIED_S
        elif debug is not None:
            log.line(f"Debugger: there is no debugger for {version.runtime} ({kind})\n")
        make = _environment_of(version, kind)
        environment = make(
            version,
            spec,
            driver=self.driver,
            clock=self.clock,
            log=log,
            on_idle=pool.on_idle,
            on_gone=lambda gone: self._gone(pool, gone),
            prepare=self.prepare,
            init_timeout_s=init_timeout_s,
            provisioned=provisioned,
            initialization_type=kind,
            lifecycle=self.lifecycle,
            why=why,
            simulate=nothing_simulated
            if self._simulated_starts is None or not pool.simulates
            else self._simulated_starts.start,
        )
        self.environments[environment_id] = environment
        if self.lifecycle.listeners:
            notices.environment_requested(
                self.lifecycle,
                environment,
                why,
                initialization_type=kind,
                tenant_id=pool.tenant_id,
                request_id=request_id,
            )
        return environment

    def _gone(self, pool: Pool, environment: Environment) -> None:
        pool.on_gone(environment)
        self._leaving += environment.takes_place
        assert environment.stopping is not None
        environment.stopping.add_done_callback(lambda _: self._stopped(environment))

    def _stopped(self, environment: Environment) -> None:
        del self.environments[environment.id]
        if environment.takes_place:
            self._leaving -= 1
            self.release()
        for listener in self.on_gone:
            listener(environment)

    # --- snapshots -----------------------------------------------------------------------------

    @property
    def copies(self) -> bool:
        """Whether the driver can copy sandboxes."""
        return self.driver.copies

    def keep_snapshot(self, pool: Pool) -> None:
        """Keep a pool's snapshot, which is used now, and of all no more than there may be."""
        assert isinstance(pool, snap_start.SnapStartPool)
        self._snapshots.pop(pool, None)
        self._snapshots[pool] = None
        for other in [each for each in self._snapshots if not each.has_snapshot]:
            del self._snapshots[other]
        while len(self._snapshots) > self.settings.max_snapshots:
            longest = next(iter(self._snapshots))
            del self._snapshots[longest]
            longest.drop_snapshot()

    # --- idle ----------------------------------------------------------------------------------

    def idle_timeout_s(self, version: FunctionVersion) -> float:
        """Return how long the pool of ``version`` keeps what becomes idle next."""
        if version.name in self.settings.debug:
            return UNHURRIED_S
        starts = self._simulated_starts
        simulated = None if starts is None else starts.idle_timeout_s(version)
        return self.settings.idle_timeout_s if simulated is None else simulated

    def watch_idle(self, pool: Pool) -> None:
        """See to it that the pool's idle environments are reaped in time."""
        pool.in_heap = True
        deadline = pool.idle[0].idle_since + pool.idle_timeout_s
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
        while self._heap and self._heap[0][0] <= now:
            _, _, pool = heapq.heappop(self._heap)
            pool.in_heap = False
            spare = max(0, len(pool.environments) - pool.least)
            gone = min(spare, placement.expired(pool.idle, now, pool.idle_timeout_s))
            for _ in range(gone):
                pool.idle[0].stop(StopCause.IDLE)
            if gone:
                pool.idle_timeout_s = self.idle_timeout_s(pool.version)
            if pool.idle and len(pool.environments) > pool.least:
                self.watch_idle(pool)
        self._arm()

    # --- end -----------------------------------------------------------------------------------

    def retire(self, version: FunctionVersion, reason: str) -> None:
        """Drain the pool of a version that is no longer to be used."""
        if reason == "function deleted":
            for key in [each for each in self._started if each[0] == version.function_arn]:
                del self._started[key]
        for key in (version.key, *self._tenants.pop(version.key, ())):
            pool = self._pools.pop(key, None)
            if pool is not None:
                pool.drain(StopCause.RETIRED, reason)

    def evict(
        self,
        version: FunctionVersion,
        *,
        environment_id: str = "",
        trace_imports: bool = False,
    ) -> Evicted:
        """End a version's environments by hand: the next start of each tenant's is cold.

        Args:
            version: Whose environments.
            environment_id: Only this one; "" for all.
            trace_imports: Have the starts that follow measure what they import, until they are
                evicted again without it.
        """
        stopped = when_done = 0
        self.pool(version)
        for key in (version.key, *self._tenants.get(version.key, ())):
            pool = self._pools[key]
            pool.trace_imports = trace_imports
            evicted = pool.evict(environment_id)
            stopped, when_done = stopped + evicted.stopped, when_done + evicted.when_done
        return Evicted(stopped, when_done)

    async def close(self) -> None:
        """Stop every environment at once; returns when none is left."""
        self.closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        for pool in self._pools.values():
            pool.drain(StopCause.SHUTDOWN)
            pool.send_away(DriverFault("the emulator is ending"))
        stopping = [each.stop(StopCause.SHUTDOWN) for each in list(self.environments.values())]
        if stopping:
            # Not gathered: that would cancel them with a drain that is cut short, half-way.
            done, _ = await asyncio.wait(stopping)
            for task in done:
                task.result()
        while self.starts:
            await asyncio.wait(self.starts)

    async def drain(self, seconds: float) -> None:
        """Stop what is idle now and what is busy when it is done, at most ``seconds`` later."""
        self.opened.set()  # no caller may wait for a driver that will never open
        self.driver.wind_down()
        for pool in self._pools.values():
            pool.drain(StopCause.SHUTDOWN)
        until = self.clock.monotonic() + seconds
        while self.environments and self.clock.monotonic() < until:
            await self.clock.sleep(0.01)
        await self.close()


def _kind_of(version: FunctionVersion) -> type[Pool]:
    """Return what pool a version has."""
    if version.managed is not None:
        return managed_pools.ManagedPool
    return snap_start.SnapStartPool if version.snap_start else Pool


def _environment_of(version: FunctionVersion, kind: str) -> type[Environment]:
    """Return what environments of a version are, by their initialization type."""
    if version.managed is not None:
        return concurrent.ConcurrentEnvironment
    return restorable.RestorableEnvironment if kind == making.SNAP_START else SerialEnvironment
