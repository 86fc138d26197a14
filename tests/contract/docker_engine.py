"""What tests need of a Docker engine: whether there is one, drivers, and a runtime's client."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import json
import os
import socket
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from docker.utils import kwargs_from_env

from emulator.driver.base import Sandbox
from emulator.driver.docker.driver import DockerDriver
from emulator.driver.docker.settings import DockerSettings
from emulator.model.sandbox import EnvironmentSpec
from tests.patience import PATIENCE_S

#: Made by tests/docker_engine.sh.
IMAGE = "localfaas-test/base:1"
#: Under this variable a missing engine is a failure.
REQUIRED = "LOCALFAAS_REQUIRE_DOCKER"
RUNTIME = "python3.11"

RUNTIMES = Path(__file__).resolve().parents[2] / "runtimes"
_HANDLER = """\
def handler(event, context):
    scope = {}
    exec(event["run"], scope)
    return scope.get("result")
"""


@contextlib.contextmanager
def refused_connections() -> Iterator[None]:
    """Collect here what the SDK leaves behind of a refused connection: an unclosed socket.

    Left to itself, the collector would find it in the middle of some other test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@functools.cache
def _missing() -> str:
    """Return why there is no engine for tests, or nothing."""
    with refused_connections():
        return _look()


def _look() -> str:
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        client = docker.APIClient(version="auto", timeout=int(PATIENCE_S), **kwargs_from_env())
        try:
            client.inspect_image(IMAGE)  # type: ignore[no-untyped-call]
        finally:
            client.close()
    except ImageNotFound:
        return f"the image {IMAGE} is missing: run tests/docker_engine.sh"
    except DockerException as error:
        return f"no Docker engine answers ({error})"
    return ""


def need_engine() -> None:
    """Skip the test where there is no engine; fail where one is required."""
    reason = _missing()
    if reason:
        unavailable(reason)


def unavailable(reason: str) -> NoReturn:
    """Skip for want of something of engines; fail where all of it is required."""
    (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, and let what goes on in the background go on."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 (engines tell nobody)
            await asyncio.sleep(0.05)


class TrackingDriver(DockerDriver):
    """Closes the channels, which are its caller's, when it is closed."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._channels: list[socket.socket] = []

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        return self._track(await super().start(spec))

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        return self._track(await super().reset(sandbox, spec))

    def _track(self, sandbox: Sandbox) -> Sandbox:
        if sandbox.channel is not None:
            self._channels.append(sandbox.channel)
        return sandbox

    async def close(self) -> None:
        await super().close()
        for channel in self._channels:
            channel.close()


def make_driver(
    bootstraps: Path = RUNTIMES, environ: Mapping[str, str] = os.environ, **settings: Any
) -> DockerDriver:
    """Return a driver, not open yet, whose Python functions run in the tests' image."""
    own: dict[str, Any] = {"images": {RUNTIME: IMAGE}, "stems": 1}
    return TrackingDriver(
        DockerSettings(**own | settings), bootstraps=bootstraps, environ=dict(environ)
    )


@asynccontextmanager
async def open_driver(**settings: Any) -> AsyncIterator[DockerDriver]:
    driver = make_driver(**settings)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


def make_spec(code: Path | None, **fields: Any) -> EnvironmentSpec:
    """Return the spec of a function that executes the Python text it is sent."""
    if code is not None and not (code / "app.py").exists():
        (code / "app.py").write_text(_HANDLER)
        code.chmod(0o755)  # as the code of a function is: its user is not ours
    own: dict[str, Any] = {
        "environment_id": uuid.uuid4().hex,
        "function_name": "probe",
        "function_version": "$LATEST",
        "runtime": RUNTIME,
        "handler": "app.handler",
        "code": code,
        "environ": {"PATH": "/usr/bin:/bin", "AWS_REGION": "eu-west-1"},
        "runtime_api": "172.17.0.1:9001",
    }
    return EnvironmentSpec(**own | fields)


class Runtime:
    """The control plane's end of a sandbox's channel."""

    def __init__(
        self, sandbox: Sandbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.sandbox = sandbox
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, sandbox: Sandbox) -> Runtime:
        """Wait until the runtime has asked for its first invocation."""
        assert sandbox.channel is not None
        runtime = cls(sandbox, *await asyncio.open_connection(sock=sandbox.channel))
        await runtime._message()
        return runtime

    async def run(self, text: str) -> Any:
        """Execute Python text in the sandbox and return what it calls ``result``."""
        self.send(text)
        return await self.answered()

    async def answered(self) -> Any:
        """Wait for the answer to what was sent."""
        answer = await self._message()
        self._writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        await self._message()
        return json.loads(answer)

    def send(self, text: str) -> None:
        """Start an invocation without waiting for its end."""
        event = json.dumps({"run": text}).encode()
        self._writer.write(
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
            b"Content-Type: application/json\r\n"
            b"Lambda-Runtime-Deadline-Ms: 99999999999999\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:0:function:probe\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(event), event)
        )

    async def _message(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                return await self._reader.readexactly(int(value))
        return b""

    def close(self) -> None:
        self._writer.close()


async def read_output(sandbox: Sandbox, until: bytes) -> bytes:
    """Read a sandbox's output until it contains ``until``, or ends."""
    assert sandbox.output is not None
    found = b""
    loop = asyncio.get_running_loop()
    while until not in found:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(sandbox.output, ready.set_result, None)
        try:
            await ready
        finally:
            loop.remove_reader(sandbox.output)
        piece = os.read(sandbox.output, 65536)
        if not piece:
            break
        found += piece
    return found
