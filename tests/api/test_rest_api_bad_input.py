"""Damaged, hostile, slow and half-closed requests to REST APIs get the gateway's own error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.testing import FakeClock, RuntimeClient
from tests.api.conftest import Running
from tests.api.rest_site import ANY, Answer, Site, proxy
from tests.api.test_http_api_bad_input import status
from tests.api.test_streaming import Writer


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    site = Site()
    yield site
    site.running.stop()


@pytest.fixture(scope="module")
def api_id(shared: Site) -> str:
    return shared.build({"/a/{id}": {ANY: proxy()}})


@pytest.fixture
def site(shared: Site) -> Site:
    shared.reply, shared.invokes = {"statusCode": 200, "body": "ok"}, 0
    return shared


def link_to(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.running.emulator.port), 60)


def rest_of(link: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := link.recv(65536):
            answer += chunk
    return answer


def head(api_id: str, line: str, *more: str) -> bytes:
    host = f"{api_id}.execute-api.us-east-1.localhost"
    return "\r\n".join([line, f"Host: {host}", "Connection: close", *more, "", ""]).encode(
        "latin-1"
    )


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ("GET /dev/a/1 HTTP/1.1", (), 200),
        ("GET /dev/a/%ff%fe HTTP/1.1", (), 200),
        ("GET /dev/a/%zz HTTP/1.1", (), 200),
        ("GET /dev/a/%00 HTTP/1.1", (), 200),
        ("GET /dev/a/../../../etc/passwd HTTP/1.1", (), 403),
        ("GET /dev/%2e%2e/%2e%2e/etc HTTP/1.1", (), 403),
        ("GET /../dev/a/1 HTTP/1.1", (), 403),
        ("GET //dev//a//1 HTTP/1.1", (), 403),
        ("GET /dev/a/1?%ff=%fe&&&=&a HTTP/1.1", (), 200),
        ("BREW /dev/a/1 HTTP/1.1", (), 400),
        ("GET /dev/a/1 HTTP/9.9", (), 400),
        ("GET", (), 400),
        ("GET /dev/a/1 HTTP/1.1", ("X-Own: \xff\xfe",), 200),
        ("GET /dev/a/1 HTTP/1.1", ("No colon",), 400),
        ("POST /dev/a/1 HTTP/1.1", ("Content-Length: x",), 400),
        ("POST /dev/a/1 HTTP/1.1", ("Content-Length: -1",), 400),
        ("POST /dev/a/1 HTTP/1.1", ("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        ("GET /dev/a/1 HTTP/1.1", ("X-Long: " + "x" * 20_000,), 431),
        ("GET /dev/a/" + "x" * 20_000 + " HTTP/1.1", (), 431),
        ("OPTIONS * HTTP/1.1", (), 403),
    ],
)
def test_odd_requests(
    site: Site, api_id: str, line: str, more: tuple[str, ...], expected: int
) -> None:
    with link_to(site) as link:
        link.sendall(head(api_id, line, *more))
        answer = rest_of(link)
    assert status(answer) == expected, answer[:300]
    assert (site.invokes > 0) == (expected == 200)


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 100\r\n\r\nshort",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"",
    ],
)
def test_half_closed_clients_reach_no_function(site: Site, api_id: str, sent: bytes) -> None:
    host = f"{api_id}.execute-api.us-east-1.localhost"
    with link_to(site) as link:
        link.sendall(f"POST /dev/a/1 HTTP/1.1\r\nHost: {host}\r\n".encode() + sent)
        link.shutdown(socket.SHUT_WR)
        answer = rest_of(link)
    assert status(answer) in (0, 400, 413)
    assert site.invokes == 0
    assert site.call(api_id, "/dev/a/1").status == 200


def test_a_slow_client_holds_nobody_up(site: Site, api_id: str) -> None:
    request = head(api_id, "POST /dev/a/1 HTTP/1.1", "Content-Length: 10") + b"0123456789"
    with link_to(site) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(request)):
            link.sendall(request[at : at + 1])
            if at % 40 == 0:
                assert site.call(api_id, "/dev/a/2").status == 200
        assert status(rest_of(link)) == 200
    assert site.event["body"] == "0123456789"


def test_an_answer_that_nobody_reads_holds_nobody_up(site: Site, api_id: str) -> None:
    site.reply = {"statusCode": 200, "body": "x" * 5_000_000}
    with link_to(site) as link:
        link.sendall(head(api_id, "GET /dev/a/1 HTTP/1.1"))
        assert link.recv(1)
        site.reply = {"statusCode": 200, "body": "ok"}
        assert site.call(api_id, "/dev/a/1").body == b"ok"


def test_another_account_s_api_is_none_of_the_caller_s(site: Site, api_id: str) -> None:
    stranger = site.running.client("apigateway", "222222222222")
    for call in (stranger.get_rest_api, stranger.delete_rest_api):
        with pytest.raises(stranger.exceptions.NotFoundException):
            call(restApiId=api_id)
    assert stranger.get_rest_apis()["items"] == []
    stranger.close()


def test_a_function_of_30_seconds_is_a_504_after_29(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    begun, go = threading.Event(), asyncio.Event()
    monkeypatch.setattr(Running, "run_loop", staticmethod(asyncio.run))
    site = Site({"clock": clock})

    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        begun.set()
        await go.wait()
        await runtime.call("POST", f"invocation/{writer._id}/response", b"{}")

    site.script = script
    answers: list[Answer] = []
    try:
        api_id = site.build({"/": {"get": proxy()}})
        calling = threading.Thread(target=lambda: answers.append(site.call(api_id, "/dev/")))
        calling.start()
        assert begun.wait(60)
        site.running.call(lambda: clock.advance(28.9))
        assert not answers
        site.running.call(lambda: clock.advance(0.2))
        calling.join(60)
        site.running.call(go.set)
    finally:
        site.running.stop()
    assert (answers[0].status, answers[0].json) == (504, {"message": "Endpoint request timed out"})
    assert answers[0].headers["x-amzn-errortype"] == "InternalServerErrorException"
    assert json.loads(answers[0].body)


def test_bodies_of_other_encodings_are_passed_on(site: Site, api_id: str) -> None:
    sent: dict[bytes, Any] = {
        "ä".encode("latin-1"): "\ufffd",
        "ä".encode(): "ä",
        b"\xff\xfe": "\ufffd\ufffd",
        b"\x00": "\x00",
    }
    for body, seen in sent.items():
        assert site.call(api_id, "/dev/a/1", "POST", body).status == 200
        assert site.event["body"] == seen
