"""The composition root: the only place that makes the parts, and opens and closes them in order.

Parts get what they use through their constructors, so this module reads from the lowest to the
highest. A lower part tells higher ones through its lists of listeners, to which they add
themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.code.live import note_own_paths
from emulator.code.packages import Packages
from emulator.code.preparing import Preparation
from emulator.code.sdk import SdkCheck
from emulator.code.typescript import TypeScript
from emulator.driver.base import Driver
from emulator.driver.table import make_driver
from emulator.edge.aws_handler import AwsHandler
from emulator.edge.early_admin import EarlyAdmin
from emulator.edge.function_ports import FunctionPorts
from emulator.edge.guard import Guard
from emulator.edge.http_fronts.alb.balancers import LoadBalancers
from emulator.edge.http_fronts.apis.front import ApiFront
from emulator.edge.http_fronts.buckets import BucketFront
from emulator.edge.http_fronts.container_credentials import ContainerCredentialsFront
from emulator.edge.http_fronts.function_url import FunctionUrlFront
from emulator.edge.http_fronts.stack_answers import StackAnswersFront
from emulator.edge.router import AsgiApp, Router
from emulator.edge.servers import Servers
from emulator.invoke import outgoing
from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.idleness import Idleness
from emulator.invoke.invoker import Invoker
from emulator.invoke.redelivery import Redelivery
from emulator.invoke.targets import Targets
from emulator.model.clock import Clock, SystemClock
from emulator.model.components import Component, closing, drain_all, open_all
from emulator.model.console import Console, SilentConsole
from emulator.model.debugging import ports
from emulator.model.errors import ConfigurationError
from emulator.model.function import LATEST
from emulator.model.hosts import CustomHosts
from emulator.model.lifecycle import Lifecycle
from emulator.model.simulated import StartModel
from emulator.pool.host import PoolSettings
from emulator.pool.minimum import Kept, MinimumInstances
from emulator.pool.pools import Pools
from emulator.pool.provisioned import Provisioning
from emulator.pool.states import EnvironmentState
from emulator.project.watching import Watching
from emulator.queues.engine import Engine
from emulator.registry.document_store import DocumentStore
from emulator.registry.functions import Registry
from emulator.registry.loading import load
from emulator.services.context import Parts
from emulator.services.lambda_ import intake as code
from emulator.services.lambda_ import live_code
from emulator.services.lambda_.concurrency import provisioned
from emulator.services.lambda_.lifecycle import managed_instances, preparing, states
from emulator.services.metrics_keeper import MetricsKeeper
from emulator.services.table import Table
from emulator.settings import Settings
from emulator.sources.pollers import Pollers
from emulator.store.blobs import Blobs
from emulator.store.folders import private_folder, private_state
from emulator.store.store import Store
from emulator.store.temporary import TemporaryFolder
from emulator.telemetry.logs import Logs
from emulator.telemetry.metrics.invocations import InvocationMetrics
from emulator.telemetry.metrics.own import OwnMetrics
from emulator.telemetry.recorder import Recorder
from emulator.telemetry.timeline.timeline import Timeline
from emulator.telemetry.traces.tracing import Tracing

if TYPE_CHECKING:
    from emulator.invoke.scenarios.plan import Fault
    from emulator.project.project import Project
    from emulator.telemetry.otlp.exporter import Exporter


_T = TypeVar("_T")


class Emulator:
    """One emulator: everything between its socket and its sandboxes.

    Args:
        clock: The time; the machine's own without.
        driver: Where functions run; the one ``settings`` name without.
        console: Where it tells its user what happens; nowhere without.

    Raises:
        ConfigurationError: Its port, its state folder or its driver can't be had.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        driver: Driver | None = None,
        console: Console | None = None,
    ) -> None:
        self.settings = settings
        self._faults = _load_faults(settings)
        self.clock = clock or _make_clock(jumps=bool(self._faults))
        self.console = console or SilentConsole()
        #: Notes for the user on what this machine or this emulator can't do as asked.
        self.notes: list[str] = []
        self._stopping = asyncio.Event()
        self._stop_now = asyncio.Event()
        with ExitStack() as undo:
            self._make_storage(undo)
            self.driver, self._freezes = (driver, False) if driver else self._make_driver()
            self._make_core()
            self._make_edge()
            undo.pop_all()

    @property
    def endpoint(self) -> str:
        """Where clients on this machine reach it."""
        return f"http://localhost:{self.port}"

    # --- making --------------------------------------------------------------------------------

    def _make_storage(self, undo: ExitStack) -> None:
        """Take the port and the state folder for this emulator alone, and open the databases."""
        settings = self.settings
        self._servers = Servers(settings.host, settings.port, drain_seconds=settings.drain_seconds)
        undo.callback(self._servers.abandon)
        self.port = self._servers.port
        self._temporary: TemporaryFolder | None = None
        folder = settings.state
        if folder is None:
            self._temporary = _make_temporary()
            undo.callback(self._temporary.remove)
            folder = self._temporary.path
        # Sandboxes see it elsewhere: neither a relative path nor a link leads there from theirs.
        self.state = Path(os.path.realpath(folder))
        note_own_paths(self.state)
        self._code_folder = _make_code_folder(self.state)
        self.store = Store.open(settings.state, durability=settings.durability)

    def _make_driver(self) -> tuple[Driver, bool]:
        """Return the driver, and whether it freezes environments of its own accord."""
        made = make_driver(self.settings, self.state, self.console)
        self.notes += [made.note] if made.note else []
        return made.driver, made.freezes

    def _make_core(self) -> None:
        """Make the parts that run functions, without any HTTP."""
        settings = self.settings
        kept = self.store.logs
        recorder = None if kept is None else Recorder(kept, self.clock, self.console)
        self.logs = Logs(self.clock, recorder, self.console)
        if settings.debug and self.driver.name == "kubernetes":
            raise ConfigurationError("--debug needs --driver process or docker: pods open no port")
        if settings.debug and settings.bootstrap != "localfaas":
            raise ConfigurationError("--debug needs --bootstrap localfaas")
        #: By the name of a function, where its debugger listens.
        self.debug = ports(settings.debug, wait=settings.debug_wait)
        self.preparation = Preparation(
            Packages(self.driver.interpreter, console=self.console),
            TypeScript(console=self.console),
            console=self.console,
        )
        self.lifecycle = Lifecycle(self.clock)
        self.timeline = self._make_timeline()
        self.own_metrics = OwnMetrics(self.clock)
        self.tracing = Tracing(
            self.lifecycle,
            self.clock,
            console=self.console,
            limit_bytes=settings.traces_mb * 1024 * 1024,
            journal=self.store.traces,
            everything=settings.trace or settings.otlp is not None,
        )
        self.pools = Pools(
            self.driver,
            self.logs,
            self.clock,
            PoolSettings(
                idle_timeout_s=settings.idle_timeout,
                max_environments=settings.max_environments,
                trace_imports=settings.trace_imports,
                max_snapshots=settings.max_snapshots,
                debug=self.debug,
                limit_cpu=settings.cpu_limit == "aws",
                freeze=self._freezes if settings.freeze is None else settings.freeze,
            ),
            prepare=SdkCheck(
                self.preparation.prepare, console=self.console, strict=settings.strict
            ).prepare,
            is_open=False,
            lifecycle=self.lifecycle,
            starts=self._make_starts(),
        )
        self.provisioning = Provisioning(self.pools)
        self._documents = DocumentStore(self.store.documents if settings.state else None)
        self.registry = Registry(
            self._documents, on_retired=(self.pools.retire, self.provisioning.retire)
        )
        self.minimum = self._make_minimum()
        heard = InvocationMetrics(self.own_metrics, self.registry.is_reserved)
        self.lifecycle.add(heard, closely=False)
        self.admission = Admission(self.registry, settings.account_concurrency)
        idleness = Idleness(self.registry, self.clock, settings.inactive_after)
        self.invoker = self._make_invoker(idleness)
        self.functions = FunctionInvoker(
            self.registry,
            self.invoker,
            self.clock,
            Redelivery(self.clock, seed=settings.seed, everything=settings.deliver_twice),
        )
        self.queues = Engine(self.store.messages, self.clock)
        self.table = Table(
            account=settings.account,
            region=settings.region,
            endpoint=self.endpoint,
            extra=settings.extra_services,
            engines=settings.engines,
        )
        self.targets = Targets(
            self.table.delivers, self.table.find_taker, self.queues.send_together
        )
        self.asynchronous = AsynchronousInvokes(
            self.registry,
            self.functions,
            self.targets,
            self.clock,
            retry_scale=settings.async_retry_scale,
            metrics=self.own_metrics,
        )
        self.pollers = Pollers(
            self.registry,
            self.functions,
            polls=self.table.polls,
            find=self.table.find_source,
            console=self.console,
            metrics=self.own_metrics,
        )

    def _make_starts(self) -> StartModel | None:
        """Return what simulates starts; None where no profile was asked for."""
        if self.settings.profile is None:
            return None
        from emulator.simulation import profile
        from emulator.simulation.starts import ProfiledStarts

        settings = self.settings
        return ProfiledStarts(
            profile.load(self.settings.profile),
            settings.seed,
            warn=self.console.warn,
            # An idle time that somebody chose stands.
            keep_idle=settings.idle_timeout == Settings().idle_timeout,
        )

    def _make_timeline(self) -> Timeline | None:
        if not self.settings.timeline_mb:
            return None
        return Timeline(
            self.lifecycle,
            self.clock,
            self.settings.timeline_mb * 1024 * 1024,
            journal=self.store.timeline,
            console=self.console,
        )

    def _make_invoker(self, idleness: Idleness) -> Invoker:
        parts = (self.registry, self.admission, self.pools, idleness)
        if not self._faults:
            return Invoker(*parts, self.tracing.tracer)
        from emulator.invoke.scenarios.invoker import ScenarioInvoker
        from emulator.model.jumping_clock import JumpingClock

        if not isinstance(self.clock, JumpingClock):
            raise ConfigurationError("a scenario needs a clock that can jump")
        return ScenarioInvoker(
            *parts,
            faults=self._faults,
            seed=self.settings.seed,
            clock=self.clock,
            tracer=self.tracing.tracer,
            warn=self.console.warn,
        )

    def _make_minimum(self) -> MinimumInstances:
        settings, minimum = self.settings, MinimumInstances(self.pools, self.registry)
        for named, count in settings.min_instances.items():
            name, _, qualifier = named.partition(":")
            kept = Kept(settings.account, settings.region, name, qualifier or LATEST)
            minimum.set(kept, int(count))
        return minimum

    def _make_edge(self) -> None:
        """Make the parts that speak to clients and follow the user's folder."""
        settings = self.settings
        hosts = CustomHosts()
        self.parts = Parts(
            settings=settings,
            table=self.table,
            clock=self.clock,
            begun=self.clock.now(),
            console=self.console,
            logs=self.logs,
            registry=self.registry,
            documents=self._documents,
            driver=self.driver,
            pools=self.pools,
            lifecycle=self.lifecycle,
            timeline=self.timeline,
            own_metrics=self.own_metrics,
            tracing=self.tracing,
            admission=self.admission,
            invoker=self.invoker,
            functions=self.functions,
            asynchronous=self.asynchronous,
            targets=self.targets,
            queues=self.queues,
            provisioning=self.provisioning,
            minimum=self.minimum,
            sources=self.pollers,
            hosts=hosts,
            store=self.store,
            folder=self.state,
            blobs=Blobs(self.state / "blobs"),
            code_folder=self._code_folder,
            code_roots=_code_roots(settings),
            strict=settings.strict,
            transition_seconds=settings.transition_seconds,
        )
        self._keeper = MetricsKeeper(self.parts, self.table.measurements_keeper)
        self._guard = Guard(settings.allow_hosts, settings.allow_origins, hosts)
        aws = AwsHandler(self.table, strict=settings.strict_auth)
        apis = ApiFront(self.parts, aws)
        self._issuer = apis.issuer
        self.router = Router(
            is_sandbox=self._may_be_a_function,
            guard=self._guard,
            aws=aws,
            fronts=[
                apis,
                FunctionUrlFront(self.parts, self.table.find("lambda").codec()),
                ContainerCredentialsFront(self.clock),
                StackAnswersFront(self.parts),
                BucketFront(self.table, aws, self._guard),
            ],
            admin=self._make_admin,
            dashboard=self._make_dashboard,
            early=EarlyAdmin(self.reset, self._deploy, (settings.account, settings.region)),
        )
        self._function_ports = FunctionPorts(self.parts, self._servers, self.router)
        self.load_balancers = LoadBalancers(self.parts, self._servers, self._guard)
        self._exporter: Exporter | None = None
        self.project = self._make_project() if settings.functions else None
        self.watching = Watching(
            self.registry,
            console=self.console,
            take=partial(live_code.take, self.parts),
            declared=self.project.declared if self.project is not None else (),
            layers=settings.watch_layers,
        )
        self._preparing: asyncio.Task[None] | None = None

    def _may_be_a_function(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Say whether a function may have made a connection, or have had it made from here."""
        return outgoing.has_made(peer) or self.driver.is_sandbox(peer, local)

    def _make_admin(self) -> AsgiApp:
        from emulator.edge.admin import make_admin

        return make_admin(
            self.parts,
            self.stop,
            self._stopping,
            self.settings.drain_seconds,
            self.reset,
            self._deploy,
            self._issuer,
        )

    async def _deploy(self, path: Path, **where: Any) -> Any:
        from emulator.project import deploying

        return await deploying.deploy(self.parts, path, **where)

    def _make_dashboard(self) -> AsgiApp:
        from emulator.edge.dashboard.application import Dashboard

        return Dashboard(self.parts)

    def _make_project(self) -> Project:
        from emulator.project.project import Project

        return Project(self.parts)

    # --- the components ------------------------------------------------------------------------

    def _components(self) -> tuple[Component, ...]:
        """Return the components in the order they open. Callers get answers from "clients" on."""
        return (
            Component(name="temporary folder", close=self._remove_temporary),
            Component(name="store", close=self.store.close),
            Component(name="logs", open=self.logs.open, close=self.logs.close),
            Component(name="timeline", open=self._open_timeline, close=self._close_timeline),
            Component(name="traces", close=self.tracing.close),
            Component(name="functions", open=self._load_functions),
            Component(
                name="queues",
                open=self.queues.resume,
                abort=self._end_polls,
                close=self.queues.close,
            ),
            Component(
                name="services", open=partial(self.table.open, self.parts), close=self.table.close
            ),
            Component(name="measurements", close=self._keeper.close),
            Component(
                name="asynchronous invokes",
                open=partial(self.asynchronous.open, self.queues),
                drain=self.asynchronous.close,
                abort=self.asynchronous.abort,
            ),
            Component(
                name="event sources",
                open=self._resume_pollers,
                drain=self.pollers.close,
                abort=self.pollers.abort,
            ),
            Component(name="stacks", open=self._begin_stacks, close=self._close_project),
            # Clients are answered while the driver looks at the machine: only cold starts wait
            # for it. Their socket closes after the pools, which answer who still waits.
            Component(
                name="clients",
                open=self._serve_clients,
                drain=self._end_serving,
                abort=self._end_serving,
                close=self._servers.close,
            ),
            Component(name="collector of traces", close=self._close_exporter),
            Component(name="ports of functions", close=self._function_ports.close),
            Component(
                name="load balancers",
                open=self.load_balancers.open,
                close=self.load_balancers.close,
            ),
            Component(name="driver", open=self.driver.open, close=self.driver.close),
            Component(
                name="pools",
                open=self._open_pools,
                drain=partial(self.pools.drain, self.settings.drain_seconds),
                close=self.pools.close,
            ),
            Component(name="provisioned concurrency", close=self.provisioning.close),
            Component(name="preparation", close=self.preparation.close),
            # Custom resources are functions, which run from here on.
            Component(name="the rest of the stacks", open=self._finish_stacks),
            Component(name="background", open=self._look_ahead, close=self.parts.close),
        )

    def _companions(self) -> tuple[Component, ...]:
        """Return the components that open once the user knows that the emulator is there."""
        prepare = Component(
            name="preparation",
            open=self._begin_to_prepare,
            drain=self._stop_preparing,
            close=self._stop_preparing,
        )
        watch = Component(
            name="watching",
            open=self._watch if self.settings.watch else _nothing,
            drain=self.watching.stop,
            close=self.watching.stop,
        )
        if self.project is None:
            return (prepare, watch)
        return (prepare, Component(name="project", close=self.project.close), watch)

    async def _watch(self) -> None:
        self.watching.start()

    async def _open_timeline(self) -> None:
        if self.timeline is not None:
            await self.timeline.open()

    async def _close_timeline(self) -> None:
        if self.timeline is not None:
            await self.timeline.close()

    async def _load_functions(self) -> None:
        codes = await load(self.registry, self._documents, self._code_folder)
        await code.restore(self.parts, codes)
        states.resume(self.parts)
        provisioned.resume(self.parts)
        managed_instances.resume(self.parts)
        await live_code.refresh(self.parts)
        if self.project is not None:
            self.notes += self.project.load()

    async def _resume_pollers(self) -> None:
        self.pollers.resume()

    async def _begin_stacks(self) -> None:
        if self.project is not None:
            await self._unless_stopped(self.project.begin(self.pools.opened.wanted))

    async def _finish_stacks(self) -> None:
        if self.project is not None:
            self.notes += await self._unless_stopped(self.project.finish()) or []

    async def _unless_stopped(self, step: Awaitable[_T]) -> _T | None:
        """Return what a step of the start returns; None where the end is asked for meanwhile."""
        going = asyncio.ensure_future(step)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((going, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not going.done():
                going.cancel()
        await asyncio.wait((going,))
        return None if going.cancelled() else going.result()

    async def _close_project(self) -> None:
        if self.project is not None:
            await self.project.close()

    async def _serve_clients(self) -> None:
        self._servers.open(self.router)

    def _open_exporter(self) -> None:
        """Begin to send traces to a collector, if asked to."""
        settings = self.settings
        if settings.otlp is None:
            return
        from emulator.edge.otlp_sending import send
        from emulator.telemetry.otlp.exporter import Exporter

        self._exporter = Exporter(
            settings.otlp,
            clock=self.clock,
            console=self.console,
            send=send,
            headers=settings.otlp_headers,
            encoding=settings.otlp_protocol,
        )
        self.tracing.tracer.sinks.append(self._exporter)

    async def _close_exporter(self) -> None:
        if self._exporter is not None:
            await self._exporter.close()

    async def _end_serving(self) -> None:
        self._servers.end(now=self._stop_now.is_set())

    async def _end_polls(self) -> None:
        # No long poll or subscription may hold up the end.
        self.queues.drain()
        self.table.drain()

    async def _open_pools(self) -> None:
        url = self._servers.open_to_sandboxes(
            self.router,
            self._guard,
            listen_host=self.driver.listen_host,
            reach_host=self.driver.reach_host,
            secret=self.driver.reach_host_is_secret,
        )
        self.table.sandbox_endpoint = url
        self._function_ports.open()
        self._open_exporter()
        self.pools.open(url if self.settings.inject_endpoint else None)
        self.notes += self.driver.notes()

    async def _look_ahead(self) -> None:
        await preparing.look(self.parts, self.registry.all())

    async def _begin_to_prepare(self) -> None:
        self._preparing = asyncio.get_running_loop().create_task(self._prepare())

    async def _prepare(self) -> None:
        """Have ready what the functions there are need, so that the first call is quick."""
        functions = self.registry.all()
        await preparing.prepare(self.parts, functions, self.notes)
        await self.preparation.ahead(each.latest for each in functions)

    async def _stop_preparing(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)

    async def _remove_temporary(self) -> None:
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.remove)

    # --- the life ------------------------------------------------------------------------------

    async def reset(self, account: str | None = None) -> None:
        """Remove what was made since the start: of all accounts, or of one.

        What the user's folder declares is made anew. Calls in flight end by themselves.

        Raises:
            StorageError: The disk did not take a part of it.
            ConfigurationError: A declared resource can't be made.
        """
        await self.table.reset(account)
        await self.tracing.reset(account)
        if self.project is not None and account in (None, self.settings.account):
            await self.project.apply_anew()

    def stop(self) -> None:
        """Ask for the end: the first time to drain, the second at once."""
        (self._stop_now if self._stopping.is_set() else self._stopping).set()

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until :meth:`stop`, SIGTERM, SIGHUP or Ctrl-C; returns when nothing is left.

        Args:
            on_ready: Called once functions can be called.

        Raises:
            ConfigurationError: The driver can't work here, or the functions' folder is wrong.
        """
        self._listen_to_signals()
        components, companions = self._components(), self._companions()
        everything = (*components, *companions)
        async with closing(everything):
            try:
                await open_all(components)
                if not self._stopping.is_set():
                    await self._be_ready(on_ready, companions)
            finally:
                await drain_all(
                    everything, seconds=self.settings.drain_seconds, at_once=self._stop_now
                )

    async def _be_ready(
        self, on_ready: Callable[[], None], companions: Sequence[Component]
    ) -> None:
        """Serve until the end is asked for."""
        self.parts.started.set()
        self._warn_of_missing()
        on_ready()
        # What is there by now stays: the collector need not ever look at it.
        gc.freeze()
        gc.enable()
        _return_memory()
        await open_all(companions)
        await self._until_stopped()

    def _warn_of_missing(self) -> None:
        for each in self.minimum.status():
            if each.reason:
                self.console.warn(f"--min-instances {each.kept.name}: {each.reason}")

    def _listen_to_signals(self) -> None:
        signals = [signal.SIGINT, signal.SIGTERM]
        # The terminal was closed; not under nohup.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signals.append(signal.SIGHUP)
        for number in signals:
            # Only the main thread of a process can take signals; elsewhere ``stop`` is called.
            with contextlib.suppress(ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)

    async def _until_stopped(self) -> None:
        waits = [
            asyncio.ensure_future(each) for each in (self._stopping.wait(), self._servers.wait())
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if any(
            each.state is EnvironmentState.INVOKING for each in self.pools.environments.values()
        ):
            self.console.info(
                "ending when the calls in flight have; Ctrl-C again does not wait for them"
            )


def _load_faults(settings: Settings) -> tuple[Fault, ...]:
    """Return the faults of the scenario that was asked for, if one was."""
    if settings.scenario is None:
        return ()
    from emulator.invoke.scenarios import plan

    return plan.load(settings.scenario)


def _make_clock(*, jumps: bool) -> Clock:
    if not jumps:
        return SystemClock()
    from emulator.model.jumping_clock import JumpingClock

    return JumpingClock()


async def _nothing() -> None: ...


def _return_memory() -> None:
    """Give back to the system what only the start needed, where the C library does that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _make_temporary() -> TemporaryFolder:
    try:
        return TemporaryFolder.make()
    except OSError as error:
        raise ConfigurationError(f"no temporary folder: {error.strerror or error}") from error


def _code_roots(settings: Settings) -> set[Path]:
    """Return the folders whose code clients may have served live."""
    named = [Path(each) for each in settings.allow_code]
    served = [path if path.is_dir() else path.parent for path in settings.functions]
    return {Path(os.path.realpath(path)) for path in (Path.cwd(), *served, *named)}


def _make_code_folder(state: Path) -> Path:
    folder = state / "code"
    try:
        private_state(state)
        private_folder(folder)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(f"can't keep state in {state}: {reason}") from error
    return folder
