"""Runtime clients that are not ours work against the Runtime API, unchanged."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.settings import Settings
from tests.acceptance.test_faults import again, run
from tests.api.conftest import Running, create, zip_of
from tests.needs import need

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is built for Linux")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    pytest.importorskip("awslambdaric")
    running = Running(Settings(port=0, cpu_limit="none", bootstrap="awslambdaric"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


#: The client is a compiled wheel: only the interpreter it was installed for can load it.
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_awslambdaric_echoes_and_stays_warm(client: Any, emulator: Running) -> None:
    code = "n = 0\ndef handler(event, context):\n    global n; n += 1\n    return [n, event]\n"
    first = run(client, "ric", code, {"a": "ü"}, Runtime=RUNTIME, Timeout=60)
    assert first.payload == [1, {"a": "ü"}], first.log
    for n in range(2, 30):
        assert again(client, "ric", n).payload == [n, n]
    assert len(emulator.emulator.pools.environments) == 1


def test_awslambdaric_reports_errors(client: Any) -> None:
    call = run(
        client, "ric-raises", "def handler(event, context):\n    raise KeyError('x')\n",
        Runtime=RUNTIME, Timeout=60,
    )  # fmt: skip
    assert call.error == "Unhandled"
    assert call.payload["errorType"] == "KeyError"
    call = run(client, "ric-import", "import nowhere\n", Runtime=RUNTIME, Timeout=60)
    assert call.payload["errorType"] == "Runtime.ImportModuleError"


def test_a_shell_script_as_custom_runtime(client: Any) -> None:
    """The tutorial's runtime: curl in a loop, a new connection for every call."""
    need("curl")
    script = """#!/bin/sh
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null -d "{\\"got\\": $event}" \\
    "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, script)
    create(
        client,
        "shell",
        Runtime="provided.al2023",
        Handler="x",
        Timeout=60,
        MemorySize=1769,
        Code={"ZipFile": buffer.getvalue()},
    )
    for n in range(5):
        answer = client.invoke(FunctionName="shell", Payload=json.dumps(n).encode())
        assert json.load(answer["Payload"]) == {"got": n}


def test_boto3_is_there_and_nothing_else_of_ours() -> None:
    running = Running(Settings(port=0, cpu_limit="none"))
    try:
        code = """
import importlib, os
def handler(event, context):
    import boto3
    seen = []
    for name in ("fastapi", "uvicorn", "typer", "orjson", "emulator", "docker", "watchfiles"):
        try:
            importlib.import_module(name)
            seen.append(name)
        except ImportError:
            pass
    client = boto3.client("lambda")
    names = [f["FunctionName"] for f in client.list_functions()["Functions"]]
    return {"seen": seen, "names": names, "from": os.path.dirname(boto3.__file__)}
"""
        client = running.client("lambda")
        call = run(client, "sdk", code, Timeout=30, MemorySize=1769)
        assert call.payload["seen"] == []
        assert call.payload["names"] == ["sdk"], "the SDK inside talks to this emulator"
        assert call.payload["from"] == "/var/lang/lib/python3.12/site-packages/boto3"
        own = zip_of(
            app__py="import boto3\ndef handler(e, c):\n    return boto3.mine\n",
            boto3__py="mine = True\n",
        )
        create(client, "own-sdk", Code={"ZipFile": own})
        answer = client.invoke(FunctionName="own-sdk")
        assert json.load(answer["Payload"]) is True, "the user's own package comes first"
    finally:
        running.stop()
