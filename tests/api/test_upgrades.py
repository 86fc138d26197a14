"""Requests whose client would rather speak another protocol (Java's own, ``curl --http2``)."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running, create

WISHES = (
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQC",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
)
LAST = "Connection: close, Upgrade\r\nUpgrade: h2c"
INVOKE = "/2015-03-31/functions/hello/invocations"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    create(running.client("lambda"))
    yield running.emulator.port
    running.stop()


def request(wish: str, body: bytes, length: str = "") -> bytes:
    length = length or f"Content-Length: {len(body)}"
    head = f"POST {INVOKE} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n{wish}\r\n\r\n"
    return head.encode() + body


def answers(port: int, count: int, *parts: bytes) -> list[object]:
    """Send ``parts``, each by itself, and return the payloads of ``count`` responses."""
    found: list[object] = []
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        stream = connection.makefile("rb")
        for _ in range(count):
            status, length = stream.readline(), 0
            assert status.startswith(b"HTTP/1.1 200 "), status
            for name, value in http.client.parse_headers(stream).items():
                length = int(value) if name.lower() == "content-length" else length
            found.append(json.loads(stream.read(length)))
    return found


@pytest.mark.parametrize("wish", WISHES)
def test_the_body_comes_through(port: int, wish: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert answers(port, 1, request(wish, b'{"a": 1}')) == [{"a": 1}]
    large = json.dumps("x" * 1_000_000).encode()
    assert answers(port, 1, request(wish, large)) == ["x" * 1_000_000]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wish", WISHES)
def test_however_it_is_cut(port: int, wish: str) -> None:
    whole = request(wish, b'{"a": 1}') + request("X-Any: thing", b'{"b": 2}')
    for at in range(len(whole)):
        assert answers(port, 2, whole[:at], whole[at:]) == [{"a": 1}, {"b": 2}]


def test_the_last_request_of_a_connection(port: int) -> None:
    assert answers(port, 1, request(LAST, b'{"a": 1}')) == [{"a": 1}]


def test_in_chunks(port: int) -> None:
    chunks = request(
        WISHES[0], b'4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n', "Transfer-Encoding: chunked"
    )
    assert answers(port, 1, chunks) == [{"a": 1}]


def test_a_thousand_in_a_row(port: int) -> None:
    many = b"".join(request(WISHES[0], b"%d" % each) for each in range(1000))
    assert answers(port, 1000, many) == list(range(1000))
