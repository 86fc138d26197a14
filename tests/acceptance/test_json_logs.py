"""LoggingConfig: JSON events of the platform, JSON lines of functions, levels, groups."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of
from tests.needs import need

_PYTHON = """
import logging
log = logging.getLogger("app")
print("printed while loading")
def handler(event, context):
    log.debug("so small")
    log.info("hello %s", "you", extra={"order": 7})
    log.warning({"kind": "structured"})
    print("plain")
    if event.get("fail"):
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("went wrong")
        raise ValueError("no")
    return {"ok": True}
"""
_NODE = """
exports.handler = async (event) => {
  console.debug('so small');
  console.info('hello %s', 'you');
  console.warn({ kind: 'structured' });
  if (event.fail) throw new TypeError('no');
  return { ok: true };
};
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


def _create(client: Any, name: str, logging: Any, code: bytes | None = None, **fields: Any) -> None:
    archive = code or zip_of(app__py=_PYTHON)
    create(client, name, Code={"ZipFile": archive}, LoggingConfig=logging, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName=name)


def _lines(client: Any, name: str, event: Any = None) -> list[Any]:
    """Invoke; return the lines of its log, those in JSON as what they say."""
    answer = client.invoke(
        FunctionName=name, LogType="Tail", Payload=json.dumps(event or {}).encode()
    )
    return [_parsed(line) for line in base64.b64decode(answer["LogResult"]).decode().splitlines()]


def _parsed(line: str) -> Any:
    return json.loads(line) if line.startswith("{") else line


def _events(lines: list[Any]) -> dict[str, Any]:
    """The platform's own, by type."""
    return {
        line["type"].removeprefix("platform."): line["record"]
        for line in lines
        if isinstance(line, dict) and "type" in line
    }


def _own(lines: list[Any]) -> list[Any]:
    """What the function wrote."""
    return [line for line in lines if not (isinstance(line, dict) and "type" in line)]


def _whole_log(emulator: Running, group: str) -> list[Any]:
    events = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    return [_parsed(event["message"].rstrip("\n")) for event in events]


def test_the_platform_tells_of_an_invoke_in_json(emulator: Running, client: Any) -> None:
    _create(client, "whole", {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"})
    _lines(client, "whole")
    lines = _whole_log(emulator, "/aws/lambda/whole")
    types = [line["type"] for line in lines if isinstance(line, dict) and "type" in line]
    assert types == [
        f"platform.{each}"
        for each in "initStart initRuntimeDone initReport start runtimeDone report".split()
    ]
    # What was printed while loading stands where it was printed.
    assert [each["type"] if isinstance(each, dict) else each for each in lines[:3]] == [
        "platform.initStart",
        "printed while loading",
        "platform.initRuntimeDone",
    ]
    events = _events(lines)
    version = client.get_function_configuration(FunctionName="whole")["RuntimeVersionConfig"]
    assert events["initStart"] == {
        "initializationType": "on-demand",
        "phase": "init",
        "runtimeVersion": "python:3.12.v1",
        "runtimeVersionArn": version["RuntimeVersionArn"],
        "functionName": "whole",
        "functionVersion": "$LATEST",
    }
    done = {"initializationType": "on-demand", "phase": "init", "status": "success"}
    assert events["initRuntimeDone"] == done
    assert events["initReport"].pop("metrics")["durationMs"] > 0
    assert events["initReport"] == done
    request_id = events["start"]["requestId"]
    assert events["start"] == {"requestId": request_id, "version": "$LATEST"}
    assert events["runtimeDone"]["status"] == "success"
    assert events["runtimeDone"]["metrics"]["producedBytes"] == len('{"ok": true}')
    metrics = events["report"]["metrics"]
    assert metrics["memorySizeMB"] == 128
    assert 0 < metrics["maxMemoryUsedMB"] <= 128
    assert metrics["billedDurationMs"] >= metrics["durationMs"] + metrics["initDurationMs"]
    assert all(
        line["time"].endswith("Z") for line in lines if isinstance(line, dict) and "type" in line
    )
    # Warm, there is nothing to tell of an init.
    warm = _events(_lines(client, "whole"))
    assert list(warm) == ["start", "runtimeDone", "report"]
    assert "initDurationMs" not in warm["report"]["metrics"]


@pytest.mark.parametrize(
    ("level", "well", "badly"),
    [
        ("DEBUG", ["start", "runtimeDone", "report"], ["start", "runtimeDone", "report"]),
        ("INFO", ["start", "report"], ["start", "runtimeDone", "report"]),
        ("WARN", [], ["runtimeDone", "report"]),
    ],
)
def test_the_system_log_level_says_which_events_are_kept(
    client: Any, level: str, well: list[str], badly: list[str]
) -> None:
    name = f"system-{level}"
    _create(client, name, {"LogFormat": "JSON", "SystemLogLevel": level})
    _lines(client, name)
    assert list(_events(_lines(client, name))) == well
    events = _events(_lines(client, name, {"fail": True}))
    assert list(events) == badly
    assert events["report"]["status"] == "error"
    assert events["report"]["errorType"] == "ValueError"


@pytest.mark.parametrize(
    ("level", "levels"),
    [("DEBUG", ["DEBUG", "INFO", "WARNING"]), ("INFO", ["INFO", "WARNING"]), ("ERROR", [])],
)
def test_the_application_log_level_says_which_lines_are_kept(
    client: Any, level: str, levels: list[str]
) -> None:
    name = f"application-{level}"
    _create(client, name, {"LogFormat": "JSON", "ApplicationLogLevel": level})
    own = _own(_lines(client, name))
    assert [line["level"] for line in own if isinstance(line, dict)] == levels
    # What is printed, and not logged, is kept as it is.
    assert "plain" in own


def test_python_logs_in_json(client: Any) -> None:
    _create(client, "python", {"LogFormat": "JSON"})
    config = client.get_function_configuration(FunctionName="python")["LoggingConfig"]
    assert config == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": "/aws/lambda/python",
    }
    lines = _lines(client, "python", {"fail": True})
    request_id = _events(lines)["start"]["requestId"]
    info, structured, plain, caught, uncaught = _own(lines)
    assert info.pop("timestamp").endswith("Z")
    assert info == {
        "level": "INFO",
        "message": "hello you",
        "logger": "app",
        "requestId": request_id,
        "order": 7,
    }
    assert structured["message"] == {"kind": "structured"}
    assert plain == "plain"
    assert (caught["errorType"], caught["errorMessage"]) == (
        "ZeroDivisionError",
        "division by zero",
    )
    assert caught["location"].startswith("/var/task/app.py:handler:")
    assert (uncaught["level"], uncaught["errorType"]) == ("ERROR", "ValueError")
    assert uncaught["stackTrace"]


def test_node_logs_in_json(client: Any) -> None:
    need("node")
    _create(
        client,
        "node",
        {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"},
        zip_of(index__js=_NODE),
        Runtime="nodejs20.x",
        Handler="index.handler",
    )
    lines = _lines(client, "node", {"fail": True})
    request_id = _events(lines)["start"]["requestId"]
    debug, info, structured, uncaught = _own(lines)
    assert info.pop("timestamp").endswith("Z")
    assert info == {"level": "INFO", "requestId": request_id, "message": "hello you"}
    assert debug["level"] == "DEBUG"
    assert structured["message"] == {"kind": "structured"}
    assert uncaught["level"] == "ERROR"
    assert uncaught["message"]["errorType"] == "TypeError"


def test_a_timeout_is_a_status(client: Any) -> None:
    code = zip_of(app__py="import time\ndef handler(event, context):\n    time.sleep(30)\n")
    _create(client, "slow", {"LogFormat": "JSON"}, code, Timeout=1)
    lines = _lines(client, "slow")
    events = _events(lines)
    assert events["runtimeDone"]["status"] == events["report"]["status"] == "timeout"
    assert events["report"]["metrics"]["durationMs"] == 1000
    assert "errorType" not in events["report"]
    assert _own(lines) == []


def test_an_init_that_fails_is_told_at_every_level(emulator: Running, client: Any) -> None:
    code = zip_of(app__py="raise RuntimeError('no start')")
    _create(client, "broken", {"LogFormat": "JSON", "SystemLogLevel": "WARN"}, code)
    _lines(client, "broken")
    records = [
        (line["type"], line["record"].get("phase"), line["record"].get("errorType"))
        for line in _whole_log(emulator, "/aws/lambda/broken")
        if isinstance(line, dict) and "type" in line
    ]
    assert records == [
        ("platform.initRuntimeDone", "init", "RuntimeError"),
        ("platform.initReport", "init", "RuntimeError"),
        ("platform.initRuntimeDone", "invoke", "RuntimeError"),
        ("platform.initReport", "invoke", "RuntimeError"),
        ("platform.runtimeDone", None, "RuntimeError"),
        ("platform.report", None, "RuntimeError"),
    ]


def test_functions_may_share_a_log_group_of_their_choice(emulator: Running, client: Any) -> None:
    for name in ("first", "second"):
        _create(client, name, {"LogGroup": "/custom/group"})
        _lines(client, name)
    names = [
        group["logGroupName"]
        for group in emulator.client("logs").describe_log_groups(logGroupNamePrefix="/custom/")[
            "logGroups"
        ]
    ]
    assert names == ["/custom/group"]
    streams = emulator.client("logs").describe_log_streams(logGroupName="/custom/group")
    assert [
        stream["logStreamName"].split("/")[3].split("]")[0] for stream in streams["logStreams"]
    ] == [
        "first[$LATEST",
        "second[$LATEST",
    ]


def test_a_function_can_read_how_it_is_to_log(client: Any) -> None:
    code = zip_of(
        app__py="""
import os
def handler(event, context):
    return [{name: os.environ.get(f"AWS_LAMBDA_LOG_{name}") for name in ("FORMAT", "LEVEL")},
            context.log_group_name]
"""
    )
    _create(
        client,
        "variables",
        {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "elsewhere"},
        code,
    )
    told = json.load(client.invoke(FunctionName="variables")["Payload"])
    assert told == [{"FORMAT": "JSON", "LEVEL": "WARN"}, "elsewhere"]
