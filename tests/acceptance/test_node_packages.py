"""Packages of all Node.js functions: found after their own, as AWS's runtimes bring the SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.nodejs import node_packages
from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of
from tests.needs import need

_REQUIRE = """
const { whose } = require('@aws-sdk/client-made-up');
exports.handler = async () => whose;
"""
_IMPORT = """
import { whose } from '@aws-sdk/client-made-up';
export const handler = async () => whose;
"""
_MISSING = "require('@aws-sdk/client-missing');\n"


def _package(folder: Path, whose: Any) -> None:
    folder = folder / "@aws-sdk" / "client-made-up"
    folder.mkdir(parents=True)
    folder.joinpath("package.json").write_text('{"name": "@aws-sdk/client-made-up"}')
    folder.joinpath("index.js").write_text(f"exports.whose = {whose!r};\n")


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    need("node")
    monkeypatch.setenv("HOME", str(tmp_path))
    _package(node_packages(), "everybody")
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


def _result(client: Any, name: str, **files: Any) -> Any:
    create(
        client,
        name,
        Code={"ZipFile": zip_of(**files)},
        Runtime="nodejs20.x",
        Handler="index.handler",
        Timeout=60,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return json.load(client.invoke(FunctionName=name)["Payload"])


def test_they_are_found_and_told_of_where_they_are_missing(running: Running) -> None:
    client = running.client("lambda")
    assert _result(client, "require", index__js=_REQUIRE) == "everybody"
    assert _result(client, "import", index__mjs=_IMPORT) == "everybody"
    own = {"node_modules/@aws-sdk/client-made-up/index__js": "exports.whose = 'mine';\n"}
    assert _result(client, "own", index__js=_REQUIRE, **own) == "mine"
    told = _result(client, "missing", index__js=_MISSING)
    assert told["errorType"] == "Runtime.ImportModuleError"
    assert (
        "npm install --prefix ~/.localfaas/nodejs @aws-sdk/client-missing" in (told["errorMessage"])
    )
