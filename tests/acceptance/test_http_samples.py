"""The samples behind HTTP and WebSocket APIs, as their READMEs have them used."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import EMULATOR, ROOT, Up, localfaas_up
from tests.api.websocket_client import WebSocketClient
from tests.browser import chromium, new_page
from tests.needs import need
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow


def api_of(up: Up, protocol: str = "HTTP") -> str:
    """Return the id of the only API of a protocol."""
    client = up.client("apigatewayv2")
    try:
        for _ in range(600):
            found = [
                each for each in client.get_apis()["Items"] if each["ProtocolType"] == protocol
            ]
            if found and client.get_stages(ApiId=found[0]["ApiId"])["Items"]:
                return str(found[0]["ApiId"])
        raise AssertionError("no API came")
    finally:
        client.close()


def host_of(up: Up, api_id: str) -> str:
    return f"{api_id}.execute-api.us-east-1.localhost:{up.port}"


def ask(up: Up, api_id: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=PATIENCE_S)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Host"] = host_of(up, api_id)
        data = None if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        connection.request(method, path, data, {"Content-Type": "application/json", **sent})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_all_hear_what_one_says() -> None:
    with (
        localfaas_up(ROOT / "samples" / "websocket-chat", "--no-watch") as up,
        ExitStack() as open_,
    ):
        host = host_of(up, api_of(up, "WEBSOCKET"))
        clients = [WebSocketClient(up.port, host, "/live") for _ in range(3)]
        for each in clients:
            open_.callback(each.close)
        assert [each.status for each in clients] == [101, 101, 101]
        clients[0].send({"action": "say", "text": "hello"})
        assert [each.receive() for each in clients] == ["hello"] * 3
        clients[2].end()
        clients[1].send({"action": "say", "text": "again"})
        assert [each.receive() for each in clients[:2]] == ["again"] * 2
        for each in clients[:2]:
            each.end()


def test_two_browsers_chat() -> None:
    with localfaas_up(ROOT / "samples" / "websocket-chat", "--no-watch") as up:
        (stack,) = up.client("cloudformation").describe_stacks()["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        with chromium() as browser:
            first, second = new_page(browser), new_page(browser)
            for page in (first, second):
                page.goto(outputs["Page"])
                page.wait_for_selector("#state:text('connected')")
            first.fill("#text", "hello <b>you</b>")
            first.click("button")
            for page in (first, second):
                page.wait_for_selector("#said li")
                assert page.text_content("#said li") == "hello <b>you</b>"
            first.close()
            second.fill("#text", "alone")
            second.click("button")
            second.wait_for_selector("#said li:text('alone')")
            browser.close()


def test_fastapi_takes_orders() -> None:
    with localfaas_up(ROOT / "samples" / "fastapi", "--no-watch") as up:
        api_id = api_of(up)
        status, body = ask(up, api_id, "/orders/7")
        assert (status, json.loads(body)) == (200, {"id": "7", "item": "tea"})
        assert ask(up, api_id, "/orders", {"item": "tea"})[0] == 401
        command = [*EMULATOR, "token", "--endpoint", f"http://localhost:{up.port}"]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True)
        bearer = f"Bearer {done.stdout.decode().strip()}"
        status, body = ask(up, api_id, "/orders", {"item": "tea"}, Authorization=bearer)
        assert (status, json.loads(body)) == (201, {"by": "localfaas", "item": "tea", "count": 1})
        assert ask(up, api_id, "/orders", {"count": 1}, Authorization=bearer)[0] == 422


def test_express_serves_all_routes(tmp_path: Path) -> None:
    need("node")
    need("npm")
    folder = tmp_path / "express"
    shutil.copytree(ROOT / "samples" / "express", folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder / "src")]
    subprocess.run(install, capture_output=True, timeout=150, check=True)
    with localfaas_up(folder, "--no-watch") as up:
        api_id = api_of(up)
        assert ask(up, api_id, "/") == (200, b"<h1>Hello</h1>")
        assert json.loads(ask(up, api_id, "/greet/you%20all")[1]) == {"hello": "you all"}
        status, body = ask(up, api_id, "/echo", {"a": [1]})
        assert (status, json.loads(body)) == (201, {"a": [1]})
        assert ask(up, api_id, "/nothing")[0] == 404
