"""Provisioned concurrency: environments initialised ahead of use.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.model.causes import StopCause
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.pool.environment import Environment
from emulator.pool.pools import Pools
from emulator.pool.states import EnvironmentState


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedStatus:
    """What GetProvisionedConcurrencyConfig tells of the environments."""

    #: Environments that can take a call.
    available: int
    #: "IN_PROGRESS", "READY" or "FAILED".
    status: str
    #: AWS's reason of a failure, e.g. "FUNCTION_ERROR_INIT_FAILURE"; "" for none.
    reason: str


@dataclass(slots=True)
class _Leaving:
    """Environments that go once those that take their place are ready."""

    version: FunctionVersion
    count: int
    #: Keys of the versions they make way for.
    awaited: set[str]


class Provisioning:
    """Keeps the wanted number of initialised environments for each version."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._wanted: dict[str, tuple[FunctionVersion, int]] = {}
        self._reasons: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: How many are being started, by version.
        self._starting: Counter[str] = Counter()
        self._leaving: dict[str, _Leaving] = {}
        pools.on_gone.append(self._gone)

    def move(self, wanted: Sequence[tuple[FunctionVersion, int]]) -> None:
        """Want these numbers from now on, and keep what is to go until what is to come is ready.

        So does AWS when an alias with provisioned concurrency moves to another version.
        """
        growing = {v.key for v, count in wanted if count > self._wanted.get(v.key, (v, 0))[1]}
        for version, count in wanted:
            if growing and version.key not in growing:
                self._leaving[version.key] = _Leaving(version, count, set(growing))
        for version, count in wanted:
            if version.key not in self._leaving:
                self.set(version, count)

    def _make_way(self, key: str) -> None:
        """Let go of what waited for the environments of a version to be ready."""
        for leaving in list(self._leaving.values()):
            leaving.awaited.discard(key)
            if not leaving.awaited:
                self.set(leaving.version, leaving.count)

    def set(self, version: FunctionVersion, count: int) -> None:
        """Want ``count`` environments of ``version``; 0 wants none."""
        key = version.key
        self._leaving.pop(key, None)
        self._reasons.pop(key, None)
        if count:
            self._wanted[key] = (version, count)
        else:
            self._wanted.pop(key, None)
            self._make_way(key)
        self._adjust(version)

    def wanted(self, version: FunctionVersion) -> int:
        """Return how many environments of ``version`` are wanted."""
        return self._wanted.get(version.key, (version, 0))[1]

    def status(self, version: FunctionVersion) -> ProvisionedStatus:
        requested = self.wanted(version)
        ready = self._ready(version)
        reason = self._reasons.get(version.key, "")
        status = "FAILED" if reason else "READY" if ready >= requested else "IN_PROGRESS"
        # What it takes the place of still serves, and is counted as its own (recorded).
        before = [each for each in self._leaving.values() if version.key in each.awaited]
        available = min(requested, ready + sum(self._ready(each.version) for each in before))
        return ProvisionedStatus(available=available, status=status, reason=reason)

    def _ready(self, version: FunctionVersion) -> int:
        return sum(
            environment.state
            in (EnvironmentState.READY, EnvironmentState.FROZEN, EnvironmentState.INVOKING)
            for environment in self._up(version)
        )

    def _up(self, version: FunctionVersion) -> list[Environment]:
        """Return the environments that are there to stay, without those being started."""
        pool = self._pools.pool(version)
        return [
            each
            for each in pool.environments.values()
            if each.provisioned
            and not each.retired
            and each.state not in (EnvironmentState.STARTING, EnvironmentState.INIT)
        ]

    def _surplus(self, version: FunctionVersion) -> int:
        """Return by how many those that are up and those being started are too many."""
        _, wanted = self._wanted.get(version.key, (version, 0))
        return len(self._up(version)) + self._starting[version.key] - wanted

    def _adjust(self, version: FunctionVersion) -> None:
        """Start what is missing and stop what is too many."""
        surplus = self._surplus(version)
        for _ in range(-surplus):
            self._starting[version.key] += 1
            task = asyncio.get_running_loop().create_task(self._start(version))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # Those that are being started look at their end whether they are still wanted.
        surplus -= self._starting[version.key]
        idle = self._pools.pool(version).provisioned_idle
        up = sorted(self._up(version), key=lambda each: each not in idle)
        for environment in up[: max(0, surplus)]:
            if environment in idle:
                environment.stop(StopCause.UNWANTED, "no longer provisioned")
            else:
                environment.retired = True  # once it has ended what it does

    async def _start(self, version: FunctionVersion) -> None:
        try:
            environment = await self._start_one(version)
        except DriverFault:
            self._reasons[version.key] = "SYSTEM_ERROR"
            self._make_way(version.key)
            return
        finally:
            self._starting[version.key] -= 1
        if environment is None:
            return
        if self._surplus(version) > 0:
            environment.stop(StopCause.UNWANTED, "no longer provisioned")
        elif environment.state is EnvironmentState.READY:
            self._pools.pool(version).on_idle(environment)
        elif environment.state is EnvironmentState.RESET:
            self._reasons[version.key] = "FUNCTION_ERROR_INIT_FAILURE"
            environment.stop(StopCause.FAILED, "init failed")
        if self.status(version).status != "IN_PROGRESS":
            self._make_way(version.key)

    async def _start_one(self, version: FunctionVersion) -> Environment | None:
        """Return a new environment once there is room for it; None: it is wanted no more.

        Raises:
            DriverFault: It could not be started.
        """
        pool = self._pools.pool(version)
        await pool.room()
        if self._surplus(version) > 0:
            self._pools.release()
            return None
        return await pool.start_provisioned()

    def _gone(self, environment: Environment) -> None:
        """Replace a provisioned environment that ended of itself."""
        version = environment.version
        wanted = environment.provisioned and version.key in self._wanted
        if wanted and version.key not in self._reasons and not self._pools.pool(version).closed:
            self._adjust(version)

    def retire(self, version: FunctionVersion, reason: str) -> None:
        """Forget a version that is no longer to be used."""
        self._wanted.pop(version.key, None)
        self._reasons.pop(version.key, None)
        self._leaving.pop(version.key, None)
        self._make_way(version.key)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
