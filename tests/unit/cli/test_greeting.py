"""What ``up`` says when the emulator is there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.cli.greeting import greet
from emulator.driver.languages import python
from emulator.settings import Settings
from emulator.testing import ScriptedDriver


class Limited(ScriptedDriver):
    """A driver that can't do everything here."""

    def notes(self) -> list[str]:
        return ["No control groups here."]


@pytest.mark.parametrize("driver", [ScriptedDriver(), Limited()])
async def test_what_the_machine_lacks_has_a_remedy(
    driver: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator = Emulator(Settings(port=0), driver=driver)

    def ready() -> None:
        greet(emulator)
        emulator.stop()

    await emulator.run(ready)
    said = capsys.readouterr().err
    lacks = [f"note: {note}" for note in driver.notes()]
    remedy = "note: `localfaas doctor` says what can be done about this machine."
    assert said.splitlines() == ([*lacks, remedy] if lacks else [])


async def test_a_function_to_debug_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator = Emulator(Settings(port=0, debug=("lost=5999",)), driver=ScriptedDriver())

    def ready() -> None:
        greet(emulator)
        emulator.stop()

    await emulator.run(ready)
    said = capsys.readouterr().out
    assert "lost, which is not here yet: a debugger can attach to 127.0.0.1:5999" in said


async def test_a_debugger_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(python, "find_spec", lambda name: None)
    (tmp_path / "app.py").write_text("def handler(event, context): ...")
    settings = Settings(port=0, functions=(tmp_path,), debug=(tmp_path.name,), watch=False)
    emulator = Emulator(settings, driver=ScriptedDriver())

    def ready() -> None:
        greet(emulator)
        emulator.stop()

    await emulator.run(ready)
    said = capsys.readouterr()
    assert "can attach" not in said.out
    assert f"no debugger can attach to {tmp_path.name}: debugpy is not there: `pip" in said.err


@pytest.mark.parametrize("kind", ["http", "rest"])
async def test_the_routes_of_apis_are_shown(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    emulator = Emulator(Settings(port=0), driver=ScriptedDriver())
    function = "arn:aws:lambda:us-east-1:000000000000:function:pets"

    async def make() -> None:
        call = emulator.table.call
        if kind == "http":
            request = {"Name": "web", "ProtocolType": "HTTP", "Target": function}
            await call("apigatewayv2", "CreateApi", {**request, "RouteKey": "GET /pets/{id}"})
            return
        api = await call("apigateway", "CreateRestApi", {"name": "web"})
        named = {"restApiId": api["id"], "resourceId": api["rootResourceId"]}
        method = {**named, "httpMethod": "GET"}
        await call("apigateway", "PutMethod", {**method, "authorizationType": "AWS_IAM"})
        uri = (
            f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
        )
        await call(
            "apigateway",
            "PutIntegration",
            {**method, "type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri},
        )
        named = {"restApiId": api["id"], "stageName": "dev"}
        await call("apigateway", "CreateDeployment", named)

    def ready() -> None:
        async def show() -> None:
            try:
                await make()
                greet(emulator)
            finally:
                emulator.stop()

        running.append(asyncio.get_running_loop().create_task(show()))

    running: list[asyncio.Task[None]] = []
    await emulator.run(ready)
    await running[0]
    said = capsys.readouterr().out.splitlines()
    (heading,) = [n for n, line in enumerate(said) if line.startswith("web: http://")]
    row = ["GET", "/pets/{id}", "pets", "-"] if kind == "http" else ["GET", "/", "pets", "IAM"]
    assert said[heading + 2].split() == row
