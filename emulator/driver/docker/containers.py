"""Makes, starts, restarts and removes the driver's containers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from emulator.driver import cgroups, link_local
from emulator.driver.callbacks import CallbackServer
from emulator.driver.conventions import extension_environ, find_extensions
from emulator.driver.docker import extensions, launch, paths
from emulator.driver.docker.create_request import CreateRequest, Mount
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.files import STEM_STORAGE_MB, Files, temporary
from emulator.driver.docker.images import Images, Plan
from emulator.driver.docker.labels import POOL
from emulator.driver.docker.network import Network
from emulator.driver.docker.output import OutputPump
from emulator.driver.docker.removals import Removals
from emulator.driver.docker.responses import EngineFault, ImageInfo
from emulator.driver.docker.sandbox import Container, DockerSandbox
from emulator.driver.docker.workspace import Workspace
from emulator.driver.leaving import until_free
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.debugging import DEBUG, PUBLISHED, TAKEN, is_free
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec, Exit

#: Seconds a bootstrap has to connect once its container runs.
_CONNECT = 20.0
#: Seconds that a container may take until its removal begins, and the engine, after its end, to
#: leave a debugger's port to the next.
_PATIENCE = 5.0


class Containers:
    """The containers of one driver.

    Args:
        engine: Where they run.
        images: Where their images come from.
        network: What they are attached to.
        files: What they are shown.
        labels: What every container carries.
        prefix: Of their names; this instance's own.
        limits_later: Limits can be given to a container that runs, as a stem cell needs.
        has_rules: The networks of containers can be given rules.
        closes_link_local: Link-local addresses are closed to containers.
        clock: For the pauses between attempts to remove.
        console: Told what this kernel can't do.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        images: Images,
        network: Network,
        files: Files,
        labels: Mapping[str, str],
        prefix: str,
        limits_later: bool,
        has_rules: bool,
        closes_link_local: bool,
        clock: Clock,
        console: Console,
    ) -> None:
        self._engine = engine
        self._images = images
        self._network = network
        self._files = files
        self._labels = dict(labels)
        self._prefix = prefix
        self._init = engine.info.init
        self.limits_later = limits_later
        self._has_rules = has_rules
        self._closes_link_local = closes_link_local
        #: By the id of an image, the extensions that it has.
        self._in_images: dict[str, Sequence[str]] = {}
        self._count = 0
        #: By the port of a debugger, the container that has it; None while that is made.
        self._ports: dict[int, DockerSandbox | None] = {}
        self._clock, self._console = clock, console
        self._callbacks = CallbackServer(network.listen_host)
        self._removals = Removals(engine, files.remove, clock)

    async def is_stem(self, plan: Plan, spec: EnvironmentSpec) -> bool:
        """Say whether the environment of ``spec`` can be, and had best be, a stem cell.

        Raises:
            DriverFault: Its code can't be read.
        """
        return (
            self.limits_later and launch.is_stem(spec, plan) and await self._files.suit_a_stem(spec)
        )

    # Making

    async def make_stem(self, plan: Plan) -> DockerSandbox:
        """Start a generic container whose bootstrap waits for its function.

        Raises:
            DriverFault: It could not be started, or its bootstrap did not connect.
        """
        return await self._guarded(self._make_stem(plan))

    async def _make_stem(self, plan: Plan) -> DockerSandbox:
        image = await self._images.ensure(plan, soon=True)
        workspace = await self._files.make(STEM_STORAGE_MB)
        mounts = await self._files.runtime(plan, image, workspace) + self._files.stem(workspace)
        token = "" if workspace else self._callbacks.make_token()
        caller = (
            f"{self._network.reach_host}:{self._callbacks.port}/{token}" if token else paths.SOCKET
        )
        how = launch.stem(plan, image, caller)
        return await self._create(
            plan, image, how, mounts, workspace, pool=plan.image, stem=True, token=token,
            secret_host=self._network.secret_name(),
        )  # fmt: skip

    async def make(self, plan: Plan, spec: EnvironmentSpec) -> DockerSandbox:
        """Start a container for ``spec`` alone, which connects to its listener.

        Raises:
            DriverFault: It could not be started.
        """
        return await self._guarded(self._make(plan, spec))

    async def _make(self, plan: Plan, spec: EnvironmentSpec) -> DockerSandbox:
        image = await self._images.ensure(plan, soon=True)
        port, spec = await self._publish(spec)
        try:
            made = await self._make_one(plan, spec, image, port)
        except BaseException:
            self._ports.pop(port, None)
            raise
        if port:
            self._ports[port] = made
        return made

    async def _publish(self, spec: EnvironmentSpec) -> tuple[int, EnvironmentSpec]:
        """Take the port of a debugger; returns it (0: none) and what its bootstrap is told."""
        order = spec.environ.get(DEBUG, "")
        if not order:
            return 0, spec
        port, told = int(order.partition(",")[0]), PUBLISHED
        free, leaving = partial(self._is_free, port), partial(self._is_leaving, port)
        if not await until_free(free, leaving, _PATIENCE, self._clock):
            port, told = 0, TAKEN
        if port:
            self._ports[port] = None
        return port, replace(spec, environ={**spec.environ, DEBUG: f"{order},{told}"})

    def _is_free(self, port: int) -> bool:
        if port in self._ports:
            has = self._ports[port]
            if has is None or not has.exited.done():
                return False
        return is_free(port)

    def _is_leaving(self, port: int) -> bool:
        has = self._ports.get(port)
        return has is not None and has.container.removed and not has.exited.done()

    async def _make_one(
        self, plan: Plan, spec: EnvironmentSpec, image: ImageInfo, port: int
    ) -> DockerSandbox:
        secret_host = self._network.secret_name()
        how = launch.launch(spec, plan, image, self._runtime_api(spec, secret_host))
        pool = f"{spec.function_name}:{spec.function_version}"
        if how.error is not None:
            return self._stillborn(plan, *how.error)
        workspace = await self._files.make(spec.ephemeral_storage_mb)
        mounts = await self._files.runtime(plan, image, workspace)
        mounts += await self._files.code(plan, spec)
        if port:
            mounts += await self._files.debugger(plan)
        return await self._create(
            plan, image, how, mounts, workspace, pool=pool, spec=spec, secret_host=secret_host,
            port=port,
        )  # fmt: skip

    def _stillborn(self, plan: Plan, kind: str, message: str) -> DockerSandbox:
        """Return what never ran: there is nothing to start."""
        container = Container(id="", name="", plan=plan, workspace=None, stem=False, removed=True)
        sandbox = DockerSandbox(container, self._engine)
        sandbox.exited.set_result(Exit(status=1, error_type=kind, message=message))
        return sandbox

    def _runtime_api(self, spec: EnvironmentSpec, secret_host: str) -> str:
        """Return the environment's listener as its container reaches it."""
        host = secret_host or self._network.reach_host
        return f"{host}:{spec.runtime_api.rpartition(':')[2]}"

    async def _create(
        self,
        plan: Plan,
        image: ImageInfo,
        how: launch.ContainerLaunch,
        mounts: list[Mount],
        workspace: Workspace | None,
        *,
        pool: str,
        stem: bool = False,
        token: str = "",
        spec: EnvironmentSpec | None = None,
        secret_host: str = "",
        port: int = 0,
    ) -> DockerSandbox:
        self._count += 1
        request = CreateRequest(
            image=plan.image,
            entrypoint=how.entrypoint,
            command=how.command,
            labels=self._labels | {POOL: pool},
            mounts=[*mounts, temporary(workspace)],
            network=self._network.name,
            number=workspace.number if workspace else self._count,
            environ=how.environ,
            working_directory=how.working_directory,
            memory_mb=spec.memory_mb if spec else None,
            cpu_quota=cgroups.cpu_quota(spec) if spec else None,
            init=self._init,
            raises_limits=not self._engine.info.rootless,
            hosts=self._network.hosts(secret_host),
            port=port,
        )
        name = f"{self._prefix}-{self._count}"
        container = Container(
            id=name, name=name, plan=plan, workspace=workspace, stem=stem, init=self._init,
            executable=how.executable, path=how.path,
            emulation=self._images.emulation(plan.platform), secret_host=secret_host, token=token,
            port=port,
        )  # fmt: skip
        sandbox = DockerSandbox(container, self._engine)
        sandbox.memory_limit = (spec.memory_mb << 20) if spec else 0
        try:
            try:
                container.id = await self._engine.create(
                    name, request.body(), plan.platform, image.id
                )
            except EngineFault as error:
                if error.status == 404:
                    self._images.forget(plan)
                if "container-init binary" in str(error):
                    raise DriverFault(f"{error}: install Podman's init (catatonit)") from error
                raise
            if spec is not None:
                container.extensions = await self._find_extensions(spec, image, container.id)
                container.extension_environ = extension_environ(how.environ)
            await self._run(sandbox)
        except BaseException:
            self.remove(sandbox)
            raise
        return sandbox

    async def _find_extensions(
        self, spec: EnvironmentSpec, image: ImageInfo, container: str
    ) -> Sequence[str]:
        """Return the names of the extensions that an environment is to have."""
        if not spec.image:
            return list(find_extensions(list(reversed(spec.layers))))
        if image.id not in self._in_images:
            self._in_images[image.id] = await self._engine.files(container, extensions.FOLDER)
        return self._in_images[image.id]

    # Running

    async def _run(self, sandbox: DockerSandbox) -> None:
        """Start the container of ``sandbox``, whose disk is shown at its workspace."""
        container, workspace = sandbox.container, sandbox.container.workspace
        self._removals.alive.add(sandbox)
        calling: asyncio.Future[socket.socket] | None = None
        listener: socket.socket | None = None
        if container.stem and workspace is not None:
            sandbox.output = workspace.open_output()
            listener = workspace.listen()
            calling = asyncio.ensure_future(_accept(listener))
        else:
            attached = await self._engine.attach(container.id)
            sandbox.pump(OutputPump(attached, sandbox.gone))
            if container.stem:
                calling = self._callbacks.expect(container.token)
        try:
            await self._engine.start(container.id)
            state = await self._engine.inspect(container.id)
            sandbox.addresses = frozenset(state.addresses.values())
            if self._engine.address.scheme == "unix" and not self._engine.info.rootless:
                sandbox.host = next(iter(sandbox.addresses), "")
            if self._closes_link_local and state.pid:
                await self._close_link_local(state.pid)
            if self._has_rules and container.port and state.pid:
                await self._close_port(state.pid, container.port)
            if workspace is not None:
                await self._files.hide_disk(workspace)
                if state.pid:
                    if self._engine.info.limits:
                        sandbox.group = _group(state.pid, container.id)
                    sandbox.watch(state.pid)
                else:
                    sandbox.gone()
            if container.extensions and not container.stem:
                await extensions.begin(self._engine, sandbox)
            if calling is not None:
                sandbox.channel = await self._connection(sandbox, calling)
            if sandbox.group is None:
                # No report may say 0 MB: what is asked for later comes when it comes.
                await sandbox.update_peak()
        finally:
            if calling is not None:
                calling.cancel()
                await asyncio.wait({calling})
            if listener is not None:  # a task that is cancelled before it begins closes nothing
                listener.close()

    async def _close_port(self, pid: int, port: int) -> None:
        """Keep a debugger's port from the neighbours, where this kernel can."""
        try:
            await asyncio.to_thread(link_local.close_port_in_container, pid, port)
        except FileNotFoundError:
            return  # it has ended
        except OSError as error:
            self._has_rules = False
            self._console.warn(
                "other containers reach the ports of debuggers: the network of a container can't"
                f" be given rules ({error})"
            )

    async def _close_link_local(self, pid: int) -> None:
        try:
            await asyncio.to_thread(link_local.close_in_container, pid)
        except FileNotFoundError:
            return  # it has ended
        except OSError as error:
            raise DriverFault(
                f"the network of a container can't be given its rules ({error}). To leave"
                " link-local addresses open use --allow-link-local."
            ) from error

    async def _connection(
        self, sandbox: DockerSandbox, calling: asyncio.Future[socket.socket]
    ) -> socket.socket:
        waited: set[asyncio.Future[Any]] = {calling, sandbox.exited}
        await asyncio.wait(waited, timeout=_CONNECT, return_when=asyncio.FIRST_COMPLETED)
        if calling.done():
            channel = calling.result()
            if not sandbox.container.removed:
                return channel
            channel.close()
        reason = "ended" if sandbox.exited.done() else "did not connect"
        raise DriverFault(
            f"the runtime in a container of {sandbox.container.plan.image} {reason}"
            f"{_said(sandbox)}{sandbox.remark}"
        )

    async def specialise(
        self, stem: DockerSandbox, spec: EnvironmentSpec, before: DockerSandbox | None
    ) -> None:
        """Make a stem cell the environment of ``spec``: its code, its limits, its start.

        Args:
            stem: The stem cell.
            spec: What it becomes.
            before: The environment that ended, whose /tmp it inherits; None for a fresh one.

        Raises:
            DriverFault: It can't be; the container is of no use any more.
        """
        assert stem.channel is not None
        if stem.group is None:  # the engine may be asked for both
            await asyncio.gather(
                self._limit(stem, spec.memory_mb), self._files.fill(stem, spec, before)
            )
        else:
            await self._limit(stem, spec.memory_mb)
            await self._files.fill(stem, spec, before)
        api = self._runtime_api(spec, stem.container.secret_host)
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": api}
        line = json.dumps({"environ": environ, "cwd": paths.CODE, "handler": spec.handler})
        found = list(find_extensions(list(reversed(spec.layers))))
        if found:
            stem.container.extensions = found
            stem.container.extension_environ = extension_environ(environ)
            await extensions.begin(self._engine, stem)
            stem.order_channel = stem.channel.dup()
            stem.start_runtime = partial(_tell, stem.order_channel, f"{line}\n".encode())
            return
        try:
            await asyncio.get_running_loop().sock_sendall(stem.channel, f"{line}\n".encode())
        except OSError as error:
            raise DriverFault(f"the runtime of {stem.container.name} is gone: {error}") from error

    async def _limit(self, sandbox: DockerSandbox, memory_mb: int) -> None:
        memory = sandbox.memory_limit = memory_mb << 20
        if not self._engine.info.limits:
            return
        if sandbox.group is None:
            await self._engine.limit_memory(sandbox.container.id, memory)
            return
        try:
            sandbox.group.limit(memory=memory)
        except OSError as error:
            raise DriverFault(f"the limits can't be set: {error}") from error

    def limit_cpu(self, sandbox: DockerSandbox, spec: EnvironmentSpec) -> None:
        """Give the container the share of CPU it is to have; soon, where by the engine."""
        quota = cgroups.cpu_quota(spec)
        if quota is None:
            return
        if sandbox.group is None:
            # Else it has its share from the start, or none.
            if self._engine.info.limits and self._engine.info.updates:
                self._removals.spawn(self._limit_cpu(sandbox.container.id, quota))
            return
        # A group that is just being removed needs no share any more.
        with suppress(FileNotFoundError):
            sandbox.group.limit_cpu(quota)

    async def _limit_cpu(self, container: str, quota: int) -> None:
        with suppress(DriverFault):  # it has ended, or its end will show what is wrong
            await self._engine.limit_cpu(container, cgroups.CPU_PERIOD, quota)

    def can_hand_over(self, sandbox: DockerSandbox) -> bool:
        """Say whether a stem cell can take the place of ``sandbox`` and its /tmp."""
        workspace = sandbox.container.workspace
        return sandbox.container.stem and workspace is not None and workspace.disk is not None

    async def restart(self, sandbox: DockerSandbox) -> DockerSandbox:
        """Start the container anew; its /tmp stays.

        Raises:
            DriverFault: It could not be; the container is gone then.
        """
        return await self._guarded(self._restart(sandbox))

    async def _restart(self, sandbox: DockerSandbox) -> DockerSandbox:
        container = sandbox.container
        anew = DockerSandbox(container, self._engine)
        try:
            await sandbox.kill()
            # The kernel knows of the end before the engine does, which would not start twice.
            await self._engine.wait(container.id, _CONNECT)
            if container.workspace is not None:
                await self._files.show_disk(container.workspace)
            await self._run(anew)
        except BaseException:
            sandbox.close()
            self.remove(anew)
            raise
        self._removals.alive.discard(sandbox)
        sandbox.close()
        return anew

    # Removing

    def remove(self, sandbox: DockerSandbox) -> None:
        """Remove the container and all it had, off the critical path. Idempotent."""
        self._removals.remove(sandbox)

    async def _guarded(self, making: Coroutine[Any, Any, DockerSandbox]) -> DockerSandbox:
        """Await ``making`` to its end even if the caller is cancelled: nothing is left behind."""
        task = self._removals.spawn(making)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unwanted)
            raise

    def _unwanted(self, task: asyncio.Task[DockerSandbox]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.remove(task.result())

    async def close(self) -> None:
        """Remove every container and wait until all are gone."""
        await self._removals.close()
        await self._callbacks.close()


def _tell(end: socket.socket, line: bytes) -> None:
    """Send a bootstrap its line on a socket of our own."""
    with end, suppress(OSError):  # what has ended says so another way
        end.sendall(line)


async def _accept(listener: socket.socket) -> socket.socket:
    """Return the one connection that ``listener`` is for, and close it."""
    with listener:
        channel, _ = await asyncio.get_running_loop().sock_accept(listener)
    channel.setblocking(False)
    return channel


def _group(pid: int, container: str) -> cgroups.Group | None:
    """Return the container's control group, None where this process may not change it.

    Every engine makes the container's id part of the path: elsewhere the number ``pid`` may be
    anybody's.
    """
    try:
        group = cgroups.Group.of(pid).around(container)
    except (OSError, KeyError):
        return None
    folders = set(group.folders.values())
    ours = all(container in str(folder) for folder in folders)
    if ours and group.can_freeze and all(os.access(f / "cgroup.procs", os.W_OK) for f in folders):
        return group
    return None


def _said(sandbox: DockerSandbox) -> str:
    """Return the last words of a runtime that did not come up."""
    try:
        text = os.read(sandbox.output or -1, 2000).decode(errors="replace").strip()
    except OSError:
        text = ""
    return f": {text}" if text else ""
