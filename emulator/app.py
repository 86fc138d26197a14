"""The composition root: the only place that wires the parts, and starts and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.code.requirements import Requirements
from emulator.driver.base import Driver
from emulator.driver.table import make_driver
from emulator.edge.aws_handler import AwsDoor
from emulator.edge.guard import Guard
from emulator.edge.http_fronts.function_url import FunctionUrlDoor
from emulator.edge.listener import Front
from emulator.edge.router import AsgiApp, Gateway, SandboxGateway
from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.idleness import Idleness
from emulator.invoke.invoker import Invoker
from emulator.model.clock import Clock, SystemClock
from emulator.model.errors import ConfigurationError
from emulator.pool.pools import Pools, PoolSettings
from emulator.pool.provisioned import Provisioning
from emulator.pool.states import State
from emulator.project.declared import DeclaredResources
from emulator.queues.engine import Engine
from emulator.registry.document_store import DocumentStore
from emulator.registry.functions import Registry
from emulator.registry.loading import load
from emulator.services.context import Parts
from emulator.services.lambda_.code import intake as code
from emulator.services.lambda_.concurrency import provisioned
from emulator.services.lambda_.functions import managed_instances, preparing, states
from emulator.services.sqs.delivery import QueueTarget
from emulator.services.sqs.polling import EmbeddedQueues
from emulator.services.sqs.queues import Sqs
from emulator.settings import Settings
from emulator.sources.base import Queues
from emulator.sources.pollers import Pollers
from emulator.store.blobs import Blobs
from emulator.store.store import Store
from emulator.store.temporary import TemporaryFolder
from emulator.telemetry.logs import Logs
from emulator.telemetry.recorder import Recorder

if TYPE_CHECKING:
    from emulator.driver.docker import Progress
    from emulator.project.folder import Folder
    from emulator.project.watching import Watching


class Emulator:
    """One emulator: everything between its socket and its sandboxes."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, driver: Driver | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._front = Front(settings.host, settings.port)
        self.port = self._front.port
        #: Those that serve.
        self._fronts: list[Front] = []
        self._temporary: TemporaryFolder | None = None
        # Sandboxes see it elsewhere: neither a relative path nor a link leads there from theirs.
        self.state = Path(os.path.realpath(settings.state or self._make_temporary()))
        code_folder = self._make_code_folder()
        self.store = self._open_store(settings.state)
        kept = self.store.logs
        self.logs = Logs(self.clock, None if kept is None else Recorder(kept, self.clock))
        self._documents = DocumentStore(self.store.documents if settings.state else None)
        self.registry = Registry(self._documents)
        #: What this machine or this emulator can't do as asked, to be shown once.
        self.notes: list[str] = []
        self._progress: Callable[[Progress], None] = lambda progress: None
        if driver is None:
            driver, note = make_driver(settings, self.state, lambda p: self._progress(p))
            self.notes += [note] if note else []
        self.driver = driver
        self.pools = Pools(
            self.driver,
            self.logs,
            self.clock,
            PoolSettings(
                idle_timeout=settings.idle_timeout,
                max_environments=settings.max_environments,
                limit_cpu=settings.cpu_limit == "aws",
                freeze=self.driver.name == "docker" if settings.freeze is None else settings.freeze,
            ),
        )
        self.packages = Requirements(self.driver.interpreter, say=lambda text: self._say(text))
        self.pools.packages = self.packages.layer
        self.provisioning = Provisioning(self.pools)
        self.registry.on_retired += [self.pools.retire, self.provisioning.retire]
        self.admission = Admission(self.registry, settings.account_concurrency)
        idleness = Idleness(self.registry, self.clock, settings.inactive_after)
        self.invoker = Invoker(self.registry, self.admission, self.pools, idleness)
        self.queues = Engine(self.store.messages, self.clock)
        self.sqs = Sqs(self.queues)
        self.asynchronous = AsynchronousInvokes(
            self.registry, self.invoker, self.clock, retry_scale=settings.async_retry_scale
        )
        self.asynchronous.destinations.targets["sqs"] = QueueTarget(self.sqs)
        self.pollers = Pollers(
            self.registry,
            self.invoker,
            self.clock,
            self._polled_queues(),
            complain=lambda text: self._complain(text),
        )
        self.parts = Parts(
            clock=self.clock,
            logs=self.logs,
            registry=self.registry,
            driver=self.driver,
            pools=self.pools,
            admission=self.admission,
            invoker=self.invoker,
            asynchronous=self.asynchronous,
            sqs=self.sqs,
            provisioning=self.provisioning,
            sources=self.pollers,
            blobs=Blobs(self.state / "blobs"),
            code_folder=code_folder,
            strict=settings.strict,
            transition_seconds=settings.transition_seconds,
            complain=lambda text: self._complain(text),
        )
        idleness.wake = partial(states.wake, self.parts)
        self._complain: Callable[[str], None] = lambda text: None
        self._say: Callable[[str], None] = lambda text: None
        self._guard = Guard(settings.allow_hosts, settings.allow_origins)
        aws = AwsDoor(self.parts, account=settings.account, region=settings.region)
        self.resources = DeclaredResources(
            aws.call, self.registry, account=settings.account, region=settings.region
        )
        self.gateway = Gateway(
            guard=self._guard,
            aws=aws,
            urls=FunctionUrlDoor(self.parts),
            admin=self._make_admin,
        )
        self.folder = self._make_folder(settings.functions) if settings.functions else None
        self._stopping = asyncio.Event()
        self._stop_now = asyncio.Event()

    @property
    def endpoint(self) -> str:
        """Where clients on this machine reach it."""
        return f"http://localhost:{self.port}"

    def _make_temporary(self) -> Path:
        try:
            self._temporary = TemporaryFolder.make()
        except OSError as error:
            self._front.abandon()
            raise ConfigurationError(f"no temporary folder: {error.strerror or error}") from error
        return self._temporary.path

    def _make_code_folder(self) -> Path:
        folder = self.state / "code"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._front.abandon()
            reason = error.strerror or error
            raise ConfigurationError(f"can't keep state in {self.state}: {reason}") from error
        return folder

    def _open_store(self, folder: Path | None) -> Store:
        try:
            return Store.open(folder, durability=self.settings.durability)
        except BaseException:
            self._front.abandon()
            raise

    def _make_folder(self, path: Path) -> Folder:
        from emulator.project.folder import Folder

        return Folder(
            path,
            registry=self.registry,
            clock=self.clock,
            check_runtime=self.driver.check_runtime,
            account=self.settings.account,
            region=self.settings.region,
            endpoint=self.endpoint,
            strict=self.settings.strict,
        )

    def _make_admin(self) -> AsgiApp:
        from emulator.edge.admin import make_admin

        return make_admin(self.parts, self.stop, self._stopping)

    def stop(self) -> None:
        """Ask for the end: the first time to drain, the second at once."""
        (self._stop_now if self._stopping.is_set() else self._stopping).set()

    async def run(
        self,
        on_ready: Callable[[], None] = lambda: None,
        *,
        say: Callable[[str], None] = lambda text: None,
        complain: Callable[[str], None] = lambda text: None,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Serve until :meth:`stop`, SIGTERM, SIGHUP or Ctrl-C; returns when nothing is left.

        Args:
            say: Told what the emulator does by itself (reloads), for people.
            complain: Told what it could not do, for people.
            progress: Told how far an image is that functions wait for.

        Raises:
            ConfigurationError: The driver can't work here, or the functions' folder is wrong.
        """
        loop = asyncio.get_running_loop()
        signals = [signal.SIGINT, signal.SIGTERM]
        # The terminal was closed; not under nohup.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signals.append(signal.SIGHUP)
        for number in signals:
            # Only the main thread of a process can take signals; elsewhere ``stop`` is called.
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.stop)
        self._complain, self._progress, self._say = complain, progress, say
        watching: Watching | None = None
        ahead: asyncio.Task[None] | None = None
        try:
            self.pools.opened.clear()
            await self.logs.open()
            codes = await load(self.registry, self._documents, self.parts.code_folder)
            await code.restore(self.parts, codes)
            provisioned.resume(self.parts)
            managed_instances.resume(self.parts)
            if self.folder is not None:
                self.notes += self.folder.load()
            # Answer already while the driver looks at the machine: only cold starts wait for it.
            await self.queues.resume()
            await self.sqs.resume()
            await self.asynchronous.open(self.queues)
            self.pollers.resume()
            if self.folder is not None:
                await self.resources.apply(self.folder.found)
            self._serve(self._front, self.gateway)
            await self.driver.open()
            self._serve_sandboxes()
            self.pools.opened.set()
            self.notes += self.driver.notes()
            await preparing.look(self.parts, self.registry.all())
            on_ready()
            # What has been imported by now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            ahead = loop.create_task(self._prepare())
            if self.folder is not None and self.settings.watch:
                from emulator.project.watching import Watching

                watching = Watching(
                    self.folder, say=say, complain=complain, follow=self._follow_folder
                )
                watching.start()
            stopping = loop.create_task(self._stopping.wait())
            serving = [front.serving for front in self._fronts if front.serving is not None]
            await asyncio.wait([*serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if any(each.state is State.INVOKING for each in self.pools.environments.values()):
                say("ending when the calls in flight have; Ctrl-C again does not wait for them")
        finally:
            if watching is not None:
                await watching.stop()
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            self.pools.opened.set()
            await self._close()

    def _serve(self, front: Front, app: AsgiApp) -> None:
        self._fronts.append(front)
        front.serve(app, drain_seconds=self.settings.drain_seconds)

    def _polled_queues(self) -> Queues:
        own = EmbeddedQueues(self.sqs)
        if self.settings.sqs_endpoint is None:
            return own
        from emulator.sources.remote import OwnAndRemoteQueues, RemoteQueues

        remote = RemoteQueues(self.settings.sqs_endpoint, self.clock)
        return OwnAndRemoteQueues(own, remote)

    def _serve_sandboxes(self) -> None:
        """Let sandboxes find this emulator: at an address of its own where they need one.

        Raises:
            ConfigurationError: The port is taken there.
        """
        port = self.port
        self._guard.admit(self.driver.reach_host)
        if not self._front.covers(self.driver.listen_host):
            secret_host = self.driver.reach_host if self.driver.reach_host_is_secret else ""
            own = self._front_at(self.driver.listen_host)
            port = own.port
            self._serve(own, SandboxGateway(self.gateway, secret_host))
        if self.settings.inject_endpoint:
            url = f"http://{self.driver.reach_host}:{port}"
            self.pools.settings = replace(self.pools.settings, endpoint_url=url)

    def _front_at(self, host: str) -> Front:
        """Listen at ``host`` on the clients' port; where any will do, on a free one at least."""
        try:
            return Front(host, self.port)
        except ConfigurationError:
            if self.settings.port:
                raise
            return Front(host, 0)

    def _follow_folder(self) -> None:
        """Make what the folder declares now, in the background."""

        async def follow() -> None:
            assert self.folder is not None
            try:
                await self.resources.apply(self.folder.found)
            except ConfigurationError as error:
                self._complain(str(error))

        self.parts.spawn(follow())

    async def _prepare(self) -> None:
        """Have ready what the functions there are need, so that the first call is quick."""
        functions = self.registry.all()
        await preparing.prepare(self.parts, functions, self.notes)
        await self.packages.prepare([each.latest for each in functions], self._complain)

    async def _close(self) -> None:
        for front in self._fronts:
            front.end()
        draining = asyncio.gather(
            self.pollers.close(),
            self.asynchronous.close(),
            self.pools.drain(self.settings.drain_seconds),
        )
        now = asyncio.ensure_future(self._stop_now.wait())
        await asyncio.wait(
            (draining, now),
            timeout=self.settings.drain_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for front in self._fronts:
            front.end(now=self._stop_now.is_set())
        now.cancel()
        draining.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await draining
        # What still runs must not be taken for failed when its environment is stopped.
        self.pollers.cancel()
        self.asynchronous.cancel()
        await asyncio.gather(self.pollers.close(), self.asynchronous.close())
        # No long poll may hold up the end.
        self.queues.drain()
        for task in list(self.parts.background):
            task.cancel()
        await asyncio.gather(*self.parts.background, return_exceptions=True)
        await self.packages.close()
        await self.provisioning.close()
        await self.pools.close()
        await self.driver.close()
        for front in self._fronts:
            await front.close()
        await self.sqs.close()
        await self.queues.close()
        await self.logs.close()
        await self.store.close()
        self._front.abandon()
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.remove)
