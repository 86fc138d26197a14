"""Node.js functions start with the options AWS's have: modules are what their names say."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.nodejs import LANGUAGE
from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create
from tests.needs import need
from tests.node_versions import VERSIONS, node

PACKAGE = {
    "node_modules/only-esm/package.json": '{"type": "module", "exports": "./index.js"}',
    "node_modules/only-esm/index.js": "export const v = 'esm';",
}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    need("node")
    running = Running(settings("process"))
    yield running.client("lambda")
    running.stop()


def invoke(
    client: Any, name: str, files: Mapping[str, str], **variables: str
) -> tuple[Any, str | None]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            info = zipfile.ZipInfo(path)
            info.external_attr = 0o644 << 16
            archive.writestr(info, text)
    create(
        client,
        name,
        Code={"ZipFile": buffer.getvalue()},
        Handler="index.handler",
        Runtime="nodejs20.x",
        Timeout=30,
        Environment={"Variables": variables},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    answer = client.invoke(FunctionName=name)
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


REQUIRES = {"index.js": "const {v} = require('only-esm'); exports.handler = async () => v;"}


def test_es_modules_cannot_be_required(client: Any) -> None:
    payload, error = invoke(client, "require-esm", {**REQUIRES, **PACKAGE})
    assert error == "Unhandled"
    assert payload["errorType"] == "Error"
    assert payload["errorMessage"].startswith("require() of ES Module /var/task/node_modules/only")


def test_unless_node_options_allow_it(client: Any) -> None:
    given = {"NODE_OPTIONS": "--experimental-require-module"}
    payload, error = invoke(client, "require-allowed", {**REQUIRES, **PACKAGE}, **given)
    assert (payload, error) == ("esm", None)


def test_modules_are_not_told_by_their_syntax(client: Any) -> None:
    code = {"index.js": "export const handler = async () => 'detected';"}
    payload, error = invoke(client, "syntax", code)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.UserCodeSyntaxError"


@pytest.mark.parametrize("major", VERSIONS)
def test_the_options_of_each_version(major: int) -> None:
    interpreter = Interpreter(LANGUAGE, major, node(major).resolve())
    both = ["--no-experimental-require-module", "--no-experimental-detect-module"]
    assert LANGUAGE.options(interpreter, {}) == both
    asked = {"NODE_OPTIONS": "--experimental-require-module --max-old-space-size=100"}
    assert LANGUAGE.options(interpreter, asked) == both[1:]


def test_a_version_that_knows_no_such_option_gets_none(tmp_path: Path) -> None:
    header = tmp_path / "include" / "node" / "node_version.h"
    header.parent.mkdir(parents=True)
    header.write_text("#define NODE_MAJOR_VERSION 18\n#define NODE_MINOR_VERSION 20\n")
    interpreter = Interpreter(LANGUAGE, 18, tmp_path / "bin" / "node")
    assert LANGUAGE.options(interpreter, {}) == []
