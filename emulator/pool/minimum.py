"""Minimum instances: environments that are kept initialised, however long nobody calls.

Other clouds have them; AWS has provisioned concurrency in their place, which needs a published
version and sets concurrency aside. These need neither: they are ordinary environments, and more are
started when all are busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from emulator.model.function import LATEST, FunctionVersion
from emulator.pool.pools import Pools
from emulator.pool.states import EnvironmentState
from emulator.registry.function import Function
from emulator.registry.functions import Registry

_UP = (EnvironmentState.READY, EnvironmentState.FROZEN, EnvironmentState.INVOKING)
#: The states of a version that can run.
_ACTIVE = "Active"


class Kept(NamedTuple):
    """Whose environments are kept."""

    account: str
    region: str
    name: str
    #: A version or an alias.
    qualifier: str = LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumStatus:
    """What became of the environments that are to be kept."""

    kept: Kept
    wanted: int
    #: Environments that can take a call.
    ready: int
    #: Why there are fewer; "" where they are on their way, or there.
    reason: str


class MinimumInstances:
    """Keeps the wanted number of environments of each function, whatever its version is now."""

    def __init__(self, pools: Pools, registry: Registry) -> None:
        self._pools = pools
        self._registry = registry
        self._wanted: dict[Kept, int] = {}
        #: The key of the version that each is kept of now.
        self._followed: dict[Kept, str] = {}
        registry.on_changed.append(self._changed)

    def set(self, kept: Kept, count: int) -> None:
        """Keep ``count`` environments of a function from now on, or once it is there; 0: none."""
        if count:
            self._wanted[kept] = count
        else:
            self._wanted.pop(kept, None)
        function = self._registry.find(kept.account, kept.region, kept.name)
        if function is not None:
            self._apply(kept, function, count)

    def status(self) -> list[MinimumStatus]:
        """Return all that are to be kept."""
        return [self._status(kept, count) for kept, count in self._wanted.items()]

    def _status(self, kept: Kept, count: int) -> MinimumStatus:
        function = self._registry.find(kept.account, kept.region, kept.name)
        version = None if function is None else _version(function, kept.qualifier)
        if version is None:
            reason = "there is no such function, or version, yet"
            return MinimumStatus(kept=kept, wanted=count, ready=0, reason=reason)
        if version.managed is not None:
            reason = "functions on Managed Instances have a scaling configuration for that"
            return MinimumStatus(kept=kept, wanted=count, ready=0, reason=reason)
        pool = self._pools.pool(version)
        ready = sum(each.state in _UP for each in pool.environments.values())
        fault = pool.least_fault
        return MinimumStatus(
            kept=kept, wanted=count, ready=ready, reason="" if fault is None else str(fault)
        )

    def _changed(self, function: Function) -> None:
        if not self._wanted:
            return
        latest = function.latest
        scope = (latest.account, latest.region, latest.name)
        for kept, count in self._wanted.items():
            if kept[:3] == scope:
                self._apply(kept, function, count)

    def _apply(self, kept: Kept, function: Function, count: int) -> None:
        version = _version(function, kept.qualifier)
        if version is None or version.managed is not None or version.state != _ACTIVE:
            return  # looked at again when that changes
        before, self._followed[kept] = self._followed.get(kept), version.key
        if before is not None and before != version.key:
            self._pools.keep_least_of(before, 0)  # an alias has moved on
        pool = self._pools.pool(version)
        if pool.least != count or pool.least_fault is not None:
            pool.keep_least(count)


def _version(function: Function, qualifier: str) -> FunctionVersion | None:
    """Return the version that a qualifier means, most of all."""
    alias = function.aliases.get(qualifier)
    return function.numbered(qualifier if alias is None else alias.function_version)
