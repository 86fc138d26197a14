"""What the driver contract suite drives sandboxes with: specs, and a Runtime API by hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import textwrap
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.driver.base import Driver, Sandbox
from emulator.driver.process.driver import ProcessDriver
from emulator.model.sandbox import EnvironmentSpec, Exit
from emulator.testing import RuntimeClient
from tests.patience import PATIENCE_S

LD_LIBRARY_PATH = (
    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
)

#: Counts the signals that it gets; its main thread is one of several that sleep.
SLEEPERS = """
import os, signal, threading
count = 0
def handle(number, frame):
    global count
    count += 1
    print("signals:", count, flush=True)
signal.signal(signal.SIGUSR1, handle)
quiet, _ = os.pipe()
for _ in range(5):
    threading.Thread(target=os.read, args=(quiet, 1), daemon=True).start()
"""


def make_spec(code: Path, **changes: Any) -> EnvironmentSpec:
    """Return a spec for the Python function in ``code``, with AWS's own environment."""
    environ: Mapping[str, str] = changes.pop("environ", {})
    handler = changes.setdefault("handler", "app.handler")
    values: dict[str, Any] = {
        "environment_id": uuid.uuid4().hex,
        "function_name": "contract",
        "function_version": "$LATEST",
        "runtime": "python3.11",
        "code": code,
        "memory_mb": 256,
        "runtime_api": "127.0.0.1:9",
        "environ": {
            "_HANDLER": handler,
            "AWS_LAMBDA_FUNCTION_NAME": "contract",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LD_LIBRARY_PATH": LD_LIBRARY_PATH,
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "TZ": ":UTC",
            **environ,
        },
    }
    return EnvironmentSpec(**{**values, **changes})


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Runtime:
    """One sandbox and the Runtime API it speaks to, over its channel or a listener."""

    driver: Driver
    sandbox: Sandbox
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    log: bytes = b""
    requests: int = field(default=0)

    @classmethod
    async def start(cls, driver: Driver, spec: EnvironmentSpec) -> Runtime:
        """Start ``spec`` and return once its runtime is connected."""
        listener = socket.create_server((driver.listen_host, 0))
        listener.setblocking(False)
        with listener:
            host, port = listener.getsockname()[:2]
            spec = with_api(spec, f"{host}:{port}")
            return await cls.of(driver, await driver.start(spec), listener)

    @classmethod
    async def of(
        cls, driver: Driver, sandbox: Sandbox, listener: socket.socket | None = None
    ) -> Runtime:
        connection = sandbox.channel
        if connection is None:
            assert listener is not None
            connection = await _accepted(sandbox, listener)
        return cls(driver, sandbox, *await asyncio.open_connection(sock=connection))

    async def request(self) -> Request:
        """Return the runtime's next request."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        self.requests += 1
        method, path, _ = first.split(" ")
        return Request(method, path.removeprefix("/2018-06-01/runtime/"), headers, body)

    async def ready(self) -> None:
        """Wait until the runtime asks for work."""
        request = await self.request()
        assert (request.method, request.path) == ("GET", "invocation/next")

    def answer(self, status: str, body: bytes = b"", headers: str = "") -> None:
        self.writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    async def send(self, event: Any, **headers: str) -> None:
        """Hand the waiting runtime an event."""
        named = {
            "Aws-Request-Id": "request-1",
            "Deadline-Ms": "99999999999999",
            "Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:contract",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"Lambda-Runtime-{name}: {value}\r\n" for name, value in named.items())
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.answer("200 OK", body, lines)
        await self.writer.drain()

    async def invoke(self, event: Any, **headers: str) -> Request:
        """Hand over an event; return the answer once the runtime waits again."""
        await self.send(event, **headers)
        answer = await self.request()
        self.answer("202 Accepted")
        await self.ready()
        return answer

    async def output(self, *until: str) -> str:
        """Return what was printed so far, once each of ``until`` is in it."""
        assert self.sandbox.output is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    part = os.read(self.sandbox.output, 65536)
                except BlockingIOError:
                    part = b""
                self.log += part
                text = self.log.decode()
                if all(piece in text for piece in until) and not part:
                    return text
                await asyncio.sleep(0.002)

    async def stop(self) -> None:
        self.writer.close()
        await self.driver.stop(self.sandbox)


async def _accepted(sandbox: Sandbox, listener: socket.socket) -> socket.socket:
    """Return the runtime's connection; one that is closed already if it ended before."""
    accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(listener))
    either: set[asyncio.Future[Any]] = {accepting, sandbox.exited}
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not accepting.done():
        accepting.cancel()
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours
    connection, peer = accepting.result()
    # Where the address can't tell, the first request does (tests/unit/pool/test_runtime_api.py).
    assert sandbox.secret_host or sandbox.admits(peer[:2], connection.getsockname()[:2])
    return connection


def with_api(spec: EnvironmentSpec, address: str) -> EnvironmentSpec:
    import dataclasses

    return dataclasses.replace(spec, runtime_api=address)


def write_code(folder: Path, source: str, name: str = "app.py") -> Path:
    code = folder / f"code-{len(list(folder.iterdir()))}"
    code.mkdir()
    (code / name).write_text(textwrap.dedent(source))
    return code


def handler(body: str) -> str:
    """Return a module whose handler has ``body``."""
    return "import os, sys\ndef handler(event, context):\n" + textwrap.indent(
        textwrap.dedent(body).strip(), "    "
    )


def group_folders(driver: Driver) -> list[str]:
    """Return where a process driver has its control groups."""
    assert isinstance(driver, ProcessDriver)
    groups = driver._groups
    return [] if groups is None else [str(base) for base in groups.bases.values()]


def is_jailed(driver: Driver) -> bool:
    """Say whether functions see Lambda's own places, and nothing of the machine."""
    return driver.name in ("docker", "kubernetes") or not any(
        "namespaces" in n for n in driver.notes()
    )


def limits_memory(driver: Driver) -> bool:
    return not any("control groups" in note for note in driver.notes())


def limits_cpu_at_once(driver: Driver) -> bool:
    """Say whether the share of CPU is in force as soon as the driver is told."""
    return limits_memory(driver) and not any("share of CPU" in note for note in driver.notes())


async def ended(runtime: Runtime) -> Exit:
    return await asyncio.wait_for(asyncio.shield(runtime.sandbox.exited), PATIENCE_S)


async def run_python(client: RuntimeClient) -> Exit | None:
    """The runtime of a scripted driver: a Python function, called in this very process."""
    code = client.sandbox.spec.code
    assert code is not None
    scope: dict[str, Any] = {}
    exec((code / "app.py").read_text(), scope)
    while True:
        request_id, payload = await client.next()
        try:
            answer = scope["handler"](json.loads(payload), None)
        except SystemExit as end:
            return Exit(status=int(end.code or 0))
        await client.respond(request_id, json.dumps(answer).encode())


async def signal_thawed(driver: Driver, runtime: Runtime) -> None:
    """Signal ``SLEEPERS`` right after each of many thaws; return once all signals were handled."""
    for count in range(1, 21):
        await driver.freeze(runtime.sandbox)
        await driver.thaw(runtime.sandbox)
        await driver.signal(runtime.sandbox, signal.SIGUSR1)
        await runtime.output(f"signals: {count}\n")
