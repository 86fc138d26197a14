"""What an operation is handed: who asks, and the parts of the emulator it may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.driver.base import Driver
from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.invoker import Invoker
from emulator.model.clock import Clock
from emulator.pool.pool import Pools
from emulator.registry.functions import Registry
from emulator.store.blobs import Blobs
from emulator.telemetry.logs import Logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of the emulator, wired once by the composition root."""

    clock: Clock
    logs: Logs
    registry: Registry
    driver: Driver
    pools: Pools
    admission: Admission
    invoker: Invoker
    asynchronous: AsynchronousInvokes
    #: Archives of code and layers.
    blobs: Blobs
    #: Where they lie unpacked, by content hash.
    code_folder: Path
    #: Refuse what would only be stored and not acted on, and runtimes that are not there.
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One request's circumstances."""

    account: str
    region: str
    request_id: str
    #: "http://host:port" as the caller reached this emulator.
    endpoint: str
    services: Services
    #: The caller's X-Amzn-Trace-Id, or one made for it.
    trace_id: str = ""

    @property
    def clock(self) -> Clock:
        return self.services.clock
