"""Provisioned concurrency: environments initialised ahead of use.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.pool.environment import Environment
from emulator.pool.pool import Pools
from emulator.pool.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedStatus:
    """What GetProvisionedConcurrencyConfig tells of the environments."""

    requested: int
    allocated: int
    available: int
    #: "IN_PROGRESS", "READY" or "FAILED".
    status: str
    #: AWS's reason of a failure, e.g. "FUNCTION_ERROR_INIT_FAILURE".
    reason: str = ""


class Provisioning:
    """Keeps the wanted number of initialised environments for each version."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._wanted: dict[str, tuple[FunctionVersion, int]] = {}
        self._reasons: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting: dict[str, int] = {}
        pools.on_gone.append(self._gone)

    def set(self, version: FunctionVersion, count: int) -> None:
        """Want ``count`` environments of ``version``; 0 wants none."""
        key = version.key
        self._reasons.pop(key, None)
        if count:
            self._wanted[key] = (version, count)
        else:
            self._wanted.pop(key, None)
        self._adjust(version)

    def status(self, version: FunctionVersion) -> ProvisionedStatus:
        _, requested = self._wanted.get(version.key, (version, 0))
        environments = self._environments(version)
        available = sum(
            environment.state in (State.READY, State.FROZEN, State.INVOKING)
            for environment in environments
        )
        reason = self._reasons.get(version.key, "")
        status = "FAILED" if reason else "READY" if available >= requested else "IN_PROGRESS"
        return ProvisionedStatus(
            requested=requested,
            allocated=available,
            available=available,
            status=status,
            reason=reason,
        )

    def _environments(self, version: FunctionVersion) -> list[Environment]:
        pool = self._pools.pool(version)
        return [each for each in pool.environments.values() if each.provisioned]

    def _adjust(self, version: FunctionVersion) -> None:
        """Start what is missing and stop what is too many."""
        _, wanted = self._wanted.get(version.key, (version, 0))
        there = self._environments(version)
        starting = self._starting.get(version.key, 0)
        for _ in range(wanted - len(there) - starting):
            self._starting[version.key] = self._starting.get(version.key, 0) + 1
            task = asyncio.get_running_loop().create_task(self._start(version))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        idle = [each for each in there if each in self._pools.pool(version).provisioned_idle]
        for environment in idle[: max(0, len(there) - wanted)]:
            environment.stop("no longer provisioned")

    async def _start(self, version: FunctionVersion) -> None:
        pool = self._pools.pool(version)
        try:
            await pool.room()
            environment, new = await pool.start(provisioned=True)
        except DriverFault:
            self._reasons[version.key] = "SYSTEM_ERROR"
            return
        finally:
            self._starting[version.key] -= 1
        if not new or environment.state is State.READY:
            pool.on_idle(environment)
        else:
            self._reasons[version.key] = "FUNCTION_ERROR_INIT_FAILURE"
            environment.stop("init failed")

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

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
