"""Makes, starts anew and removes the driver's pods."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from emulator.driver.callbacks import CallbackServer
from emulator.driver.kubernetes import names, programs, status
from emulator.driver.kubernetes.amendments import Amendments, function_labels
from emulator.driver.kubernetes.cluster import ClusterFault
from emulator.driver.kubernetes.conversation import Conversation
from emulator.driver.kubernetes.filling import Filling, give_up, runtime_api, watch_over_all
from emulator.driver.kubernetes.logs import follow
from emulator.driver.kubernetes.pod import PodRequest, body
from emulator.driver.kubernetes.sandbox import Plan, PodOfOurs, PodSandbox
from emulator.driver.kubernetes.tools import Tools
from emulator.driver.kubernetes.ways import need_direct
from emulator.model.errors import DriverFault, PullFault
from emulator.model.sandbox import EnvironmentSpec

#: Seconds a pod has to call, an image's pull included: SDKs wait 60 for an answer, then ask again.
PATIENCE = 40.0
#: Seconds in which a node may come that takes a pod.
_UNSCHEDULED = 8.0
#: Seconds for which a node that was out of reach gets no pods.
_AVOIDED = 60.0
#: Seconds before another try to remove what the API did not remove.
_RETRIES = (0.5, 2.0, 8.0)
#: Removals at once.
_CONCURRENCY = 4


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
        self._filling = Filling(tools)
        self._amendments = Amendments(tools)
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
            await self._filling.equip(sandbox, connection, self._is_over)
            await self._filling.start_runtime(sandbox)
        except BaseException:
            self.remove(sandbox)
            raise
        finally:
            await give_up(calling)
        return sandbox

    def _is_over(self, conversation: Conversation, out_of_reach: bool) -> None:
        for sandbox in list(self.alive):
            if sandbox.conversation is conversation:
                sandbox.gone(out_of_reach=out_of_reach)

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

    def check(self, plan: Plan, spec: EnvironmentSpec) -> None:
        """Return if a stem cell of ``plan`` can become ``spec``.

        Raises:
            DriverFault: None can.
        """
        self._filling.check(plan, spec)

    async def specialise(self, stem: PodSandbox, spec: EnvironmentSpec) -> None:
        """Make a stem cell the environment of ``spec``.

        Raises:
            DriverFault: It can't be; the pod is of no use any more.
        """
        is_new = not stem.pod.filled
        await self._filling.specialise(stem, spec)
        if is_new:
            self._amendments.label(stem.pod, spec)

    def limit_cpu(self, sandbox: PodSandbox, spec: EnvironmentSpec) -> None:
        """Give a pod the share of CPU it is to have; soon, as far as this user may."""
        self._amendments.limit_cpu(sandbox.pod, spec)

    # Images

    async def make(self, plan: Plan, spec: EnvironmentSpec) -> PodSandbox:
        """Start a pod for an image function alone, which connects to its listener.

        Raises:
            DriverFault: It could not be started.
        """
        return await self._guarded(self._make(plan, spec))

    async def _make(self, plan: Plan, spec: EnvironmentSpec) -> PodSandbox:
        need_direct(self._tools.way, "functions of images")
        config = spec.image_config
        sandbox, request = self._request(
            plan,
            stem=False,
            command=list(config.entrypoint) or None,
            arguments=list(config.command) or None,
            working_directory=config.working_directory,
            labels=function_labels(spec),
            secret=f"{self._tools.prefix}-{self._count + 1}",
        )
        pod = sandbox.pod
        pod.secret = request.secret
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": runtime_api(spec, pod)}
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
            await self._filling.start_runtime(anew)
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
        await self._amendments.close()
        while self._tasks or self.alive:
            for sandbox in list(self.alive):
                self.remove(sandbox)
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _has_started(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed")


def _said(sandbox: PodSandbox) -> str:
    """Return the last words of a pod that did not come up."""
    text = b""
    if sandbox.output is not None:
        with suppress(OSError):
            text = os.read(sandbox.output, 2000)
    return f": {text.decode(errors='replace').strip()}" if text.strip() else ""
