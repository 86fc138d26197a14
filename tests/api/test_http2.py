"""HTTP/2 by prior knowledge, on the port that all else is served on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, cast

import h2.connection
import h2.events
import pytest
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, PingFrame, RstStreamFrame
from uvicorn.server import ServerState

from emulator.edge.http2 import Http2Connection
from emulator.edge.router import Receive, Scope, Send
from emulator.settings import Settings
from emulator.testing import ScriptedDriver, until_idle
from tests.api.conftest import Running, create


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, kinesis_limits=False), driver=ScriptedDriver())
    yield running
    running.stop()


class Client:
    """A connection that begins with the preface of HTTP/2."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._h2 = h2.connection.H2Connection()
        self._h2.initiate_connection()
        self._port = port
        self._flush()
        #: Stream → status, headers, body, whether it ended.
        self.answers: dict[int, dict[str, Any]] = {}

    def _flush(self) -> None:
        self._socket.sendall(self._h2.data_to_send())

    def ask(self, target: str, body: bytes, path: str = "/", service: str = "kinesis") -> int:
        stream = self._h2.get_next_available_stream_id()
        scope = f"Credential=000000000000/20260101/us-east-1/{service}/aws4_request"
        given = {
            ":method": "POST", ":scheme": "http", ":path": path,
            ":authority": f"localhost:{self._port}", "x-amz-target": target,
            "content-type": "application/x-amz-json-1.1",
            "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x",
        }  # fmt: skip
        self._h2.send_headers(stream, list(given.items()))
        self.answers[stream] = {"body": b"", "ended": False}
        while body:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if not room:
                self.receive()
                continue
            self._h2.send_data(stream, body[:room])
            body = body[room:]
            self._flush()
        self._h2.end_stream(stream)
        self._flush()
        return stream

    def receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, "the connection was closed"
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.answers[event.stream_id] |= {"headers": dict(event.headers)}
            elif isinstance(event, h2.events.DataReceived):
                self.answers[event.stream_id]["body"] += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.answers[event.stream_id]["ended"] = True
        self._flush()

    def answer(self, stream: int) -> tuple[str, bytes]:
        while not self.answers[stream]["ended"]:
            self.receive()
        found = self.answers[stream]
        headers = {bytes_of(k): bytes_of(v) for k, v in found["headers"].items()}
        return headers[":status"], found["body"]

    def close(self) -> None:
        self._socket.close()


def bytes_of(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    client = Client(running.emulator.port)
    yield client
    client.close()


def test_requests_of_one_connection_run_beside_each_other(running: Running, client: Client) -> None:
    with_boto = running.client("kinesis")
    with_boto.create_stream(StreamName="h2", ShardCount=1)
    streams = [
        client.ask(
            "Kinesis_20131202.PutRecord",
            json.dumps({"StreamName": "h2", "Data": "eA==", "PartitionKey": str(n)}).encode(),
        )
        for n in range(50)
    ]
    for stream in streams:
        status, body = client.answer(stream)
        assert status == "200"
        assert json.loads(body)["ShardId"] == "shardId-000000000000"
    status, body = client.answer(client.ask("Kinesis_20131202.DescribeStream", b"{}"))
    assert (status, json.loads(body)["__type"]) == ("400", "InvalidArgumentException")
    with_boto.close()


def test_large_bodies_pass_in_both_directions(running: Running, client: Client) -> None:
    functions = running.client("lambda")
    create(functions, "echo")
    text = json.dumps({"x": "y" * 3_000_000}).encode()
    stream = client.ask("", text, "/2015-03-31/functions/echo/invocations", "lambda")
    status, body = client.answer(stream)
    assert (status, body) == ("200", text)
    functions.close()


def test_a_stream_of_events_comes_event_by_event(running: Running, client: Client) -> None:
    with_boto = running.client("kinesis")
    with_boto.create_stream(StreamName="events", ShardCount=1)
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/events"
    consumer = with_boto.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    request = {
        "ConsumerARN": consumer["ConsumerARN"],
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    }
    stream = client.ask("Kinesis_20131202.SubscribeToShard", json.dumps(request).encode())
    for number in range(3):
        put = {"StreamName": "events", "Data": f"record-{number}", "PartitionKey": "k"}
        with_boto.put_record(**put)
        wanted = b64encode(f"record-{number}".encode())
        while wanted not in client.answers[stream]["body"]:
            client.receive()
    assert not client.answers[stream]["ended"]
    with_boto.close()


def test_damaged_frames_end_their_connection_only(running: Running) -> None:
    for junk in (b"\x00" * 64, b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.emulator.port), timeout=60) as broken:
            broken.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + junk)
            broken.shutdown(socket.SHUT_WR)
            while broken.recv(65536):
                pass
    client = Client(running.emulator.port)
    assert client.answer(client.ask("Kinesis_20131202.ListStreams", b"{}"))[0] == "200"
    client.close()


def test_the_emulator_ends_with_open_connections() -> None:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    client = Client(running.emulator.port)
    assert client.answer(client.ask("Kinesis_20131202.ListStreams", b"{}"))[0] == "200"
    with_boto = running.client("kinesis")
    with_boto.create_stream(StreamName="held", ShardCount=1)
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/held"
    consumer = with_boto.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    with_boto.close()
    request = {
        "ConsumerARN": consumer["ConsumerARN"],
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": "LATEST"},
    }
    # A subscription lasts five minutes, unless the emulator ends.
    stream = client.ask("Kinesis_20131202.SubscribeToShard", json.dumps(request).encode())
    while not client.answers[stream]["body"]:
        client.receive()
    ended = threading.Thread(target=running.stop)
    ended.start()
    ended.join(60)
    client.close()
    assert not ended.is_alive()


class Wire:
    """Stands for the transport of a connection: its client gets what is written, at once."""

    def __init__(self, client: h2.connection.H2Connection) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        self._client.receive_data(data)

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> None:
        return None


async def test_what_nobody_has_read_leaves_its_room_to_the_requests_that_follow() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 403})
        await send({"type": "http.response.body", "body": b""})

    client = h2.connection.H2Connection()
    client.initiate_connection()
    server = Http2Connection(refuse, ServerState())
    server.connection_made(cast(asyncio.Transport, Wire(client)))
    server.data_received(client.data_to_send())
    headers = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "x")]
    # More in all than a client may send ahead on one connection.
    for _ in range(30):
        stream = client.get_next_available_stream_id()
        client.send_headers(stream, headers)
        for _ in range(40):
            client.send_data(stream, b"x" * 16_384)
        server.data_received(client.data_to_send())
        await until_idle()
        client.end_stream(stream)
        server.data_received(client.data_to_send())


class _Frames:
    """Stands for the transport of a connection: keeps what is written, frame by frame."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            frame, length = Frame.parse_frame_header(view[:9])
            frame.parse_body(view[9 : 9 + length])
            self.frames.append(frame)
            view = view[9 + length :]

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> None:
        return None

    def of(self, kind: type[Frame]) -> list[Any]:
        return [each for each in self.frames if isinstance(each, kind)]


async def test_streams_begun_after_the_end_are_refused_and_those_before_answered() -> None:
    go = asyncio.Event()
    served: list[str] = []

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await go.wait()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"late"})

    client = h2.connection.H2Connection()
    client.initiate_connection()
    wire = _Frames()
    server = Http2Connection(serve, ServerState())
    server.connection_made(cast(asyncio.Transport, wire))

    def ask(path: str) -> None:
        names = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", path)]
        client.send_headers(client.get_next_available_stream_id(), names, end_stream=True)
        server.data_received(client.data_to_send())

    ask("/before")
    await until_idle()
    server.shutdown()
    assert [(each.last_stream_id, each.error_code) for each in wire.of(GoAwayFrame)] == [(1, 0)]
    ask("/after")
    await until_idle()
    refused = wire.of(RstStreamFrame)
    assert [(each.stream_id, each.error_code) for each in refused] == [(3, 7)]
    assert served == ["/before"]
    go.set()
    await until_idle()
    assert b"".join(each.data for each in wire.of(DataFrame) if each.stream_id == 1) == b"late"
    assert wire.is_closed


async def test_requests_that_are_taken_back_at_once_are_not_served_without_end() -> None:
    """As in the attack of 2023, "rapid reset": what was begun still takes its time."""
    go = asyncio.Event()
    served: list[str] = []

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await go.wait()

    client = h2.connection.H2Connection()
    client.initiate_connection()
    wire = _Frames()
    server = Http2Connection(serve, ServerState())
    server.connection_made(cast(asyncio.Transport, wire))
    names = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")]
    for _ in range(10):
        for _ in range(100):
            stream = client.get_next_available_stream_id()
            client.send_headers(stream, names, end_stream=True)
            client.reset_stream(stream)
        server.data_received(client.data_to_send())
    await until_idle()
    assert len(served) == 512
    go.set()
    await until_idle()
    client.send_headers(client.get_next_available_stream_id(), names, end_stream=True)
    server.data_received(client.data_to_send())
    await until_idle()
    assert len(served) == 513
    assert not wire.is_closed


async def test_a_client_that_reads_nothing_is_not_heard() -> None:
    """What it says is answered at once (PING): answers that nobody reads would fill the memory."""
    served = asyncio.get_running_loop().create_future()

    class Noted(Http2Connection):
        def pause_writing(self) -> None:
            super().pause_writing()
            served.set_result(self)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError

    mine, theirs = socket.socketpair()
    mine.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    made = await loop.connect_accepted_socket(lambda: Noted(serve, ServerState()), mine)
    transport = made[0]
    client = h2.connection.H2Connection()
    client.initiate_connection()
    await loop.sock_sendall(theirs, client.data_to_send())
    pings = PingFrame(0, opaque_data=b"12345678").serialize() * 1000

    async def flood() -> None:
        while True:
            await loop.sock_sendall(theirs, pings)

    flooding = asyncio.create_task(flood())
    await served
    held = transport.get_write_buffer_size()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert transport.get_write_buffer_size() == held
    assert not transport.is_reading()
    while not transport.is_reading():
        await loop.sock_recv(theirs, 1 << 20)
    flooding.cancel()
    transport.abort()
    theirs.close()
