"""What a pod gets once it has called: its supervisor, a runtime that waits, then its function."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from emulator.driver.callbacks import CallbackServer, watch_over
from emulator.driver.conventions import EXTENSIONS, extension_environ, find_extensions
from emulator.driver.kubernetes import programs
from emulator.driver.kubernetes.conversation import Conversation
from emulator.driver.kubernetes.pod import (
    BOOTSTRAP_FOLDER,
    CODE,
    CODE_FOLDER,
    HOME,
    LAYERS,
    LAYERS_FOLDER,
    SDK_FOLDER,
)
from emulator.driver.kubernetes.sandbox import Plan, PodOfOurs, PodSandbox
from emulator.driver.kubernetes.tools import Tools
from emulator.driver.kubernetes.ways import LOST_S, need_direct
from emulator.driver.languages.table import language, sdk_of
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec

#: Seconds a runtime has to call: interpreters take their time on a busy node.
_CALL = 20.0
#: Seconds a supervisor has to take code; more for each byte.
_FILL, _BYTES_A_SECOND = 10.0, 5e6
#: AWS's figures inside an environment, recorded.
_LIMITS = {"RLIMIT_NOFILE": 1024, "RLIMIT_NPROC": 742}


class Filling:
    """Fills pods over their supervisors' connections.

    Args:
        tools: What the pods are made with.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def equip(
        self,
        sandbox: PodSandbox,
        connection: socket.socket,
        is_over: Callable[[Conversation, bool], None],
    ) -> None:
        """Give a pod that has called its supervisor and what all functions have.

        Args:
            sandbox: The pod's.
            connection: To its first lines.
            is_over: Told of the end of the conversation, and whether its machine was out of reach.

        Raises:
            DriverFault: It does not answer.
        """
        tools, pod = self._tools, sandbox.pod
        folder = tools.bootstraps / pod.plan.language
        code = next(folder.glob("pod_supervisor.*")).read_bytes()
        conversation = Conversation(
            connection, sandbox.outputs, sandbox.process_ended, sandbox.count
        )
        sandbox.conversation = conversation
        conversation.over.add_done_callback(lambda over: is_over(conversation, over.result()))
        pod.hello = await conversation.begin(code)
        if tools.way.is_direct:
            pod.address = pod.address or str(connection.getpeername()[0])
        shipped = [(BOOTSTRAP_FOLDER, [(folder, "")])]
        if sdk_of(pod.plan.language) and not pod.hello["has_sdk"]:
            shipped.append((SDK_FOLDER, sdk_of(pod.plan.language)))
            pod.sdk = True
        for at, sources in shipped:
            await self._put(conversation, at, sources)

    async def _put(
        self, conversation: Conversation, at: str, sources: list[tuple[Path, str]]
    ) -> None:
        parcel = await self._tools.parcels.of(sources)
        await conversation.ask("put", parcel, at=at, patience=_FILL + parcel.size / _BYTES_A_SECOND)

    async def start_runtime(self, sandbox: PodSandbox, doing: str = "start", **order: Any) -> None:
        """Have a runtime started that has a channel of its own to the emulator.

        Args:
            sandbox: Whose runtime it is.
            doing: The order that starts it.
            **order: The rest of the order.

        Raises:
            DriverFault: It could not be started, or did not call.
        """
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
            await give_up(calling)
        channel.setblocking(False)
        watch_over_all(channel)
        sandbox.channel = channel

    def check(self, plan: Plan, spec: EnvironmentSpec) -> None:
        """Return if a pod of ``plan`` can become ``spec``, before one is taken for it.

        Raises:
            DriverFault: It would have to call the emulator, and can't.
        """
        if find_extensions(spec.layers):
            need_direct(self._tools.way, "extensions")
        if _needs_fresh_process(plan, spec):
            _, on_channel = programs.program(plan, spec.environ, spec.handler)
            if not on_channel:
                need_direct(
                    self._tools.way, "runtimes that a variable of this function starts afresh"
                )

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
        environ = dict(spec.environ) | {"AWS_LAMBDA_RUNTIME_API": runtime_api(spec, pod)}
        found = list(find_extensions(list(reversed(spec.layers))))
        if found:
            await self._extend(stem, found, environ)
        if _needs_fresh_process(stem.pod.plan, spec):
            await self._start_afresh(stem, environ, spec.handler)
            return
        order: dict[str, Any] = {"environ": environ, "cwd": CODE, "handler": spec.handler}
        order["limits"] = _LIMITS
        if pod.sdk:
            order["packages"] = f"{HOME}/{SDK_FOLDER}"
        assert stem.channel is not None
        line = f"{json.dumps(order)}\n".encode()
        if found:
            stem.order_channel = stem.channel.dup()
            stem.start_runtime = partial(_tell, stem.order_channel, line)
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
        # All that ends from now on is the new one's, whose end may come with its process id.
        stem.inner_pid = 0
        if stem.channel is not None:
            stem.channel.close()
            stem.channel = None
        arguments, on_channel = programs.program(stem.pod.plan, environ, handler)
        order: dict[str, Any] = {"arguments": arguments, "environ": dict(environ), "cwd": CODE}
        if on_channel:
            await self.start_runtime(stem, "run", **order)
            return
        answer = await stem.conversation.ask("run", token="", limits=_LIMITS, **order)
        stem.inner_pid = int(answer["pid"])

    async def _extend(self, stem: PodSandbox, found: list[str], environ: Mapping[str, str]) -> None:
        assert stem.conversation is not None
        loop = asyncio.get_running_loop()
        stem.host = stem.pod.address  # where they listen for telemetry
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


def runtime_api(spec: EnvironmentSpec, pod: PodOfOurs) -> str:
    """Return where a pod's runtime finds its API: by the name that only this pod resolves."""
    return f"{pod.secret_host}:{spec.runtime_api.rpartition(':')[2]}"


def watch_over_all(connection: socket.socket) -> None:
    """Learn within seconds that a connection's other machine is gone, where it is one of TCP."""
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        watch_over(connection, LOST_S)


async def give_up(calling: asyncio.Future[socket.socket]) -> None:
    """Wait no longer for a connection; close one that nobody has taken."""
    if not calling.done():
        calling.cancel()
        await asyncio.wait({calling})


def _tell(end: socket.socket, line: bytes) -> None:
    """Send a bootstrap its line on a socket of our own."""
    with end, suppress(OSError):  # what has ended says so another way
        end.sendall(line)


def _needs_fresh_process(plan: Plan, spec: EnvironmentSpec) -> bool:
    known = language(plan.language)
    return known is not None and known.needs_fresh_process(spec.environ)
