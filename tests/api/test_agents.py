"""The MCP endpoint, used by the protocol's own client."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from emulator.edge.admin.agents.endpoint import _make_server
from emulator.settings import Settings
from tests.api.conftest import Running

GREETS = (
    "def handler(event, context):\n    print('greeting')\n    return 'hello ' + event['name']\n"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0))
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greets").mkdir()
    (tmp_path / "greets" / "app.py").write_text(GREETS)
    return tmp_path / "greets"


def session(running: Running) -> Any:
    """Return a client of the endpoint."""
    # Its import takes most of a second, which those who run other tests need not wait for.
    from mcp.client.client import Client

    return Client(f"{running.url}/_emulator/mcp")


async def ask(running: Running, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Make calls of tools in one session; returns (failed, what it says) of each."""
    found = []
    async with session(running) as client:
        for name, arguments in calls:
            answer = await client.call_tool(name, arguments)
            text = "".join(getattr(part, "text", "") for part in answer.content)
            found.append((bool(answer.is_error), text))
    return found


async def test_an_agent_deploys_calls_and_looks(running: Running, folder: Path) -> None:
    deployed, called, logged, seen, evicted, listed = await ask(
        running,
        ("deploy", {"path": str(folder)}),
        ("invoke", {"name": "greets", "event": {"name": "you"}}),
        ("logs", {"name": "greets"}),
        ("timeline", {"function": "greets"}),
        ("evict", {"name": "greets"}),
        ("list_functions", {}),
    )
    assert not any(failed for failed, _ in (deployed, called, logged, seen, evicted, listed))
    assert json.loads(deployed[1])["functions"] == {"greets": "greets"}
    assert json.loads(called[1])["answer"] == "hello you"
    assert "greeting\n" in json.loads(called[1])["log"]
    assert "greeting" in "".join(json.loads(logged[1])["lines"])
    assert json.loads(seen[1])["invocations"][0]["cold"] is True
    assert json.loads(evicted[1]) == {"stopped": 1}
    assert json.loads(listed[1])["functions"][0]["FunctionName"] == "greets"


def test_nothing_else_is_logged_because_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package has a whole program log what happens in it."""
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.level
    _make_server(Mock(), Mock())
    assert (logging.root.handlers, logging.root.level) == ([], level)


async def test_every_tool_says_what_it_does(running: Running) -> None:
    async with session(running) as client:
        found = (await client.list_tools()).tools
    assert {each.name for each in found} == {
        "deploy", "evict", "invoke", "list_functions", "logs", "timeline",
    }  # fmt: skip
    for each in found:
        assert each.description
        assert "." in each.description


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("invoke", {"name": "lost"}, "Function not found"),
        ("evict", {"name": "lost"}, "there is no function lost"),
        ("timeline", {"function": "lost"}, "there is no function lost"),
        ("deploy", {"path": "relative"}, "is not an absolute path"),
        ("deploy", {"path": "/no/such/folder"}, "/no/such/folder does not exist"),
    ],
)
async def test_failures_are_said(
    running: Running, name: str, arguments: dict[str, Any], said: str
) -> None:
    ((failed, text),) = await ask(running, (name, arguments))
    assert failed
    assert said in text


def test_the_page_names_every_tool_and_commands_that_exist(running: Running) -> None:
    import urllib.request

    from emulator.cli.application import COMMANDS

    with urllib.request.urlopen(f"{running.url}/_emulator/llms.txt", timeout=60) as answer:
        text = answer.read().decode()
    assert answer.headers["content-type"].startswith("text/plain")
    assert "deploy, invoke, logs, timeline, evict" in " ".join(text.split())
    assert f"AWS_ENDPOINT_URL={running.url}," in text
    assert "localhost:4566" not in text
    assert set(re.findall(r"localfaas (\w+)", text)) - {"up"} <= set(COMMANDS)


def test_foreign_pages_are_refused(running: Running) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.port, timeout=60)
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        connection.request("POST", "/_emulator/mcp", b"{}", headers)
        response = connection.getresponse()
        assert response.status == 403
        response.read()
    connection.close()
