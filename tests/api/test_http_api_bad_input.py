"""Damaged and hostile requests to APIs get the gateway's own error, and harm nobody."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.api.http_site import ApiSite
from tests.api.websocket_client import WebSocketClient


@pytest.fixture(scope="module")
def site() -> Iterator[ApiSite]:
    site = ApiSite()
    site.function("echo")
    site.http_api("web", Tags={"_custom_id_": "web1"})
    site.route("web1", "ANY /a/{id}", "arn:aws:lambda:us-east-1:000000000000:function:echo")
    site.stage("web1")
    site.api.create_api(
        Name="chat",
        ProtocolType="WEBSOCKET",
        RouteSelectionExpression="$request.body.action",
        Tags={"_custom_id_": "chat1"},
    )
    site.api.create_route(ApiId="chat1", RouteKey="other")
    site.api.create_stage(ApiId="chat1", StageName="dev", AutoDeploy=True)
    yield site
    site.stop()


def talk(site: ApiSite, data: bytes, *, half: bool = True) -> bytes:
    """Send bytes, close the sending side, and return what comes back."""
    with socket.create_connection(("127.0.0.1", site.running.emulator.port), 60) as link:
        link.sendall(data)
        if half:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := link.recv(65536):
                answer += chunk
        return answer


def head(site: ApiSite, line: str, *more: str, api_id: str = "web1") -> bytes:
    lines = [line, f"Host: {site.host(api_id)}", "Connection: close", *more, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


@pytest.mark.parametrize(
    ("line", "more", "expected"),
    [
        ("GET /a/1 HTTP/1.1", (), 200),
        ("GET /a/%ff%fe HTTP/1.1", (), 200),
        ("GET /a/%zz HTTP/1.1", (), 200),
        ("GET /a/../../../etc/passwd HTTP/1.1", (), 404),
        ("GET /%2e%2e/%2e%2e/etc HTTP/1.1", (), 404),
        ("GET /a/1?%ff=%fe&&&=&a HTTP/1.1", (), 200),
        ("BREW /a/1 HTTP/1.1", (), 400),
        ("GET /a/1 HTTP/9.9", (), 400),
        ("GET", (), 400),
        ("GET /a/1 HTTP/1.1", ("X-Own: \xff\xfe",), 200),
        ("GET /a/1 HTTP/1.1", ("No colon",), 400),
        ("POST /a/1 HTTP/1.1", ("Content-Length: x",), 400),
        ("POST /a/1 HTTP/1.1", ("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        ("GET /a/1 HTTP/1.1", ("X-Long: " + "x" * 20_000,), 431),
        ("GET /a/" + "x" * 20_000 + " HTTP/1.1", (), 431),
        ("GET /a/1 HTTP/1.1", ("Cookie: " + ";" * 5_000,), 200),
        ("GET /a/1 HTTP/1.1", ("X-Amzn-Trace-Id: \x7f;;==",), 400),
        ("OPTIONS * HTTP/1.1", (), 404),
    ],
)
def test_odd_requests(site: ApiSite, line: str, more: tuple[str, ...], expected: int) -> None:
    answer = talk(site, head(site, line, *more), half=False)
    assert status(answer) == expected, answer[:200]


@pytest.mark.parametrize(
    "data",
    [
        b"POST /a/1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nshort",
        b"POST /a/1 HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /a/1 HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET /a/1 HTTP/1.1\r\nHost: {host}\r\n",
    ],
)
def test_clients_that_break_off(site: ApiSite, data: bytes) -> None:
    site.events.clear()
    answer = talk(site, data.replace(b"{host}", site.host("web1").encode()))
    assert status(answer) in (0, 400, 413)
    assert "echo" not in site.events
    assert site.call("web1", "/a/1").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "web1.execute-api.eu-west-1.localhost",
        "web1.execute-api.",
        ".execute-api.us-east-1.localhost",
        "web1.execute-api.us-east-1.amazonaws.com",
        "evil.example",
        "web1.execute-api.us-east-1.localhost.evil.example",
    ],
)
def test_other_hosts_reach_no_api(site: ApiSite, host: str) -> None:
    assert site.call("web1", "/a/1", host=host).status in (403, 404)


def test_the_admin_api_is_no_part_of_an_api(site: ApiSite) -> None:
    for path in ("/_emulator/health", "/_aws/execute-api/web1/a/1", "/2015-03-31/functions/"):
        assert site.call("web1", path).status == 404


def test_websockets_that_are_none(site: ApiSite) -> None:
    port, host = site.running.emulator.port, site.host("chat1")
    assert WebSocketClient(port, host, "/nowhere").status == 403
    assert WebSocketClient(port, site.host("web1"), "/a/1").status == 403
    assert WebSocketClient(port, site.host("nothing1"), "/dev").status == 403
    assert site.call("chat1", "/dev").status == 426
    assert site.call("chat1", "/dev/@connections/none", "POST", b"hi").status == 410
    client = WebSocketClient(port, host, "/dev")
    for message in ("[" * 100_000, '{"action": "$connect"}', b"\xff\xfe", "\u0000"):
        client.send(message)
        assert "Forbidden" in client.receive()
    client.end()
