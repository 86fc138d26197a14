"""Pages of origins that the user named call AWS's APIs and the admin API from a browser."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create

_PAGE = "https://app.example"
_INVOKE = "/2015-03-31/functions/hello/invocations"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, allow_origins=(_PAGE,)), driver=ScriptedDriver())
    create(running.client("lambda"))
    running.client("lambda").get_waiter("function_active_v2").wait(FunctionName="hello")
    yield running
    running.stop()


def _ask(
    running: Running, method: str, path: str, origin: str, **headers: str
) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"{}" if method == "POST" else None
    connection.request(method, path, body, {"Origin": origin, **given})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}


@pytest.mark.parametrize("path", [_INVOKE, "/", "/_emulator/health"])
def test_a_browser_that_asks_first_is_answered(running: Running, path: str) -> None:
    asked = {"Access_Control_Request_Method": "POST"}
    asked |= {"Access_Control_Request_Headers": "authorization,x-amz-date"}
    asked |= {"Access_Control_Request_Private_Network": "true"}
    status, headers = _ask(running, "OPTIONS", path, _PAGE, **asked)
    assert status == 204
    assert headers["access-control-allow-origin"] == _PAGE
    assert headers["access-control-allow-headers"] == "authorization,x-amz-date"
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["access-control-allow-private-network"] == "true"
    assert headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", _INVOKE), ("GET", "/_emulator/health"), ("GET", "/nowhere")]
)
def test_its_page_may_read_answers_and_errors(running: Running, method: str, path: str) -> None:
    _, headers = _ask(running, method, path, _PAGE)
    assert headers["access-control-allow-origin"] == _PAGE
    assert headers["access-control-expose-headers"] == "*"


def test_no_other_page_is_answered(running: Running) -> None:
    asked = {"Access_Control_Request_Method": "POST"}
    for origin in ("https://other.example", "http://app.example", "null"):
        for method in ("OPTIONS", "POST"):
            status, headers = _ask(running, method, _INVOKE, origin, **asked)
            assert status == 403
            assert "access-control-allow-origin" not in headers
    status, headers = _ask(running, "POST", _INVOKE, f"http://127.0.0.1:{running.emulator.port}")
    assert status == 200
    assert "access-control-allow-origin" not in headers
