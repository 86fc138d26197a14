"""What an operation is handed: who asks, and the parts of the emulator it may use."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from emulator.driver.base import Driver
from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.invoker import Invoker
from emulator.invoke.targets import Targets
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.function import FunctionVersion
from emulator.model.hosts import CustomHosts
from emulator.model.lifecycle import Lifecycle
from emulator.pool.minimum import MinimumInstances
from emulator.pool.pools import Pools
from emulator.pool.provisioned import Provisioning
from emulator.queues.engine import Engine
from emulator.registry.document_store import DocumentStore
from emulator.registry.functions import Registry
from emulator.services.transitions import RuntimePlatform, Transition
from emulator.settings import Settings
from emulator.sources.mapped_function import MappedFunction
from emulator.store.blobs import Blobs
from emulator.store.store import Store
from emulator.telemetry.logs import Logs
from emulator.telemetry.metrics.own import OwnMetrics
from emulator.telemetry.timeline.timeline import Timeline
from emulator.telemetry.traces.tracing import Tracing

if TYPE_CHECKING:
    from emulator.stack.kinds import Kind
    from emulator.wire import ServiceCodec

_WAITER = re.compile(r"\bm/(?:[A-Za-z0-9+-]+,)*B\b")

#: The user agent of a waiter.
WAITER = "m/B"

#: What an operation takes and returns: dicts in the wire's shape.
Request = Mapping[str, Any]
Response = dict[str, Any]


class Sources(Protocol):
    """What polls event sources; :class:`emulator.sources.pollers.Pollers` is one."""

    def is_polled(self, mapping: Mapping[str, Any]) -> bool:
        """Say whether a mapping's source is of a kind that is polled."""
        ...

    def is_pattern(self, text: str) -> bool:
        """Say whether a filter's pattern is one."""
        ...

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that a mapping's source is there and suits a function; it must be polled.

        Raises:
            AwsError: It does not, in AWS's words.
        """
        ...

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return further members for a new mapping, which must be polled: where it begins.

        Raises:
            AwsError: The source can't be read now.
            StorageError: It can't be read now.
        """
        ...

    async def apply(
        self,
        key: str,
        mapping: dict[str, Any] | None,
        function: MappedFunction | None = None,
    ) -> None:
        """Poll as a mapping says (None: not any more); returns when that is so.

        Args:
            key: The mapping's id.
            mapping: The mapping.
            function: What takes its function's place; without, the function of its ARN.
        """
        ...


class Services(Protocol):
    """All services, for one that uses another; :class:`emulator.services.table.Table` has them."""

    #: The account and region of callers that name none.
    account: str
    region: str
    #: Where clients on this machine reach the emulator, and where functions do.
    endpoint: str
    sandbox_endpoint: str

    def running(self) -> dict[str, bool]:
        """Return the names of the services' models, and whether each has been called."""
        ...

    async def describe(self) -> list[dict[str, Any]]:
        """Return what serves each service, and what of it lasts."""
        ...

    async def state(self, model: str) -> Any:
        """Return the state of a service, opened if it is not open yet; None if it has none.

        Raises:
            LookupError: The service is not served.
        """
        ...

    def kind(self, resource_type: str) -> Kind | None:
        """Return how resources of a type of templates ("AWS::SQS::Queue") are made, if at all."""
        ...

    async def call(
        self,
        service: str,
        operation: str,
        request: Mapping[str, Any],
        *,
        account: str | None = None,
        region: str | None = None,
        user_agent: str = "",
    ) -> dict[str, Any]:
        """Do an operation as a client would have it done; see ``Table.call``."""
        ...

    def codec(self, service: str) -> ServiceCodec:
        """Return the codec of a service in its first protocol, by the name of its model.

        Raises:
            LookupError: The service is not served.
        """
        ...

    async def flow(self, account: str | None = None) -> dict[str, Any]:
        """Return what is wired to what; see :mod:`emulator.services.wiring`."""
        ...

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request with those of ``values`` that an operation knows, in its types."""
        ...


class Announcer(Protocol):
    """Who passes on what the emulator's services tell of themselves."""

    def __call__(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str],
        account: str,
        region: str,
    ) -> asyncio.Task[None] | None:
        """Take an event, at once; see :meth:`Parts.announce`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the emulator, wired once by the composition root."""

    #: What its user asked for.
    settings: Settings
    clock: Clock
    #: When it began, seconds since the epoch.
    begun: float
    console: Console
    #: The services: how one finds and calls another.
    table: Services
    logs: Logs
    registry: Registry
    #: The state: opens databases of the services' own.
    store: Store
    #: Keeps documents of the services, or nothing where nothing is kept.
    documents: DocumentStore
    driver: Driver
    pools: Pools
    #: Tells whoever listens of what happens to environments and invocations.
    lifecycle: Lifecycle
    #: What they lived through; None where nothing is recorded.
    timeline: Timeline | None
    #: What services measure of themselves, until CloudWatch keeps it.
    own_metrics: OwnMetrics
    #: What is traced.
    tracing: Tracing
    admission: Admission
    invoker: Invoker
    #: How callers of every kind invoke functions.
    functions: FunctionInvoker
    asynchronous: AsynchronousInvokes
    #: Delivers events by ARN.
    targets: Targets
    #: Keeps messages of every kind.
    queues: Engine
    provisioning: Provisioning
    #: Keeps environments initialised without provisioned concurrency.
    minimum: MinimumInstances
    sources: Sources
    #: Further host names that are answered: custom domain names.
    hosts: CustomHosts
    #: The state folder, or one that ends with the emulator.
    folder: Path
    #: Archives of code and layers.
    blobs: Blobs
    #: Where they lie unpacked, by content hash.
    code_folder: Path
    #: What its user has been told of this machine: once is enough.
    told: set[str] = field(default_factory=set)
    #: Folders whose code clients may have served live; functions could ask for any other as well.
    code_roots: set[Path] = field(default_factory=set)
    #: Refuse what would only be stored and not acted on, and runtimes that are not there.
    strict: bool = False
    #: Seconds a created or updated function is shown on its way at most; 0 shows it arrived.
    transition_seconds: float = 0.0
    #: Transitions under way, by the function's ARN.
    transitions: dict[str, Transition] = field(default_factory=dict)
    #: Set once all that was declared is there.
    started: asyncio.Event = field(default_factory=asyncio.Event)
    #: Platforms whose image was missing at the start and is being pulled.
    pulling: set[RuntimePlatform] = field(default_factory=set)
    #: What goes on after its operation has answered; ended with the emulator.
    background: set[asyncio.Task[None]] = field(default_factory=set)
    #: Who passes on what services announce: whoever wants to adds itself.
    announcers: list[Announcer] = field(default_factory=list)

    def announce(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str] = (),
        *,
        account: str,
        region: str,
    ) -> list[asyncio.Task[None]]:
        """Tell of an event of one of our own services, to whom it may concern.

        It costs nothing where nobody listens, and neither blocks nor fails.

        Args:
            source: The service as its events call it ("aws.ecr").
            detail_type: What has happened, in AWS's words.
            detail: The event's own members.
            resources: ARNs of what it is about.
            account: Whose it is.
            region: Where it happened.

        Returns:
            What has to end for it to be kept; most callers don't wait for it.
        """
        tasks = [
            each(source, detail_type, detail, resources, account, region)
            for each in self.announcers
        ]
        return [task for task in tasks if task is not None]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have ``work`` done in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    async def close(self) -> None:
        """Give up what is done in the background."""
        tasks = list(self.background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True, kw_only=True)
class Context:
    """One request's circumstances."""

    account: str
    region: str
    request_id: str
    #: "http://host:port" as the caller reached this emulator.
    endpoint: str
    parts: Parts
    #: The operation's name in the service model.
    operation: str = ""
    #: The caller's X-Amzn-Trace-Id, where it sent one.
    trace_id: str = ""
    #: The caller's User-Agent.
    user_agent: str = ""
    #: The token of the caller's temporary credentials; "" without one.
    session_token: str = ""
    #: What ``open`` of the service's ``state.py`` returned; None where it has none.
    state: Any = None
    #: The headers of the request, by names in lower case.
    request_headers: Mapping[str, str] = field(default_factory=dict)
    #: The status of the answer where it is not the model's.
    status: int = 0
    #: Headers of the answer that stand in no model; names in lower case.
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def waits(self) -> bool:
        """Whether an SDK's waiter asks: the feature "B" says so; it asks again in a second."""
        return _WAITER.search(self.user_agent) is not None

    @property
    def clock(self) -> Clock:
        """The emulator's clock."""
        return self.parts.clock
