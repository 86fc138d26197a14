"""The admin API, over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from emulator.model.process import namespace
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.patience import until

from .conftest import ECHO, Running, create


def ask(
    running: Running, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.port, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def get(running: Running, path: str) -> Any:
    status, _, body = ask(running, f"/_emulator/{path}")
    assert status == 200, body
    return json.loads(body)


@pytest.fixture
def invoked(scripted: Running) -> Running:
    """An emulator with one function that was called once."""
    client = scripted.client("lambda")
    create(client, "hello", Description="says hello", KMSKeyArn="arn:aws:kms:us-east-1:0:key/k")
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    client.invoke(FunctionName="hello", Payload=b"{}")
    return scripted


def test_health(scripted: Running) -> None:
    health = get(scripted, "health")
    assert health["status"] == "ok"
    assert (health["driver"], health["region"]) == ("scripted", "us-east-1")
    assert health["functions"] == health["environments"] == 0


def test_health_as_set_ups_made_for_localstack_ask_for_it(invoked: Running) -> None:
    for host in ("localhost:4566", "localhost.localstack.cloud:4566"):
        status, _, body = ask(invoked, "/_localstack/health", headers={"Host": host})
        assert status == 200
        services = json.loads(body)["services"]
        assert (services["lambda"], services["s3"]) == ("running", "available")
    assert ask(invoked, "/_localstack/health", headers={"Host": "evil.example"})[0] == 403
    assert ask(invoked, "/_localstack/nonsense")[0] == 404


def test_the_start_as_set_ups_made_for_localstack_ask_for_it(invoked: Running) -> None:
    parts = invoked.emulator.parts
    object.__setattr__(parts, "begun", parts.begun - 1000)  # it is frozen, and began long ago
    info = json.loads(ask(invoked, "/_localstack/info")[2])
    assert (info["edition"], info["is_license_activated"]) == ("localfaas", False)
    assert info["uptime"] >= 1000
    assert datetime.fromisoformat(info["server_time_utc"])
    init = json.loads(ask(invoked, "/_localstack/init")[2])
    stages = {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}
    assert init == {"completed": stages, "scripts": []}
    assert json.loads(ask(invoked, "/_localstack/init/ready")[2]) == {
        "completed": True,
        "scripts": [],
    }
    assert ask(invoked, "/_localstack/init/lunch")[0] == 404


def test_a_reset_as_set_ups_made_for_localstack_ask_for_it(invoked: Running) -> None:
    assert ask(invoked, "/_localstack/state/reset", method="POST")[0] == 200
    assert get(invoked, "functions") == []


def test_functions_with_what_is_not_acted_on(invoked: Running) -> None:
    (function,) = get(invoked, "functions")
    assert function["name"] == "hello"
    assert function["runtime"] == "python3.12"
    assert function["description"] == "says hello"
    assert function["environments"] == 1
    assert function["ignored"] == ["KMSKeyArn"]
    assert function["folder"] == ""


def test_environments_with_memory_and_timeline(invoked: Running) -> None:
    (environment,) = get(invoked, "environments")
    assert environment["function"] == "hello"
    assert environment["state"] == "ready"
    assert environment["invokes"] == 1
    assert environment["memory"] == 10 * 1024 * 1024
    assert [moment["state"] for moment in environment["timeline"]] == ["starting", "init", "ready"]
    assert get(invoked, "environments?function=other") == []
    assert get(invoked, "environments?usage=false")[0]["memory"] is None


def test_logs_are_filtered_and_continued(invoked: Running) -> None:
    lines = get(invoked, "logs?function=hello")
    assert lines[0]["message"].startswith("INIT_START")
    assert lines[-1]["message"].startswith("REPORT")
    assert {line["function"] for line in lines} == {"hello"}
    assert get(invoked, "logs?function=other") == []
    assert get(invoked, f"logs?since={lines[-2]['sequence']}") == [lines[-1]]
    assert get(invoked, "logs?limit=2") == lines[-2:]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "since=-1", "limit=99999999"])
def test_bad_parameters_are_refused(scripted: Running, query: str) -> None:
    status, _, body = ask(scripted, f"/_emulator/logs?{query}")
    assert status == 422
    assert json.loads(body)["detail"]


class Follower:
    """Reads a follow stream, line by line."""

    def __init__(self, running: Running, query: str = "") -> None:
        port = running.emulator.port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", f"/_emulator/logs/follow{query}")
        self._response = self._connection.getresponse()
        self.first = self._response.readline()

    def lines(self) -> Iterator[dict[str, Any]]:
        while line := self._response.readline():
            if line.strip():
                yield json.loads(line)

    def close(self) -> None:
        self._connection.close()


def test_follow_gives_the_past_then_what_comes(invoked: Running) -> None:
    past = get(invoked, "logs")
    follower = Follower(invoked, "?function=hello&limit=2")
    lines = follower.lines()
    assert [next(lines), next(lines)] == past[-2:]
    invoked.client("lambda").invoke(FunctionName="hello", Payload=b"{}")
    assert next(lines)["message"].startswith("START")
    assert [next(lines)["message"].split()[0] for _ in range(2)] == ["END", "REPORT"]
    follower.close()


def test_follow_leaves_nothing_behind_when_the_reader_goes(invoked: Running) -> None:
    listeners = invoked.emulator.logs._listeners
    before = len(listeners)
    follower = Follower(invoked)
    assert len(listeners) == before + 1
    follower.close()

    def left(count: Callable[[], int]) -> int:
        invoked.client("lambda").invoke(FunctionName="hello", Payload=b"{}")
        return count()

    until(lambda: left(lambda: len(listeners)) == before)

    async def waiting() -> list[str]:
        return [each for each in map(repr, asyncio.all_tasks()) if "Event.wait" in each]

    tasks = len(invoked.call(waiting))
    follower = Follower(invoked)
    follower.close()
    until(lambda: left(lambda: len(invoked.call(waiting))) == tasks)


def test_shutdown_drains_and_ends_followers() -> None:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    follower = Follower(running)
    status, _, body = ask(running, "/_emulator/shutdown", "POST")
    assert status == 202
    assert json.loads(body) == {
        "stopping": True,
        "now": False,
        "in_flight": 0,
        "drain_seconds": 30.0,
        "pid": os.getpid(),
        "pid_namespace": namespace(),
    }
    assert list(follower.lines()) == []
    follower.close()
    running._thread.join(60)
    assert not running._thread.is_alive()


def test_shutdown_now_does_not_wait_for_calls() -> None:
    async def never(runtime: Any) -> None:
        await runtime.next()
        await asyncio.Event().wait()

    running = Running(Settings(port=0), driver=ScriptedDriver(never))
    client = running.client("lambda")
    create(client, Timeout=900)
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    calling = threading.Thread(
        target=lambda: client.invoke(FunctionName="hello", Payload=b"{}"), daemon=True
    )
    calling.start()
    while "invoking" not in [each["state"] for each in get(running, "environments")]:
        assert calling.is_alive()
    status, _, body = ask(running, "/_emulator/shutdown?now=true", "POST")
    assert (status, json.loads(body)["in_flight"]) == (202, 1)
    running._thread.join(60)
    calling.join(60)
    assert not running._thread.is_alive()
    assert not calling.is_alive()


def test_code_is_where_get_function_says(invoked: Running) -> None:
    location = invoked.client("lambda").get_function(FunctionName="hello")["Code"]["Location"]
    path = location.removeprefix(invoked.url)
    status, headers, body = ask(invoked, path)
    assert status == 200
    assert headers["content-type"] == "application/zip"
    assert body == ECHO


def test_a_layers_content_is_where_get_layer_version_says(scripted: Running) -> None:
    client = scripted.client("lambda")
    layer = client.publish_layer_version(LayerName="lib", Content={"ZipFile": ECHO})
    status, _, body = ask(scripted, layer["Content"]["Location"].removeprefix(scripted.url))
    assert (status, body) == (200, ECHO)


def test_code_of_a_folder_is_what_lies_there_now(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    settings = Settings(port=0, functions=(tmp_path,), watch=False)
    running = Running(settings, driver=ScriptedDriver())
    try:
        (function,) = get(running, "functions")
        assert function["folder"] == str(tmp_path)
        (tmp_path / "app.py").write_text("# changed\n")
        path = f"/_emulator/code/000000000000/us-east-1/{function['name']}/$LATEST"
        _, _, body = ask(running, path)
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.read("app.py") == b"# changed\n"
    finally:
        running.stop()


@pytest.mark.parametrize(
    "path",
    [
        "code/000000000000/us-east-1/other/$LATEST",
        "code/000000000000/us-east-1/hello/7",
        "code/../../../../etc/passwd",
        "layers/000000000000/us-east-1/lib/1",
        "nothing",
    ],
)
def test_what_is_not_there_answers_404_in_json(invoked: Running, path: str) -> None:
    status, headers, body = ask(invoked, f"/_emulator/{path}")
    assert status == 404
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["detail"]


def test_a_wrong_method_is_refused(scripted: Running) -> None:
    assert ask(scripted, "/_emulator/shutdown", "GET")[0] == 405


def test_foreign_pages_are_refused(scripted: Running) -> None:
    headers = {"Origin": "https://evil.example"}
    assert ask(scripted, "/_emulator/shutdown", "POST", headers)[0] == 403


def test_docs_load_nothing_from_elsewhere(scripted: Running) -> None:
    status, headers, body = ask(scripted, "/_emulator/docs")
    assert status == 200
    assert b"/_emulator/environments" in body
    assert b"<script" not in body
    assert b"http" not in body.replace(b"HTTP", b"")
    assert "default-src 'none'" in headers["content-security-policy"]
    paths = get(scripted, "openapi.json")["paths"]
    assert "/_emulator/logs" in paths


def test_every_path_answers_as_it_is_described(scripted: Running) -> None:
    """Also what names nothing that is there, and what is no JSON."""
    unlike = []
    for template, operations in get(scripted, "openapi.json")["paths"].items():
        path = re.sub(r"{\w+}", "x", template)
        if path.endswith(("/follow", "/shutdown")):
            continue
        for method, described in operations.items():
            assert described["summary"], template
            names = [
                each["name"] for each in described.get("parameters", ()) if each["in"] == "query"
            ]
            queries = {
                "&".join(f"{name}={value}" for name in names) for value in ("x", "-1", "%00")
            }
            bodies = (b"{}", b"[]", b"{", b"\xff") if method != "get" else (b"",)
            for query, body in itertools.product({"", *queries}, bodies):
                status = _status(scripted, f"{path}?{query}", method.upper(), body)
                if str(status) not in described["responses"]:
                    unlike.append((method, path, query, body, status))
    assert unlike == []


def _status(running: Running, path: str, method: str, body: bytes) -> int:
    request = urllib.request.Request(
        running.url + path, body, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_fastapi_is_imported_for_nobody_but_the_admin_api() -> None:
    code = "import sys, emulator.app; print('fastapi' in sys.modules, 'rich' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]
