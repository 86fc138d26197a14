"""Who is refused before anything is dispatched: other web pages, other names, other networks."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Running, create

INVOKE = "/2015-03-31/functions/hello/invocations"
CREATE = "/2015-03-31/functions"

#: What a page on another site can make a browser say of itself.
ORIGINS = [
    "https://evil.example",
    "http://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https://evil.example:4566",
    "null",
    "NULL",
    "",
    "*",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "moz-extension://1234",
    "data:",
    "about:blank",
    "http://localhost",
    "http://localhost:1",
    "http://127.0.0.1:{port}",
    "http://[::1]:{port}",
    "http://evil.localhost:{port}",
    "http://localhost.:{port}",
    "http://localhost.evil.example:{port}",
    "http://evil.example#localhost:{port}",
    "http://evil.example/localhost:{port}",
    "http://evil.example?localhost:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost:{port}@evil.example",
    "http://evil.example@localhost:{port}",
    "ws://localhost:{port}",
    "ftp://localhost:{port}",
    "//localhost:{port}",
    "localhost:{port}",
    "http://localhost:{port} https://evil.example",
    "https://evil.example, http://localhost:{port}",
    "http://localhost:0{port}",
    "http://xn--localhost-9za:{port}",
]

#: Names that an attacker can make resolve to this machine, and what else no client of ours sends.
HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "EVIL.EXAMPLE",
    "localhost.evil.example",
    "localhost.evil.example:{port}",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "7f000001.rbndr.us",
    "evillocalhost",
    "evil-localhost",
    "localhost.localdomain",
    "localhost.",
    "localhost..",
    ".localhost",
    "..localhost",
    "a..localhost",
    "a b.localhost",
    "evil.example/.localhost",
    "evil.example#.localhost",
    "evil.example?.localhost",
    "evil.example\\.localhost",
    "evil.example@localhost",
    "localhost@evil.example",
    "user:pass@localhost",
    "localhost:evil",
    "localhost:{port}:1",
    "localhost:{port}.evil.example",
    "localhost:-1",
    "localhost:123456",
    "localhost:{port} ",
    "localhost,evil.example",
    "evil.example,localhost",
    "localhost evil.example",
    "0.0.0.0",
    "0.0.0.0:{port}",
    "0",
    "127.1",
    "127.0.0.2",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "10.0.0.1",
    "192.168.1.10:{port}",
    "169.254.169.254",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::1",
    "[::1]evil.example",
    "[fe80::1]",
    "::1",
    "lambda.us-east-1.amazonaws.com",
    "sqs.us-east-1.amazonaws.com",
    "xn--lcalhost-31a",
    "abc.lambda-url.us-east-1.evil.example:{port}",
    "",
]


class Caller:
    """Sends requests whose headers are nobody's but its own."""

    def __init__(self, running: Running) -> None:
        self.running, self.port = running, running.emulator.port

    def send(self, method: str, path: str, body: bytes, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": "localhost:{port}", **headers}.items():
                text = value.replace("{port}", str(self.port)).encode("latin-1", "replace")
                # Past the client's own idea of what a header may hold.
                connection._buffer.append(  # type: ignore[attr-defined]
                    name.replace("_", "-").encode() + b": " + text
                )
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def refused(self, method: str, path: str, body: bytes, **headers: str) -> bool:
        """Say whether it is refused, without a word to the page that asked."""
        answer = self.send(method, path, body, **headers)
        assert answer.headers["Access-Control-Allow-Origin"] is None
        # 400: no such header can be sent at all.
        return answer.status in (403, 400)


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from emulator.settings import Settings
    from emulator.testing import ScriptedDriver

    running = Running(Settings(port=0), driver=ScriptedDriver())
    create(running.client("lambda"))
    yield Caller(running)
    # Not one of all these requests has come as far as a function, or has made one.
    assert running.scripted_driver.sandboxes == []
    assert [each.name for each in running.emulator.registry.all()] == ["hello"]
    running.stop()


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_origin_reaches_nothing(caller: Caller, origin: str) -> None:
    function = json.dumps({"FunctionName": "evil", "Role": "r", "Code": {}}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert caller.refused("POST", INVOKE, b"{}", Origin=origin, Content_Type=kind)
    assert caller.refused("POST", CREATE, function, Origin=origin, Content_Type="text/plain")
    assert caller.refused("GET", INVOKE, b"", Origin=origin)
    assert caller.refused("POST", "/_emulator/shutdown", b"", Origin=origin)
    preflight = {"Access_Control_Request_Method": "POST", "Origin": origin}
    assert caller.refused("OPTIONS", INVOKE, b"", **preflight)


@pytest.mark.parametrize("mode", ["no-cors", "navigate", "websocket", "cors"])
def test_what_a_browser_sends_without_an_origin(caller: Caller, mode: str) -> None:
    headers = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": mode}
    for path in (INVOKE, CREATE, "/_emulator/functions", "/000000000000/queue?Action=PurgeQueue"):
        assert caller.refused("GET", path, b"", **headers)
        assert caller.refused("POST", path, b"{}", **headers)


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_is_not_ours_reaches_nothing(caller: Caller, host: str) -> None:
    assert caller.refused("POST", INVOKE, b"{}", Host=host)
    assert caller.refused("GET", "/_emulator/functions", b"", Host=host)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:{port}", "LOCALHOST:{port}", "127.0.0.1", "127.0.0.1:{port}"),
        *("[::1]", "[::1]:{port}", "queue.localhost:{port}", "host.docker.internal:{port}"),
    ],
)
def test_our_own_names_are_answered(caller: Caller, host: str) -> None:
    assert caller.send("GET", "/2015-03-31/functions", b"", Host=host).status == 200


def test_a_page_of_ours_may_call(caller: Caller) -> None:
    path, origin = "/2015-03-31/functions", "http://localhost:{port}"
    assert caller.send("GET", path, b"", Origin=origin).status == 200


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at /proc")
def test_nothing_listens_beyond_this_machine(caller: Caller) -> None:
    """Of all sockets of the emulator's process that listen, none does so for every address."""
    own = {Path(f"/proc/self/fd/{fd}") for fd in map(int, _descriptors())}
    inodes = {_inode(link) for link in own}
    wildcard = [
        fields[1]
        for table, zero in (("tcp", "0" * 8), ("tcp6", "0" * 32))
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[1].startswith(zero) and f"socket:[{fields[9]}]" in inodes
    ]
    assert wildcard == []


def _descriptors() -> list[str]:
    return [link.name for link in Path("/proc/self/fd").iterdir()]


def _inode(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
