"""Shipped fakes: a clock that is moved by hand, and a driver whose runtimes are scripted."""

from __future__ import annotations

import asyncio
import heapq
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from emulator.driver.base import Sandbox, Settle
from emulator.model.console import Progress
from emulator.model.errors import DriverFault, LocalfaasError
from emulator.model.sandbox import EnvironmentSpec, Exit, Usage


@dataclass(order=True, slots=True)
class _Due:
    when: float
    tie: int
    call: Callable[..., Any] = field(compare=False)
    args: tuple[Any, ...] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """A clock that stands still until :meth:`advance` moves it. Seconds."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._epoch = now
        self._elapsed = 0.0
        self._due: list[_Due] = []
        self._ties = count()

    def now(self) -> float:
        return self._epoch + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self.call_later(seconds, _wake, woken)
        try:
            await woken
        finally:
            due.cancel()

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> _Due:
        due = _Due(self._elapsed + max(0.0, seconds), next(self._ties), call, args)
        heapq.heappush(self._due, due)
        return due

    async def advance(self, seconds: float) -> None:
        """Move on by ``seconds``: run what falls due in order, each time until the loop is idle."""
        until = self._elapsed + seconds
        await until_idle()
        while self._due and self._due[0].when <= until:
            due = heapq.heappop(self._due)
            self._elapsed = max(self._elapsed, due.when)
            if not due.cancelled:
                due.call(*due.args)
                await until_idle()
        self._elapsed = until
        await until_idle()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


#: Turns of the loop after which something is held to go round in circles.
_MOST_TURNS = 100_000
#: How many tasks wait for each loop to be idle.
_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


async def until_idle(patience_s: float = 0.0) -> None:
    """Run the event loop until no callback is due and no file descriptor is ready.

    Timers do not count: those of a :class:`FakeClock` are run by :meth:`FakeClock.advance`. Nor
    does what other threads have not answered yet.

    Args:
        patience_s: Seconds to wait for the kernel once nothing is due. What goes over a Unix
            socket or a pipe is there at once; TCP on a busy machine may be a little later.

    Raises:
        RuntimeError: The loop does not come to rest, or is none of asyncio's own.
    """
    loop = asyncio.get_running_loop()
    # No public interface tells what a loop has to do.
    due = getattr(loop, "_ready", None)
    selector = getattr(loop, "_selector", None)
    if due is None or selector is None:
        raise RuntimeError(f"{type(loop).__name__} does not tell what is due")
    _waiting[loop] = _waiting.get(loop, 0) + 1
    try:
        for _ in range(_MOST_TURNS):
            await asyncio.sleep(0)
            # Others that wait for the same are always due.
            if len(due) < _waiting[loop] and not selector.select(patience_s):
                return
    finally:
        _waiting[loop] -= 1
    raise RuntimeError("the event loop does not come to rest")


class RuntimeClient:
    """The runtime's side of the Runtime API, for scripts of :class:`ScriptedDriver`."""

    def __init__(self, sandbox: ScriptedSandbox, end: socket.socket | None) -> None:
        self.sandbox = sandbox
        self.environ = sandbox.spec.environ
        self._end: socket.socket | None = end
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._others: list[RuntimeClient] = []

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the control plane sends over the connection that is open."""
        assert self._reader is not None, "nothing was sent yet"
        return self._reader

    @property
    def writer(self) -> asyncio.StreamWriter:
        """What is written to the connection that is open, however malformed."""
        assert self._writer is not None, "nothing was sent yet"
        return self._writer

    async def another(self) -> RuntimeClient:
        """Return a client with a connection of its own: another worker of the same runtime."""
        host, _, port = self.sandbox.spec.runtime_api.rpartition(":")
        other = RuntimeClient(self.sandbox, None)
        other._reader, other._writer = await asyncio.open_connection(host, int(port))
        self._others.append(other)
        return other

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Make one call; returns (status, headers in lower case, body)."""
        await self.send(method, path, body, headers)
        return await self.receive()

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._end)
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: runtime\r\n{extra}"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()

    async def receive(self) -> tuple[int, dict[str, str], bytes]:
        status = int((await self.reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.strip().lower()] = value.strip()
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return status, headers, body

    async def next(self) -> tuple[str, bytes]:
        """Wait for an invocation; returns its request id and payload."""
        _, headers, payload = await self.call("GET", "invocation/next")
        return headers["lambda-runtime-aws-request-id"], payload

    async def respond(self, request_id: str, body: bytes) -> int:
        """Answer an invocation with a whole response."""
        return (await self.call("POST", f"invocation/{request_id}/response", body))[0]

    def print(self, text: str) -> None:
        """Write to the function's stdout."""
        os.write(self.sandbox.stdout, text.encode())

    def close(self) -> None:
        for client in (self, *self._others):
            if client._writer is not None:
                client._writer.close()
            elif client._end is not None:
                client._end.close()


Script = Callable[[RuntimeClient], Awaitable[Exit | None]]


async def echo(runtime: RuntimeClient) -> Exit | None:
    """The script of a runtime that answers each invocation with its payload."""
    while True:
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)


class ScriptedSandbox:
    """A sandbox whose runtime process is a coroutine."""

    def __init__(self, spec: EnvironmentSpec, script: Script) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.channel: socket.socket | None = ours
        read, self.stdout = os.pipe()
        os.set_blocking(read, False)
        self.output: int | None = read
        self.output_lag = 0.0
        self.settle_output: Settle | None = None
        self.secret_host = ""
        #: A test that wants extensions puts futures here, by their names.
        self.extensions: dict[str, asyncio.Future[Exit]] = {}
        self.extension_output: int | None = None
        self.host = "127.0.0.1"
        self.ends_with_runtime = False
        #: Whether the runtime was let go on, and the signals that it got.
        self.runtime_started = False
        self.signals: list[int] = []
        self.peak = 10 * 1024 * 1024
        self.throttled = 0.0
        self.frozen = False
        self.killed = False
        self._client = RuntimeClient(self, theirs)
        self._task = asyncio.get_running_loop().create_task(self._run(script))

    async def _run(self, script: Script) -> None:
        gone = Exit(signal=9)
        try:
            gone = await script(self._client) or Exit(status=0)
        except (OSError, asyncio.IncompleteReadError, IndexError):
            gone = Exit(status=1)
        finally:
            self._client.close()
            if not self.exited.done():
                self.exited.set_result(gone)

    def memory_peak(self) -> int:
        return self.peak

    def throttled_s(self) -> float:
        return self.throttled

    def admits(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return True

    async def kill(self) -> None:
        self.killed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def close(self) -> None:
        if self.output is not None:
            os.close(self.output)
            os.close(self.stdout)
            self.output = None
            # A runtime that was stopped before it ran has closed nothing itself.
            self._client.close()


class ScriptedDriver:
    """A driver of coroutines: every decision of the pool can be tested without a process.

    Args:
        script: What each runtime does; change it between starts to make the next one differ.
    """

    name = "scripted"
    emulates = False
    copies = False
    listen_host = "127.0.0.1"
    reach_host = "localhost"
    reach_host_is_secret = False

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.sandboxes: list[ScriptedSandbox] = []
        self.live: set[ScriptedSandbox] = set()
        #: Set to make ``start`` and ``reset`` fail.
        self.fault: LocalfaasError | None = None
        #: Awaited by each start, so that a test can hold it.
        self.gate: Callable[[], Awaitable[object]] | None = None

    async def open(self) -> None: ...

    def notes(self) -> list[str]:
        return []

    def check_runtime(self, runtime: str) -> str | None:
        return None

    def debugs(self, runtime: str) -> bool:
        return False

    def interpreter(self, runtime: str) -> Path | None:
        return None

    def check_architecture(self, architecture: str) -> str | None:
        return None

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        return True

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None: ...

    async def prepare_image(self, image: str, architecture: str) -> str:
        return image

    async def fetch(self, spec: EnvironmentSpec) -> None: ...

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        if self.gate is not None:
            await self.gate()
        if self.fault is not None:
            raise self.fault
        sandbox = ScriptedSandbox(spec, self.script)
        self.sandboxes.append(sandbox)
        self.live.add(sandbox)
        return sandbox

    async def expect_copies(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None: ...

    async def copy(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        raise DriverFault("sandboxes of this driver can't be copied")

    def start_runtime(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        sandbox.runtime_started = True

    async def signal(self, sandbox: Sandbox, number: signal.Signals) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        sandbox.signals.append(number)

    def initialised(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None: ...

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        await self.stop(sandbox)
        return await self.start(spec)

    async def kill(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        await sandbox.kill()

    async def stop(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        await sandbox.kill()
        sandbox.close()
        self.live.discard(sandbox)

    async def freeze(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        sandbox.frozen = True

    async def thaw(self, sandbox: Sandbox) -> None:
        assert isinstance(sandbox, ScriptedSandbox)
        sandbox.frozen = False

    async def usage(self, sandbox: Sandbox) -> Usage:
        assert isinstance(sandbox, ScriptedSandbox)
        return Usage(memory=sandbox.peak, memory_peak=sandbox.peak, cpu_seconds=0.0, processes=1)

    def is_sandbox(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return False

    def wind_down(self) -> None: ...

    async def close(self) -> None:
        for sandbox in list(self.live):
            await self.stop(sandbox)


class RecordingConsole:
    """A console that keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []
        self.reports: list[Progress] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def info(self, text: str) -> None:
        self.infos.append(text)

    def progress(self, progress: Progress) -> None:
        self.reports.append(progress)
