"""The composition root: the only place that wires the parts, and starts and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from emulator.control.context import Services
from emulator.control.lambda_ import code, provisioned
from emulator.control.sqs.delivery import QueueTarget
from emulator.control.sqs.queues import Sqs
from emulator.driver.base import Driver
from emulator.edge.aws import AwsDoor
from emulator.edge.function_url import FunctionUrlDoor
from emulator.edge.gateway import AsgiApp, Gateway
from emulator.edge.guard import Guard
from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.invoker import Invoker
from emulator.model.clock import Clock, SystemClock
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.pool.environ import SdkAccess
from emulator.pool.pool import Pools, PoolSettings
from emulator.pool.provisioned import Provisioning
from emulator.pool.states import State
from emulator.queues.engine import Engine
from emulator.registry.functions import Registry
from emulator.registry.keeper import Keeper
from emulator.registry.loading import load
from emulator.settings import Settings
from emulator.store.blobs import Blobs
from emulator.store.store import Store
from emulator.telemetry.logs import Logs

if TYPE_CHECKING:
    from emulator.control.folder import Folder
    from emulator.control.watching import Watching


class Emulator:
    """One emulator: everything between its socket and its sandboxes."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, driver: Driver | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.socket = _bind(settings.host, settings.port)
        self.port: int = self.socket.getsockname()[1]
        self._temporary: Path | None = None
        self.state = settings.state or self._make_temporary()
        code_folder = self.state / "code"
        code_folder.mkdir(parents=True, exist_ok=True)
        self.logs = Logs(self.clock)
        self.store = self._open_store(settings.state)
        self._keeper = Keeper(self.store.documents if settings.state else None)
        self.registry = Registry(self._keeper)
        self.driver = driver or make_driver(settings, self.state)
        self.pools = Pools(
            self.driver,
            self.logs,
            self.clock,
            PoolSettings(
                idle_timeout=settings.idle_timeout,
                max_environments=settings.max_environments,
                sdk=SdkAccess(endpoint_url=self.endpoint if settings.inject_endpoint else None),
            ),
        )
        self.provisioning = Provisioning(self.pools)
        self.registry.on_retired += [self.pools.retire, self.provisioning.retire]
        self.admission = Admission(self.registry, settings.account_concurrency)
        self.invoker = Invoker(self.registry, self.admission, self.pools)
        self.queues = Engine(self.store.messages, self.clock)
        self.sqs = Sqs(self.queues)
        self.asynchronous = AsynchronousInvokes(
            self.registry, self.invoker, self.clock, retry_scale=settings.async_retry_scale
        )
        self.asynchronous.destinations.targets["sqs"] = QueueTarget(self.sqs)
        self.services = Services(
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
            blobs=Blobs(self.state / "blobs"),
            code_folder=code_folder,
            strict=settings.strict,
            complain=lambda text: self._complain(text),
        )
        self._complain: Callable[[str], None] = lambda text: None
        self.gateway = Gateway(
            guard=Guard(settings.allow_hosts, settings.allow_origins),
            aws=AwsDoor(self.services, account=settings.account, region=settings.region),
            urls=FunctionUrlDoor(self.services),
            admin=self._make_admin,
        )
        self.folder = self._make_folder(settings.functions) if settings.functions else None
        #: What this machine or this emulator can't do as asked, to be shown once.
        self.notes: list[str] = []
        self._stopping = asyncio.Event()
        self._stop_now = asyncio.Event()

    @property
    def endpoint(self) -> str:
        """Where clients on this machine reach it."""
        return f"http://localhost:{self.port}"

    def _make_temporary(self) -> Path:
        self._temporary = Path(tempfile.mkdtemp(prefix="localfaas-"))
        # Sandboxes run as another user, who must be able to come this far.
        self._temporary.chmod(0o711)
        return self._temporary

    def _open_store(self, folder: Path | None) -> Store:
        try:
            return Store.open(folder)
        except BaseException:
            self.socket.close()
            raise

    def _make_folder(self, path: Path) -> Folder:
        from emulator.control.folder import Folder

        return Folder(
            path,
            registry=self.registry,
            clock=self.clock,
            check_runtime=self.driver.check_runtime,
            account=self.settings.account,
            region=self.settings.region,
            strict=self.settings.strict,
        )

    def _make_admin(self) -> AsgiApp:
        from emulator.edge.admin import make_admin

        return make_admin(self.services, self.stop, self._stopping)

    def stop(self) -> None:
        """Ask for the end: the first time to drain, the second at once."""
        (self._stop_now if self._stopping.is_set() else self._stopping).set()

    async def run(
        self,
        on_ready: Callable[[], None] = lambda: None,
        *,
        say: Callable[[str], None] = lambda text: None,
        complain: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Serve until :meth:`stop`, SIGTERM or Ctrl-C; returns when nothing is left.

        Args:
            say: Told what the emulator does by itself (reloads), for people.
            complain: Told what it could not do, for people.

        Raises:
            ConfigurationError: The driver can't work here, or the functions' folder is wrong.
        """
        server = _Server(
            uvicorn.Config(
                self.gateway,
                http="httptools",
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=int(self.settings.drain_seconds) + 1,
            )
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Only the main thread of a process can take signals; elsewhere ``stop`` is called.
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.stop)
        self._complain = complain
        serving: asyncio.Task[None] | None = None
        watching: Watching | None = None
        preparing: asyncio.Task[None] | None = None
        try:
            self.pools.opened.clear()
            codes = await load(self.registry, self._keeper, self.services.code_folder)
            await code.restore(self.services, codes)
            provisioned.resume(self.services)
            if self.folder is not None:
                self.notes += self.folder.load()
            # Answer already while the driver looks at the machine: only cold starts wait for it.
            await self.queues.resume()
            await self.sqs.resume()
            await self.asynchronous.open(self.queues)
            serving = loop.create_task(server.serve(sockets=[self.socket]))
            await self.driver.open()
            self.pools.opened.set()
            self.notes += self.driver.notes()
            if self.settings.driver == "auto":
                self.notes.append("Functions run as processes: the Docker driver is not served.")
            on_ready()
            # What has been imported by now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            preparing = loop.create_task(self._prepare(complain))
            if self.folder is not None and self.settings.watch:
                from emulator.control.watching import Watching

                watching = Watching(self.folder, say=say, complain=complain)
                watching.start()
            stopping = loop.create_task(self._stopping.wait())
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if any(each.state is State.INVOKING for each in self.pools.environments.values()):
                say("ending when the calls in flight have; Ctrl-C again does not wait for them")
        finally:
            if watching is not None:
                await watching.stop()
            if preparing is not None:
                preparing.cancel()
                await asyncio.gather(preparing, return_exceptions=True)
            self.pools.opened.set()
            await self._close(server, serving)

    async def _prepare(self, complain: Callable[[str], None]) -> None:
        """Have sandboxes ready for the functions there are, so that the first call is quick."""
        for runtime in {function.latest.runtime for function in self.registry.all()} - {""}:
            try:
                await self.driver.prepare(runtime)
            except (ConfigurationError, DriverFault) as error:
                complain(str(error))

    async def _close(self, server: _Server, serving: asyncio.Task[None] | None) -> None:
        server.should_exit = True
        draining = asyncio.gather(
            self.asynchronous.close(), self.pools.drain(self.settings.drain_seconds)
        )
        now = asyncio.ensure_future(self._stop_now.wait())
        await asyncio.wait((draining, now), return_when=asyncio.FIRST_COMPLETED)
        server.force_exit = self._stop_now.is_set()
        now.cancel()
        draining.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await draining
        # What still runs must not be taken for failed when its environment is stopped.
        self.asynchronous.cancel()
        await self.asynchronous.close()
        # No long poll may hold up the end.
        self.queues.drain()
        for task in list(self.services.background):
            task.cancel()
        await asyncio.gather(*self.services.background, return_exceptions=True)
        await self.provisioning.close()
        await self.pools.close()
        await self.driver.close()
        if serving is not None:
            await serving
        await self.sqs.close()
        await self.queues.close()
        await self.store.close()
        self.socket.close()
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, True)


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: ours drains first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_driver(settings: Settings, state: Path) -> Driver:
    """Return the driver a user asked for.

    Raises:
        ConfigurationError: There is no such driver, or it can't serve a whole emulator yet.
    """
    # "auto" means Docker where it serves, which is nowhere yet.
    if settings.driver in ("process", "auto"):
        from emulator.driver.process import ProcessDriver

        return ProcessDriver(
            state=state,
            strict=settings.strict,
            bootstrap=settings.bootstrap,
            stem_cells=settings.stem_cells,
        )
    raise ConfigurationError(
        f"the {settings.driver} driver can't serve an emulator yet: use --driver process"
    )


def _bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigurationError: The address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"can't listen on {host}:{port}: {error.strerror}. Is another emulator running? "
            "Choose another port with --port."
        ) from error
    bound.listen(1024)
    bound.setblocking(False)
    return bound
