"""InvokeWithResponseStream through boto3: bytes arrive while the handler still runs."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.model.limits import STREAMED_RESPONSE
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create

PRELUDE = "application/vnd.awslambda.http-integration-response"


class Writer:
    """A runtime's streamed response: one chunked POST."""

    def __init__(self, runtime: RuntimeClient, request_id: str) -> None:
        self._runtime, self._id = runtime, request_id

    async def begin(self, content_type: str = "application/octet-stream") -> None:
        writer = self._runtime._writer
        assert writer is not None
        self._writer = writer
        writer.write(
            f"POST /2018-06-01/runtime/invocation/{self._id}/response HTTP/1.1\r\nHost: runtime\r\n"
            f"Content-Type: {content_type}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    async def write(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self, error_type: str = "", error: dict[str, Any] | None = None) -> int:
        trailer = ""
        if error_type:
            body = base64.b64encode(json.dumps(error).encode()).decode()
            trailer = (
                f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
                f"Lambda-Runtime-Function-Error-Body: {body}\r\n"
            )
        self._writer.write(f"0\r\n{trailer}\r\n".encode())
        await self._writer.drain()
        return (await self._runtime.receive())[0]


class Stage:
    """An emulator whose one function does what ``script`` says, and events to wait for."""

    def __init__(self) -> None:
        self.driver = ScriptedDriver(self._serve)
        self.clock = JumpingClock()
        settings = Settings(port=0, transition_seconds=0)
        self.running = Running(settings, driver=self.driver, clock=self.clock)
        self.client = self.running.client("lambda")
        self.script: Callable[[Writer, RuntimeClient], Any] | None = None
        self.go = asyncio.Event()
        self.invokes = 0
        self.statuses: list[int] = []
        self.streams: list[Any] = []
        create(self.client, Runtime="nodejs22.x", Timeout=900)

    async def _serve(self, runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            self.invokes += 1
            if self.script is None:
                await runtime.respond(request_id, payload)
                continue
            status = await self.script(Writer(runtime, request_id), runtime)
            if status is not None:
                self.statuses.append(status)

    def release(self) -> None:
        self.running.call(self.go.set)

    def stream(self, **fields: Any) -> Iterator[dict[str, Any]]:
        self.answer = self.client.invoke_with_response_stream(FunctionName="hello", **fields)
        self.streams.append(self.answer["EventStream"])
        return iter(self.answer["EventStream"])

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        self.running.stop()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def test_the_first_byte_comes_while_the_handler_still_runs(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"first")
        await stage.go.wait()
        await writer.write(b"second")
        return await writer.end()

    stage.script = script
    events = stage.stream()
    # The script goes on only once its first chunk is here.
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
    stage.release()
    assert list(events) == [{"PayloadChunk": {"Payload": b"second"}}, {"InvokeComplete": {}}]
    headers = stage.answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amz-executed-version"] == "$LATEST"
    assert stage.answer["StatusCode"] == 200
    assert stage.statuses == [202]


def test_a_function_that_does_not_stream_answers_in_one_chunk(stage: Stage) -> None:
    events = list(stage.stream(Payload=b'{"a":1}', LogType="Tail"))
    assert events[0] == {"PayloadChunk": {"Payload": b'{"a":1}'}}
    tail = base64.b64decode(events[1]["InvokeComplete"]["LogResult"]).decode()
    assert tail.startswith("START RequestId")
    assert "REPORT RequestId" in tail
    assert len(events) == 2


def test_an_error_in_the_middle_ends_the_stream_with_its_details(stage: Stage) -> None:
    failure = {"errorType": "Oops", "errorMessage": "in the middle"}

    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"some")
        return await writer.end("Oops", failure)

    stage.script = script
    events = list(stage.stream())
    assert events[0] == {"PayloadChunk": {"Payload": b"some"}}
    complete = events[1]["InvokeComplete"]
    assert complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"]) == failure
    assert stage.statuses == [202]


def test_an_error_before_the_first_byte(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await runtime.call(
            "POST",
            f"invocation/{writer._id}/error",
            b'{"errorType":"Oops","errorMessage":"early"}',
        )

    stage.script = script
    events = list(stage.stream())
    assert events == [
        {
            "InvokeComplete": {
                "ErrorCode": "Unhandled",
                "ErrorDetails": '{"errorType":"Oops","errorMessage":"early"}',
            }
        }
    ]


def test_a_runtime_that_dies_in_the_middle(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"some")
        raise OSError("killed")

    stage.script = script
    events = list(stage.stream())
    assert events[0] == {"PayloadChunk": {"Payload": b"some"}}
    details = json.loads(events[1]["InvokeComplete"]["ErrorDetails"])
    assert details["errorType"] == "Runtime.ExitError"


def test_a_timeout_in_the_middle(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"some")
        await asyncio.Event().wait()

    stage.script = script
    events = stage.stream(LogType="Tail")
    assert next(events) == {"PayloadChunk": {"Payload": b"some"}}
    stage.running.call(lambda: stage.clock.jump(900))
    complete = next(events)["InvokeComplete"]
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Sandbox.Timedout"
    assert b"Status: timeout" in base64.b64decode(complete["LogResult"])


def test_invoke_buffers_what_a_function_streams(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b'{"fir')
        await writer.write(b'st":1}')
        return await writer.end()

    stage.script = script
    answer = stage.client.invoke(FunctionName="hello")
    assert answer["Payload"].read() == b'{"first":1}'
    assert "FunctionError" not in answer


def test_invoke_reports_a_stream_that_broke(stage: Stage) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"some")
        return await writer.end("Oops", {"errorType": "Oops"})

    stage.script = script
    answer = stage.client.invoke(FunctionName="hello")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {"errorType": "Oops"}


def test_an_unknown_function_is_an_error_not_a_stream(stage: Stage) -> None:
    with pytest.raises(ClientError) as raised:
        stage.client.invoke_with_response_stream(FunctionName="nobody")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_throttled_stream_is_refused(stage: Stage) -> None:
    stage.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as raised:
        stage.client.invoke_with_response_stream(FunctionName="hello")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_dry_run(stage: Stage) -> None:
    answer = stage.client.invoke_with_response_stream(FunctionName="hello", InvocationType="DryRun")
    answer["EventStream"].close()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert stage.invokes == 0


def _raw(running: Running, name: str = "hello") -> socket.socket:
    """Return a connection on which a stream has been asked for, with a small receive window."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.connect(("127.0.0.1", running.emulator.port))
    client.settimeout(60)
    client.sendall(
        f"POST /2021-11-15/functions/{name}/response-streaming-invocations HTTP/1.1\r\n"
        "Host: localhost\r\nContent-Length: 2\r\n\r\n{}".encode()
    )
    return client


CHUNK = b"x" * 65536


def test_a_slow_client_holds_the_runtime(stage: Stage) -> None:
    """The runtime's writes stop long before 64 MB are out, and go on when the client reads."""
    written = 0
    stuck = threading.Event()

    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        nonlocal written
        await writer.begin()
        for _ in range(1024):
            sending = asyncio.ensure_future(writer.write(CHUNK))
            done, _ = await asyncio.wait([sending], timeout=0.3)
            if not done:
                stuck.set()
            await sending
            written += len(CHUNK)
        return await writer.end()

    stage.script = script
    client = _raw(stage.running)
    assert stuck.wait(60), "the runtime was never held"
    assert written < 16 * 1024 * 1024
    received = 0
    while data := client.recv(1 << 20):
        received += len(data)
        if data.endswith(b"0\r\n\r\n"):
            break
    client.close()
    assert received > 1024 * len(CHUNK)
    stage.script = None
    assert stage.client.invoke(FunctionName="hello", Payload=b"1")["Payload"].read() == b"1"
    assert stage.statuses == [202]
    assert len(stage.driver.sandboxes) == 1


def test_a_client_that_goes_away_does_no_harm(stage: Stage) -> None:
    """The rest of the stream is drained, and the environment is used again."""
    finished = threading.Event()

    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        await writer.write(b"first")
        await stage.go.wait()
        for _ in range(200):
            await writer.write(CHUNK)
        status = await writer.end()
        finished.set()
        return status

    stage.script = script
    client = _raw(stage.running)
    assert b"200 OK" in client.recv(65536)
    client.close()
    stage.release()
    assert finished.wait(60)
    stage.script = None
    assert stage.client.invoke(FunctionName="hello", Payload=b"1")["Payload"].read() == b"1"
    assert stage.statuses == [202]
    assert len(stage.driver.sandboxes) == 1


def test_more_than_a_stream_may_have_ends_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.pool.in_flight.STREAMED_RESPONSE", 100_000)
    assert STREAMED_RESPONSE == 200 * 1024 * 1024

    async def script(writer: Writer, runtime: RuntimeClient) -> Any:
        await writer.begin()
        for _ in range(4):
            await writer.write(CHUNK)
        return await writer.end()

    stage.script = script
    events = list(stage.stream())
    complete = events[-1]["InvokeComplete"]
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Function.ResponseSizeTooLarge"
    stage.script = None
    assert next(stage.stream(Payload=b"1")) == {"PayloadChunk": {"Payload": b"1"}}
    assert len(stage.driver.sandboxes) == 1
