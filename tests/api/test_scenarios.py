"""A scenario at an emulator that runs, as a test of one's own would have it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from emulator.cli.application import run
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.api.test_admin import get


def test_a_plan_happens_to_the_calls_it_names(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[[fault]]\nfunction = "planned"\ncall = 2\ndo = "throttle"\n'
        '[[fault]]\ncall = 3\ndo = "late"\nseconds = 0.05\n'
    )
    settings = Settings(port=0, transition_seconds=0, scenario=plan, seed=3)
    running = Running(settings, driver=ScriptedDriver())
    try:
        client = running.client("lambda")
        create(client, "planned")
        assert client.invoke(FunctionName="planned", Payload=b"1")["Payload"].read() == b"1"
        with pytest.raises(ClientError) as caught:
            client.invoke(FunctionName="planned")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert client.invoke(FunctionName="planned", Payload=b"3")["Payload"].read() == b"3"
    finally:
        running.stop()


def test_quick_calls_are_killed_and_refused_ones_have_their_time(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[[fault]]\ncall = 2\ndo = "kill"\n[[fault]]\ncall = 4\ndo = "out-of-memory"\n'
        '[[fault]]\ncall = 5\ndo = "throttle"\n'
    )
    running = Running(Settings(port=0, transition_seconds=0, scenario=plan))
    try:
        client = running.client("lambda")
        code = {"ZipFile": archive({"app.py": "def handler(event, context):\n    return 1\n"})}
        create(client, "quick", Code=code, Handler="app.handler", Runtime="python3.12")
        client.get_waiter("function_active_v2").wait(FunctionName="quick")
        before, told = time.time(), []
        for _ in range(4):
            told.append(json.loads(client.invoke(FunctionName="quick")["Payload"].read()))
        with pytest.raises(ClientError):
            client.invoke(FunctionName="quick")
        assert told[0] == told[2] == 1
        # AWS tells the caller of neither more than this.
        assert [each["errorType"] for each in told[1::2]] == ["Runtime.ExitError"] * 2
        listed = get(running, "invocations?function=quick")["invocations"]
        assert [each["status"] for each in listed] == [
            "throttled",
            "error",
            "success",
            "error",
            "success",
        ]
        kinds = [each["error_type"] for each in listed if each["status"] != "success"]
        assert kinds == ["TooManyRequestsException", "Runtime.OutOfMemory", "Runtime.ExitError"]
        assert all(each["requested"] >= before - 1 for each in listed)
    finally:
        running.stop()


def test_a_broken_plan_ends_the_start_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\ncall = 2\ndo = "explode"\n')
    assert run(["up", "--scenario", str(plan), "--port", "0"]) != 0
    assert f"{plan}: line 3, column 6: do is one of" in capsys.readouterr().err.replace("\n", " ")
