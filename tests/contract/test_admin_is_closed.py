"""A function reaches the AWS API of its emulator, and none of its controls (threat T4)."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.process import layout, peers
from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of
from tests.contract.conftest import PROCESS_ONLY, make_process_driver
from tests.patience import PATIENCE_S

_CODE = '''
import os, socket, subprocess, sys, urllib.error, urllib.request

def call(method, url):
    try:
        request = urllib.request.Request(url, method=method)
        return urllib.request.urlopen(request, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code

def shoot(port):
    """Send a request and be gone before it is looked at."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        lines = "POST /_emulator/shutdown HTTP/1.1", "Host: localhost", "Content-Length: 0", "", ""
        connection.sendall("\\r\\n".join(lines).encode())

def handler(event, context):
    url, port = event["url"], event["port"]
    for _ in range(20):
        shoot(port)
    child = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], method='POST'))"
    ended = subprocess.run([sys.executable, "-c", child, url + "/_emulator/shutdown"], stderr=-3)
    return {
        "child": ended.returncode,
        "health": call("GET", url + "/_emulator/health"),
        "address": call("GET", "http://127.0.0.1:%d/_emulator/health" % port),
        "stop": call("POST", url + "/_emulator/shutdown"),
        "functions": call("GET", url + "/2015-03-31/functions/"),
        "archive": call("GET", url + "/_emulator/code/none"),
    }
'''


@pytest.fixture
def running(kind: str, tmp_path: Path) -> Iterator[Running]:
    driver = make_process_driver(kind, tmp_path, stem_cells=1)
    running = Running(Settings(port=0, cpu_limit="none"), driver=driver)
    yield running
    running.stop()


def _status(url: str, method: str = "GET") -> int:
    with urllib.request.urlopen(
        urllib.request.Request(url, method=method), timeout=PATIENCE_S
    ) as answer:
        return int(answer.status)


@PROCESS_ONLY
def test_a_function_does_not_reach_the_admin_api(kind: str, running: Running) -> None:
    client = running.client("lambda")
    create(client, Code={"ZipFile": zip_of(app__py=_CODE)}, Runtime="python3.11", Timeout=300)
    event = {"url": running.url, "port": running.emulator.port}
    answer = client.invoke(FunctionName="hello", Payload=json.dumps(event).encode())
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert found == {
        "child": 1, "health": 403, "address": 403, "stop": 403, "functions": 200, "archive": 404,
    }  # fmt: skip
    # It is there still, and its user has its controls.
    assert _status(f"{running.url}/_emulator/health") == 200


def test_addresses_of_this_machine_are_told_from_others() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert peers.is_this_machine(host)
    for host in ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"):
        assert not peers.is_this_machine(host)


def test_user_ids_of_sandboxes_are_told_from_others() -> None:
    for uid in (layout.FIRST_UID, layout.first_uid(layout.INSTANCES) - 1):
        assert layout.is_sandbox_uid(uid)
    for uid in (0, 1000, layout.FIRST_UID - 1, layout.first_uid(layout.INSTANCES)):
        assert not layout.is_sandbox_uid(uid)
