"""What pools share, as each of them sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from emulator.model.causes import ColdStart
from emulator.model.clock import Clock
from emulator.model.debugging import DebugPort
from emulator.model.function import FunctionVersion, ManagedInstances
from emulator.model.lifecycle import Lifecycle
from emulator.model.limits import INIT_SECONDS
from emulator.pool import placement
from emulator.pool.environment import Environment

T = TypeVar("T")
P = TypeVar("P", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """What all pools keep to."""

    """What all pools keep to."""

    #: Seconds an environment may be idle before it is removed.
    idle_timeout_s: float = 300.0
    #: Environments that may exist at once, of all functions.
    max_environments: int = 256
    #: Seconds an on-demand INIT phase may take.
    init_timeout_s: float = INIT_SECONDS
    #: Seconds a caller waits for an environment whose response is out and whose runtime is about to
    #: call ``next``, before it asks for a new one.
    settling_s: float = 0.25
    scaling: placement.ScalingRate = field(default_factory=placement.ScalingRate)
    #: Let no environment make progress between invocations, as on AWS.
    freeze: bool = False
    #: Give each environment the share of CPU that its memory stands for, as on AWS.
    limit_cpu: bool = True
    #: Have all runtimes measure what their functions import.
    trace_imports: bool = False
    #: Snapshots that are kept at once, of all versions: each holds the memory of an environment.
    max_snapshots: int = 8
    #: By the name of a function, where its debugger listens; it may change while they run.
    debug: MutableMapping[str, DebugPort] = field(default_factory=dict)


class Opening(asyncio.Event):
    """Set once functions can run.

    Attributes:
        wanted: Set as soon as somebody waits for that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wanted = asyncio.Event()

    async def wait(self) -> Literal[True]:
        """Return once functions can run."""
        if not self.is_set():
            self.wanted.set()
        return await super().wait()


class PoolHost(Protocol[P]):
    """The bound on environments, their making and the reaper, for a pool of type ``P``."""

    clock: Clock
    settings: PoolSettings
    lifecycle: Lifecycle
    #: Set once the driver can be used.
    opened: Opening
    #: No environment is started any more.
    closed: bool

    def reserve(self) -> bool:
        """Take a place for one more environment, making room if an idle one can go."""
        ...

    def release(self) -> None:
        """Give a place back."""
        ...

    def waiting(self, pool: P) -> None:
        """Put a pool in line for room, for one of its callers."""
        ...

    def is_scarce(self) -> bool:
        """Say whether more wait for room than there are environments about to give theirs up."""
        ...

    def may_grow(self, version: FunctionVersion) -> bool:
        """Count one more environment towards its function's scaling rate, if that allows it."""
        ...

    def has_capacity(self, wanted: ManagedInstances) -> bool:
        """Say whether a capacity provider has the vCPUs for one more environment."""
        ...

    def why_first(self, version: FunctionVersion, tenant_id: str) -> ColdStart:
        """Return why a caller finds no environment in a pool that has had none."""
        ...

    def idle_timeout_s(self, version: FunctionVersion) -> float:
        """Return how long the pool of ``version`` keeps what becomes idle next."""
        ...

    def note_started(self, pool: P) -> None:
        """Note which of a function's versions is started last."""
        ...

    def make(
        self, pool: P, why: ColdStart, *, provisioned: bool = False, request_id: str = ""
    ) -> Environment:
        """Return a new environment, not yet started."""
        ...

    @property
    def copies(self) -> bool:
        """Whether the driver can copy sandboxes."""
        ...

    def keep_snapshot(self, pool: P) -> None:
        """Keep a pool's snapshot, which is used now, and of all no more than there may be."""
        ...

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do ``work`` on environments to its end."""
        ...

    def watch_idle(self, pool: P) -> None:
        """See to it that the pool's idle environments are reaped in time."""
        ...
