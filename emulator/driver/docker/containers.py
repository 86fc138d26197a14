"""Makes, starts, restarts and removes the driver's containers."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulator.driver import cgroups
from emulator.driver.docker import body, launch
from emulator.driver.docker.answers import AttachedOutput, EngineFault, ImageInfo
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.images import Images, Plan
from emulator.driver.docker.labels import POOL
from emulator.driver.docker.network import HOST_NAME, Network
from emulator.driver.docker.output import OutputPump
from emulator.driver.docker.removals import Removals
from emulator.driver.docker.sandbox import Container, DockerSandbox
from emulator.driver.docker.volumes import ShippedFiles
from emulator.driver.docker.workspace import LocalFiles, Workspace
from emulator.model.clock import Clock
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec, Exit

#: Seconds a bootstrap has to connect once its container runs.
_CONNECT = 20.0
#: /tmp of a stem cell; another size is made on use.
STEM_STORAGE_MB = 512


class Containers:
    """The containers of one driver.

    Args:
        engine: Where they run.
        images: Where their images come from.
        network: What they are attached to.
        local: The files of this machine; None where the engine can't see them.
        shipped: The files on the engine, then.
        labels: What every container carries.
        prefix: Of their names; this instance's own.
        bootstraps: The folder with a folder of bootstraps per language.
        init: The engine has an init to put in front.
        clock: For the pauses between attempts to remove.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        images: Images,
        network: Network,
        local: LocalFiles | None,
        shipped: ShippedFiles,
        labels: Mapping[str, str],
        prefix: str,
        bootstraps: Path,
        init: bool,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._images = images
        self._network = network
        self._local = local
        self._shipped = shipped
        self._labels = dict(labels)
        self._prefix = prefix
        self._bootstraps = bootstraps
        self._init = init
        self._count = 0
        self._removals = Removals(engine, local, clock)

    def is_stem(self, plan: Plan, spec: EnvironmentSpec | None = None) -> bool:
        """Say whether environments of ``plan``, or the one of ``spec``, can be stem cells."""
        able = bool(plan.language) and self._local is not None
        return able and (spec is None or launch.is_stem(spec, plan))

    # Making

    async def make_stem(self, plan: Plan) -> DockerSandbox:
        """Start a generic container whose bootstrap waits for its function.

        Raises:
            DriverFault: It could not be started, or its bootstrap did not connect.
        """
        return await self._guarded(self._make_stem(plan))

    async def _make_stem(self, plan: Plan) -> DockerSandbox:
        assert self._local is not None
        image = await self._images.ensure(plan)
        workspace = await self._local.make(STEM_STORAGE_MB)
        mounts = [*workspace.mounts(), *await self._runtime(plan, image, workspace, self._local)]
        how = launch.stem(plan, image)
        return await self._create(plan, how, mounts, workspace, pool=plan.image, stem=True)

    async def make(self, plan: Plan, spec: EnvironmentSpec) -> DockerSandbox:
        """Start a container for ``spec`` alone, which connects to its listener.

        Raises:
            DriverFault: It could not be started.
        """
        return await self._guarded(self._make(plan, spec))

    async def _make(self, plan: Plan, spec: EnvironmentSpec) -> DockerSandbox:
        if self._local is None:
            # Our bootstraps are in the images that are built here, with a start command.
            plan = replace(plan, language="")
        image = await self._images.ensure(plan)
        how = launch.launch(spec, plan, image, self.runtime_api(spec))
        pool = f"{spec.function_name}:{spec.function_version}"
        if how.error is not None:
            return self._stillborn(plan, *how.error)
        if self._local is None:
            mounts = await self._shipped.mounts(plan, spec.code, spec.layers)
            return await self._create(plan, how, mounts, None, pool=pool, spec=spec)
        workspace = await self._local.make(spec.ephemeral_storage_mb)
        mounts = await self._runtime(plan, image, workspace, self._local)
        opt = await self._local.merged(spec.layers)
        for source, target in ((spec.code, body.CODE), (opt, body.LAYERS)):
            if source is not None:
                mount = body.Mount(target=target, source=str(source), bind=True, read_only=True)
                mounts.append(mount)
        return await self._create(plan, how, mounts, workspace, pool=pool, spec=spec)

    def _stillborn(self, plan: Plan, kind: str, message: str) -> DockerSandbox:
        """Return what never ran: there is nothing to start."""
        container = Container(id="", name="", plan=plan, workspace=None, stem=False, removed=True)
        sandbox = DockerSandbox(container, self._engine)
        sandbox.exited.set_result(Exit(status=1, error_type=kind, message=message))
        return sandbox

    async def _runtime(
        self, plan: Plan, image: ImageInfo, workspace: Workspace, local: LocalFiles
    ) -> list[body.Mount]:
        """Return the mounts of our own bootstrap, and of what its language's images bring."""
        if not plan.language:
            return []
        bootstrap = self._bootstraps / plan.language
        shown = [(str(bootstrap), body.BOOTSTRAP)]
        # AWS's images, and those built here, say so where they bring the AWS SDK.
        if plan.language == "python" and "LAMBDA_RUNTIME_DIR" not in image.environ:
            sdk = await local.sdk()
            shown.append((str(sdk), body.RUNTIME))
        return workspace.users() + [
            body.Mount(target=target, source=source, bind=True, read_only=True)
            for source, target in shown
        ]

    def runtime_api(self, spec: EnvironmentSpec) -> str:
        """Return the environment's listener as its container reaches it."""
        return f"{self._network.reach_host}:{spec.runtime_api.rpartition(':')[2]}"

    def _temporary(self, workspace: Workspace | None) -> body.Mount:
        if workspace is not None and workspace.disk is not None:
            return body.Mount(target=body.TEMPORARY, source=str(workspace.temporary), bind=True)
        return body.Mount(target=body.TEMPORARY)

    async def _create(
        self,
        plan: Plan,
        how: launch.Launch,
        mounts: list[body.Mount],
        workspace: Workspace | None,
        *,
        pool: str,
        stem: bool = False,
        spec: EnvironmentSpec | None = None,
    ) -> DockerSandbox:
        self._count += 1
        request = body.Request(
            image=plan.image,
            entrypoint=how.entrypoint,
            command=how.command,
            labels=self._labels | {POOL: pool},
            mounts=[*mounts, self._temporary(workspace)],
            network=self._network.name,
            number=workspace.number if workspace else self._count,
            environ=how.environ,
            working_directory=how.working_directory,
            memory_mb=spec.memory_mb if spec else None,
            init=self._init,
            host_names=(HOST_NAME,),
        )
        name = f"{self._prefix}-{self._count}"
        container = Container(
            id=name, name=name, plan=plan, workspace=workspace, stem=stem, init=self._init,
            executable=how.executable, path=how.path,
        )  # fmt: skip
        sandbox = DockerSandbox(container, self._engine)
        sandbox.memory_limit = (spec.memory_mb << 20) if spec else 0
        try:
            try:
                container.id = await self._engine.create(name, body.body(request), plan.platform)
            except EngineFault as error:
                if error.status == 404:
                    self._images.forget(plan)
                raise
            await self._run(sandbox)
        except BaseException:
            self.remove(sandbox)
            raise
        return sandbox

    # Running

    async def _run(self, sandbox: DockerSandbox) -> None:
        """Start the container of ``sandbox``, whose disk is shown at its workspace."""
        container, workspace = sandbox.container, sandbox.container.workspace
        self._removals.alive.add(sandbox)
        listener: socket.socket | None = None
        attached: AttachedOutput | None = None
        if container.stem and workspace is not None:
            sandbox.output = workspace.open_output()
            listener = workspace.listen()
        else:
            attached = await self._engine.attach(container.id)
            sandbox.pump(OutputPump(attached, sandbox.gone))
        try:
            await self._engine.start(container.id)
            state = await self._engine.inspect(container.id)
            sandbox.addresses = frozenset(state.addresses.values()) | self._network.translated
            if workspace is not None:
                if self._local is not None:
                    await self._local.hide_disk(workspace)
                if state.pid:
                    sandbox.group = _group(state.pid, container.id)
                    sandbox.watch(state.pid)
                else:
                    sandbox.gone()
            if listener is not None:
                sandbox.channel = await self._connection(sandbox, listener)
        finally:
            if listener is not None:
                listener.close()

    async def _connection(self, sandbox: DockerSandbox, listener: socket.socket) -> socket.socket:
        accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(listener))
        waited: set[asyncio.Future[Any]] = {accepting, sandbox.exited}
        try:
            await asyncio.wait(waited, timeout=_CONNECT, return_when=asyncio.FIRST_COMPLETED)
            if accepting.done():
                channel, _ = accepting.result()
                if not sandbox.container.removed:
                    channel.setblocking(False)
                    return channel
                channel.close()
        finally:
            accepting.cancel()
        reason = "ended" if sandbox.exited.done() else "did not connect"
        raise DriverFault(
            f"the runtime in a container of {sandbox.container.plan.image} {reason}{_said(sandbox)}"
        )

    async def specialise(
        self, stem: DockerSandbox, spec: EnvironmentSpec, before: DockerSandbox | None = None
    ) -> None:
        """Make a stem cell the environment of ``spec``: its code, its limits, its start.

        Args:
            stem: The stem cell.
            spec: What it becomes.
            before: The environment that ended, whose /tmp it inherits.

        Raises:
            DriverFault: It can't be; the container is of no use any more.
        """
        workspace = stem.container.workspace
        assert workspace is not None
        assert self._local is not None
        assert stem.channel is not None
        await self._limit(stem, spec.memory_mb)
        inherited = before.container.workspace if before is not None else None
        if inherited is not None:
            await self._local.hand_over_disk(inherited, workspace, stem.pid or 0)
        elif spec.ephemeral_storage_mb != STEM_STORAGE_MB:
            await self._local.exchange_disk(workspace, stem.pid or 0, spec.ephemeral_storage_mb)
        await self._local.fill(workspace, stem.pid or 0, spec.code, spec.layers)
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": self.runtime_api(spec)}
        line = json.dumps({"environ": environ, "cwd": body.CODE, "handler": spec.handler})
        try:
            await asyncio.get_running_loop().sock_sendall(stem.channel, f"{line}\n".encode())
        except OSError as error:
            raise DriverFault(f"the runtime of {stem.container.name} is gone: {error}") from error

    async def _limit(self, sandbox: DockerSandbox, memory_mb: int) -> None:
        memory, quota = memory_mb << 20, cgroups.cpu_quota(memory_mb)
        sandbox.memory_limit = memory
        if sandbox.group is None:
            await self._engine.update(
                sandbox.container.id,
                memory=memory,
                cpu_period=cgroups.CPU_PERIOD,
                cpu_quota=quota,
            )
            return
        try:
            sandbox.group.limit(memory=memory)
        except OSError as error:
            raise DriverFault(f"the limits can't be set: {error}") from error

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
            if self._local is not None and container.workspace is not None:
                await self._local.show_disk(container.workspace)
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


def _group(pid: int, container: str) -> cgroups.Group | None:
    """Return the container's control group, None where this process may not change it.

    Every engine makes the container's id part of the path: elsewhere the number ``pid`` may be
    anybody's.
    """
    try:
        group = cgroups.Group.of(pid)
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
