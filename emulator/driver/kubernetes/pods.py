"""Makes, fills, restarts and removes the driver's pods."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from emulator.driver import cgroups
from emulator.driver.callbacks import CallbackServer, watch_over
from emulator.driver.conventions import EXTENSIONS, extension_environ, find_extensions
from emulator.driver.kubernetes import names, programs, status
from emulator.driver.kubernetes.cluster import Cluster, ClusterFault
from emulator.driver.kubernetes.conversation import Conversation
from emulator.driver.kubernetes.logs import follow
from emulator.driver.kubernetes.parcels import Parcels
from emulator.driver.kubernetes.pod import (
    BOOTSTRAP_FOLDER,
    CODE,
    CODE_FOLDER,
    CONTAINER,
    HOME,
    LAYERS,
    LAYERS_FOLDER,
    SDK_FOLDER,
    PodRequest,
    body,
)
from emulator.driver.kubernetes.sandbox import Plan, PodOfOurs, PodSandbox
from emulator.driver.kubernetes.watch import PodWatch
from emulator.driver.kubernetes.ways import LOST_S, Way
from emulator.driver.languages.table import needs_fresh_process, sdk_of
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.errors import DriverFault, PullFault
from emulator.model.sandbox import EnvironmentSpec

#: Seconds a pod has to call, an image's pull included: SDKs wait 60 for an answer, then ask again.
PATIENCE = 40.0
#: Seconds in which a node may come that takes a pod.
_UNSCHEDULED = 8.0
#: Seconds a runtime has to call: interpreters take their time on a busy node.
_CALL = 20.0
#: Seconds for which a node that was out of reach gets no pods.
_AVOIDED = 60.0
#: Seconds a supervisor has to take code; more for each byte.
_FILL, _BYTES_A_SECOND = 10.0, 5e6
#: Seconds before another try to remove what the API did not remove.
_RETRIES = (0.5, 2.0, 8.0)
#: Removals at once.
_CONCURRENCY = 4
#: AWS's figures inside an environment, recorded.
_LIMITS = {"RLIMIT_NOFILE": 1024, "RLIMIT_NPROC": 742}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What pods are made with."""

    cluster: Cluster
    watch: PodWatch
    way: Way
    parcels: Parcels
    #: The folder with a folder of bootstraps per language.
    bootstraps: Path
    #: The user's, checked.
    template: Mapping[str, Any]
    #: What every pod carries.
    labels: Mapping[str, str]
    owners: tuple[Mapping[str, Any], ...]
    #: Of pods' names; this instance's own.
    prefix: str
    clock: Clock
    console: Console
    #: Pods' user ids follow from numbers, which begin here.
    first_number: int


class Pods:
    """The pods of one driver.

    Args:
        tools: What they are made with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._count = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        self._closing = False
        self._may_resize = True
        #: Those that are neither removed nor being removed.
        self.alive: set[PodSandbox] = set()
        #: By name, until when a node is avoided.
        self._avoided: OrderedDict[str, float] = OrderedDict()

    # Making

    def is_stem(self, plan: Plan) -> bool:
        """Say whether the environments of ``plan`` are made of stem cells."""
        return bool(plan.language)

    async def make_stem(self, plan: Plan) -> PodSandbox:
        """Start a pod whose supervisor has a runtime wait for its function.

        Raises:
            DriverFault: It could not be started, or did not call.
        """
        return await self._guarded(self._make_stem(plan))

    async def _make_stem(self, plan: Plan) -> PodSandbox:
        tools, token = self._tools, CallbackServer.make_token()
        loader = next((tools.bootstraps / plan.language).glob("pod_loader.*"))
        command = programs.stem_command(plan, loader, tools.way.place(token))
        extra = programs.container_of(plan).supervisor_mb
        sandbox, request = self._request(plan, stem=True, command=command, extra_mb=extra)
        calling = tools.way.connection(request.name, token)
        try:
            await self._create(sandbox, request)
            connection = await self._connection(sandbox, calling)
            watch_over_all(connection)
            await self._equip(sandbox, connection)
            await self._start_runtime(sandbox)
        except BaseException:
            self.remove(sandbox)
            raise
        finally:
            await _give_up(calling)
        return sandbox

    async def _equip(self, sandbox: PodSandbox, connection: socket.socket) -> None:
        """Give a pod that has called its supervisor and what all functions have."""
        tools, pod = self._tools, sandbox.pod
        folder = tools.bootstraps / pod.plan.language
        code = next(folder.glob("pod_supervisor.*")).read_bytes()
        conversation = Conversation(
            connection, sandbox.outputs, sandbox.process_ended, sandbox.count
        )
        sandbox.conversation = conversation
        conversation.over.add_done_callback(
            lambda over: self._is_over(conversation, out_of_reach=over.result())
        )
        pod.hello = await conversation.begin(code)
        if tools.way.is_direct:
            pod.address = pod.address or str(connection.getpeername()[0])
        shipped = [(BOOTSTRAP_FOLDER, [(folder, "")])]
        if sdk_of(pod.plan.language) and not pod.hello["has_sdk"]:
            shipped.append((SDK_FOLDER, sdk_of(pod.plan.language)))
            pod.sdk = True
        for at, sources in shipped:
            await self._put(conversation, at, sources)

    def _is_over(self, conversation: Conversation, *, out_of_reach: bool) -> None:
        for sandbox in list(self.alive):
            if sandbox.conversation is conversation:
                sandbox.gone(out_of_reach=out_of_reach)

    async def _put(
        self, conversation: Conversation, at: str, sources: list[tuple[Path, str]]
    ) -> None:
        parcel = await self._tools.parcels.of(sources)
        await conversation.ask("put", parcel, at=at, patience=_FILL + parcel.size / _BYTES_A_SECOND)

    async def _start_runtime(self, sandbox: PodSandbox, doing: str = "start", **order: Any) -> None:
        """Have a runtime started that has a channel of its own to the emulator."""
        assert sandbox.conversation is not None
        token = CallbackServer.make_token()
        calling = self._tools.way.connection(sandbox.pod.name, token)
        try:
            answer = await sandbox.conversation.ask(doing, token=token, limits=_LIMITS, **order)
            sandbox.inner_pid = int(answer["pid"])
            channel = await asyncio.wait_for(asyncio.shield(calling), _CALL)
        except TimeoutError:
            raise DriverFault(f"the runtime of {sandbox.pod.name} did not call") from None
        finally:
            await _give_up(calling)
        channel.setblocking(False)
        watch_over_all(channel)
        sandbox.channel = channel

    def _request(
        self, plan: Plan, *, stem: bool, extra_mb: int = 0, **fields: Any
    ) -> tuple[PodSandbox, PodRequest]:
        tools = self._tools
        self._count += 1
        name = f"{tools.prefix}-{self._count}"
        secret_host = names.secret_name()
        request = PodRequest(
            name=name,
            image=plan.image,
            labels=dict(tools.labels) | fields.pop("labels", {}),
            memory_mb=plan.memory_mb + extra_mb,
            storage_mb=plan.storage_mb,
            architecture=plan.architecture,
            number=tools.first_number + self._count,
            is_stem=stem,
            hosts=tools.way.hosts(secret_host),
            avoid=self._avoid(),
            owners=tools.owners,
            spread={names.INSTANCE: tools.labels[names.INSTANCE]},
            **fields,
        )
        pod = PodOfOurs(name=name, plan=plan, stem=stem, secret_host=secret_host)
        sandbox = PodSandbox(pod)
        sandbox.on_lost = partial(self._lost, pod)
        return sandbox, request

    async def _create(self, sandbox: PodSandbox, request: PodRequest) -> None:
        self.alive.add(sandbox)
        self._tools.watch.listen(request.name, sandbox.pod_changed)
        await self._tools.cluster.ask("POST", "pods", body(request, self._tools.template))

    async def _connection(
        self, sandbox: PodSandbox, calling: asyncio.Future[socket.socket]
    ) -> socket.socket:
        """Wait until a pod calls.

        Raises:
            DriverFault: It ended, won't start, or does not in time.
        """
        await self._until(sandbox, calling.done, calling)
        connection = calling.result()
        connection.setblocking(False)
        return connection

    async def _until(
        self,
        sandbox: PodSandbox,
        ready: Callable[[], bool],
        event: asyncio.Future[Any] | None = None,
    ) -> None:
        """Wait until ``ready``; look at what the API says meanwhile."""
        clock, watch, name = self._tools.clock, self._tools.watch, sandbox.pod.name
        begun = clock.monotonic()
        waited: set[asyncio.Future[Any]] = {sandbox.exited} | ({event} if event else set())
        while not ready():
            pod, elapsed = watch.of(name), clock.monotonic() - begun
            reason = status.trouble(pod)
            if reason:
                kind = PullFault if status.is_of_image(reason) else DriverFault
                raise kind(f"the pod {name} of {sandbox.pod.plan.image} does not start: {reason}")
            unfit = status.unschedulable(pod)
            if unfit and elapsed > _UNSCHEDULED:
                raise DriverFault(f"no node takes the pod {name}: {unfit}")
            if sandbox.exited.done():
                raise DriverFault(
                    f"the pod {name} of {sandbox.pod.plan.image} ended{_said(sandbox)}"
                )
            if elapsed > PATIENCE:
                raise DriverFault(
                    f"the pod {name} of {sandbox.pod.plan.image} does not run yet: try again"
                )
            # Kubelets report in steps of a second: no need to look more often.
            await asyncio.wait(waited, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)

    # Filling

    async def specialise(self, stem: PodSandbox, spec: EnvironmentSpec) -> None:
        """Make a stem cell the environment of ``spec``.

        Raises:
            DriverFault: It can't be; the pod is of no use any more.
        """
        pod, conversation = stem.pod, stem.conversation
        assert conversation is not None
        if not pod.filled:
            if spec.code is not None:
                await self._put(conversation, CODE_FOLDER, [(spec.code, "")])
            if spec.layers:
                layers = [(folder, "") for folder in spec.layers]
                await self._put(conversation, LAYERS_FOLDER, layers)
            pod.filled = True
            self._spawn(self._relabel(pod, spec))
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": self._runtime_api(spec, pod)}
        found = list(find_extensions(list(reversed(spec.layers))))
        if found:
            await self._extend(stem, found, environ)
        if needs_fresh_process(spec.environ):
            await self._start_afresh(stem, environ, spec.handler)
            return
        order: dict[str, Any] = {"environ": environ, "cwd": CODE, "handler": spec.handler}
        order["limits"] = _LIMITS
        if pod.sdk:
            order["packages"] = f"{HOME}/{SDK_FOLDER}"
        assert stem.channel is not None
        line = f"{json.dumps(order)}\n".encode()
        if found:
            stem.start_runtime = partial(_tell, stem.channel.dup(), line)
            return
        try:
            await asyncio.get_running_loop().sock_sendall(stem.channel, line)
        except OSError as error:
            raise DriverFault(f"the runtime of {pod.name} is gone: {error}") from error

    async def _start_afresh(
        self, stem: PodSandbox, environ: Mapping[str, str], handler: str
    ) -> None:
        """Start the runtime as a program, for variables that only a new process reads."""
        assert stem.conversation is not None
        stem.inner_pid = -1  # the end of what has waited means nothing
        await stem.conversation.ask("kill")
        if stem.channel is not None:
            stem.channel.close()
            stem.channel = None
        arguments, on_channel = programs.program(stem.pod.plan, environ, handler)
        order: dict[str, Any] = {"arguments": arguments, "environ": dict(environ), "cwd": CODE}
        if on_channel:
            await self._start_runtime(stem, "run", **order)
            return
        if not self._tools.way.is_direct:
            raise DriverFault(
                "a variable of this function needs a runtime that calls the emulator, and pods have"
                " no way to it: name the address at which they reach it with --advertise-host"
            )
        answer = await stem.conversation.ask("run", token="", limits=_LIMITS, **order)
        stem.inner_pid = int(answer["pid"])

    async def _extend(self, stem: PodSandbox, found: list[str], environ: Mapping[str, str]) -> None:
        assert stem.conversation is not None
        loop = asyncio.get_running_loop()
        stem.extensions = {name: loop.create_future() for name in found}
        stem.open_extension_output()
        for name in found:
            await stem.conversation.ask(
                "extend",
                name=name,
                arguments=[f"{LAYERS}/{EXTENSIONS}/{name}"],
                environ=extension_environ(environ),
                cwd="/",
            )

    def _runtime_api(self, spec: EnvironmentSpec, pod: PodOfOurs) -> str:
        return f"{pod.secret_host}:{spec.runtime_api.rpartition(':')[2]}"

    async def _relabel(self, pod: PodOfOurs, spec: EnvironmentSpec) -> None:
        """Say on the pod what it runs: for people, and for network policies."""
        with suppress(DriverFault):
            await self._tools.cluster.ask(
                "PATCH",
                f"pods/{pod.name}",
                {"metadata": {"labels": _function_labels(spec)}},
                content_type="application/merge-patch+json",
            )

    # CPU

    def limit_cpu(self, sandbox: PodSandbox, spec: EnvironmentSpec) -> None:
        """Give a pod the share of CPU it is to have; soon, as far as this user may."""
        quota = cgroups.cpu_quota(spec)
        if quota is not None and self._may_resize:
            self._spawn(self._limit_cpu(sandbox.pod, quota / cgroups.CPU_PERIOD))

    async def _limit_cpu(self, pod: PodOfOurs, cpus: float) -> None:
        limits = {"cpu": f"{max(1, round(cpus * 1000))}m"}
        try:
            await self._tools.cluster.ask(
                "PATCH",
                f"pods/{pod.name}/resize",
                {"spec": {"containers": [{"name": CONTAINER, "resources": {"limits": limits}}]}},
                content_type="application/strategic-merge-patch+json",
            )
        except ClusterFault as fault:
            if fault.status in (403, 404, 405) and not pod.removed:
                self._may_resize = False  # the user may not, or the cluster is too old
                self._tools.console.warn(
                    f"pods are not limited to their share of CPU ({fault}): this needs the right"
                    " to patch pods/resize, and Kubernetes 1.33"
                )

    # Images

    async def make(self, plan: Plan, spec: EnvironmentSpec) -> PodSandbox:
        """Start a pod for an image function alone, which connects to its listener.

        Raises:
            DriverFault: It could not be started.
        """
        return await self._guarded(self._make(plan, spec))

    async def _make(self, plan: Plan, spec: EnvironmentSpec) -> PodSandbox:
        if not self._tools.way.is_direct:
            raise DriverFault(
                "functions of images call the emulator, and pods have no way to it: name the"
                " address at which they reach this machine with --advertise-host"
            )
        config = spec.image_config
        sandbox, request = self._request(
            plan,
            stem=False,
            command=list(config.entrypoint) or None,
            arguments=list(config.command) or None,
            working_directory=config.working_directory,
            labels=_function_labels(spec),
            secret=f"{self._tools.prefix}-{self._count + 1}",
        )
        pod = sandbox.pod
        pod.secret = request.secret
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": self._runtime_api(spec, pod)}
        for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ"):
            environ.pop(name, None)  # the image's own count
        try:
            await self._create_secret(pod.secret, environ)
            await self._create(sandbox, request)
            self._spawn(follow(self._tools.cluster, sandbox))
            # An end of what the user gave is no fault of the pod's: its sandbox tells of it.
            await self._until(
                sandbox,
                lambda: sandbox.exited.done() or _has_started(self._tools.watch.of(pod.name)),
            )
        except BaseException:
            self.remove(sandbox)
            raise
        return sandbox

    async def _create_secret(self, name: str, environ: Mapping[str, str]) -> None:
        """Keep a function's variables where only those who may read secrets see them."""
        metadata = {
            "name": name,
            "labels": dict(self._tools.labels),
            "ownerReferences": [dict(owner) for owner in self._tools.owners],
        }
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": environ}
        await self._tools.cluster.ask("POST", "secrets", secret)

    # Nodes

    def _lost(self, pod: PodOfOurs) -> None:
        """Give a node that does not answer no pods for a while: the API tells late."""
        if pod.node:
            self._avoided[pod.node] = self._tools.clock.monotonic() + _AVOIDED

    def _avoid(self) -> list[str]:
        now = self._tools.clock.monotonic()
        for node, until in list(self._avoided.items()):
            if until < now:
                del self._avoided[node]
        return list(self._avoided)

    # Starting anew

    async def restart(self, sandbox: PodSandbox) -> PodSandbox:
        """Kill all processes of a pod and have a new runtime wait; its /tmp stays.

        Raises:
            DriverFault: It can't be; the pod is gone then.
        """
        return await self._guarded(self._restart(sandbox))

    async def _restart(self, sandbox: PodSandbox) -> PodSandbox:
        conversation = sandbox.conversation
        assert conversation is not None
        anew = PodSandbox(sandbox.pod)
        anew.on_lost = sandbox.on_lost
        self.alive.add(anew)
        try:
            sandbox.killed = True
            await conversation.ask("kill")
            sandbox.conversation = None
            self.alive.discard(sandbox)
            conversation.turn_to(anew.outputs, anew.process_ended, anew.count)
            anew.conversation = conversation
            self._tools.watch.listen(anew.pod.name, anew.pod_changed)
            sandbox.close()
            await self._start_runtime(anew)
        except BaseException:
            self.remove(anew)
            sandbox.close()
            raise
        return anew

    # Removing

    def remove(self, sandbox: PodSandbox) -> None:
        """Remove the pod and all it had, off the critical path. Idempotent."""
        self.alive.discard(sandbox)
        if not sandbox.pod.removed:
            sandbox.pod.removed = True
            sandbox.killed = True
            self._spawn(self._remove(sandbox))

    async def _remove(self, sandbox: PodSandbox) -> None:
        pod = sandbox.pod
        out_of_reach = sandbox.exited.done() and pod.node in self._avoided
        if sandbox.channel is not None and not sandbox.handed_out:
            sandbox.channel.close()
        if sandbox.conversation is not None:
            sandbox.conversation.tell("end")
            await asyncio.wait({sandbox.conversation.over}, timeout=1.0)
        self._tools.watch.forget(pod.name)
        sandbox.close()
        await self._delete("pods", pod.name, grace_s=0 if out_of_reach else 1)
        if pod.secret:
            await self._delete("secrets", pod.secret)

    async def _delete(self, kind: str, name: str, grace_s: int | None = None) -> None:
        query = {} if grace_s is None else {"gracePeriodSeconds": str(grace_s)}
        for pause in (*_RETRIES, None):
            try:
                async with self._slots:
                    await self._tools.cluster.ask("DELETE", f"{kind}/{name}", query=query)
                return
            except ClusterFault as fault:
                # What is left at last the driver's `close`, or the next start, removes by labels.
                if fault.status == 404 or pause is None or self._closing:
                    return
                await self._tools.clock.sleep(pause)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, making: Coroutine[Any, Any, PodSandbox]) -> PodSandbox:
        """Await ``making`` to its end even if the caller is cancelled: nothing is left behind."""
        task = self._spawn(making)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unwanted)
            raise

    def _unwanted(self, task: asyncio.Task[PodSandbox]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.remove(task.result())

    async def close(self) -> None:
        """Remove every pod and wait until the API has been told of all."""
        self._closing = True
        while self._tasks or self.alive:
            for sandbox in list(self.alive):
                self.remove(sandbox)
            await asyncio.gather(*self._tasks, return_exceptions=True)


def watch_over_all(connection: socket.socket) -> None:
    """Learn within seconds that a connection's other machine is gone, where it is one of TCP."""
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        watch_over(connection, LOST_S)


async def _give_up(calling: asyncio.Future[socket.socket]) -> None:
    """Wait no longer for a connection; close one that nobody has taken."""
    if not calling.done():
        calling.cancel()
        await asyncio.wait({calling})


def _function_labels(spec: EnvironmentSpec) -> dict[str, str]:
    return {
        names.FUNCTION: names.label_value(spec.function_name),
        names.VERSION: names.label_value(spec.function_version),
    }


def _has_started(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed")


def _tell(end: socket.socket, line: bytes) -> None:
    """Send a bootstrap its line on a socket of our own."""
    with end, suppress(OSError):  # what has ended says so another way
        end.sendall(line)


def _said(sandbox: PodSandbox) -> str:
    """Return the last words of a pod that did not come up."""
    text = b""
    if sandbox.output is not None:
        with suppress(OSError):
            text = os.read(sandbox.output, 2000)
    return f": {text.decode(errors='replace').strip()}" if text.strip() else ""
