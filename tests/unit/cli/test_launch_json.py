"""VS Code's configurations, by language, beside those that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.launch_json import configuration, merged
from emulator.cli.terminal import CommandError

FILE = Path(".vscode/launch.json")


def debugged(language: str) -> dict[str, Any]:
    return {
        "function": "hello",
        "language": language,
        "port": 5678,
        "local_root": "/srv/hello",
        "remote_root": "/var/task",
    }


@pytest.mark.parametrize(
    ("language", "kind", "where"),
    [
        ("python", "debugpy", {"connect": {"host": "127.0.0.1", "port": 5678}}),
        ("nodejs", "node", {"address": "127.0.0.1", "port": 5678}),
        ("java", "java", {"hostName": "127.0.0.1", "port": 5678}),
    ],
)
def test_each_language_is_attached_to_in_its_own_way(
    language: str, kind: str, where: dict[str, Any]
) -> None:
    made = configuration(debugged(language), Path("/elsewhere"))
    wanted = {"type": kind, "request": "attach", **where}
    assert {name: made[name] for name in wanted} == wanted


def test_folders_of_the_workspace_are_named_from_there() -> None:
    made = configuration(debugged("nodejs"), Path("/srv"))
    assert made["localRoot"] == "${workspaceFolder}/hello"
    assert made["remoteRoot"] == "/var/task"


def test_own_configurations_are_replaced_and_others_stay() -> None:
    before = {
        "version": "0.2.0",
        "configurations": [{"name": "mine"}, {"name": "localfaas: hello", "port": 1}],
    }
    made = json.loads(merged(json.dumps(before), [{"name": "localfaas: hello", "port": 2}], FILE))
    assert made["configurations"] == [{"name": "mine"}, {"name": "localfaas: hello", "port": 2}]


@pytest.mark.parametrize("present", ["// mine", "[]", '{"configurations": [1]}'])
def test_a_file_that_is_none_is_left_alone(present: str) -> None:
    with pytest.raises(CommandError, match="can't be added to"):
        merged(present, [{"name": "x"}], FILE)
