"""A scenario at an emulator that runs, as a test of one's own would have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from emulator.cli.application import run
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running, create


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


def test_a_broken_plan_ends_the_start_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\ncall = 2\ndo = "explode"\n')
    assert run(["up", "--scenario", str(plan), "--port", "0"]) != 0
    assert f"{plan}: line 3, column 6: do is one of" in capsys.readouterr().err.replace("\n", " ")
