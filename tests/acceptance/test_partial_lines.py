"""What is printed without a newline is an event of its own invocation, in every runtime.

Python stands in ``test_faults.py``. Source: rows L1 and L3 of what public reports say of it.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.drivers import settings
from tests.api.conftest import Running, create
from tests.needs import need

NODE = """
console.log('at import');
exports.handler = async (event) => {
  process.stdout.write(`partial ${event.n}`);
  if (event.then === 'exit') process.exit(1);
  if (event.then === 'crash') process.kill(process.pid, 'SIGSEGV');
  if (event.then === 'sleep') await new Promise((done) => setTimeout(done, 30000));
};
"""
SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/next")
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  printf 'partial %s' "$(echo "$event" | tr -dc 0-9)"
  case $event in
    *exit*) exit 1 ;;
    *crash*) kill -SEGV $$ ;;
    *sleep*) sleep 30 ;;
  esac
  curl -sS -o /dev/null -d null "$api/$id/response"
done
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    running = Running(settings("process"))
    yield running.client("lambda")
    running.stop()


def log_of(client: Any, name: str, n: int, then: str) -> str:
    answer = client.invoke(
        FunctionName=name, LogType="Tail", Payload=json.dumps({"n": n, "then": then}).encode()
    )
    return base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize("then", ["answer", "exit", "crash", "sleep"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("kind", ["node", "custom"])
def test_a_line_without_a_newline(client: Any, kind: str, log_format: str, then: str) -> None:
    need("node" if kind == "node" else "curl")
    entry = zipfile.ZipInfo("index.js" if kind == "node" else "bootstrap")
    entry.external_attr = 0o755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, NODE if kind == "node" else SHELL)
    name = f"partial-{kind}-{log_format}-{then}"
    create(
        client,
        name,
        Runtime="nodejs20.x" if kind == "node" else "provided.al2023",
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=8 if then == "sleep" else 60,
        MemorySize=1769,
        LoggingConfig={"LogFormat": log_format},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    first, second = log_of(client, name, 1, then), log_of(client, name, 2, "answer")
    # What ends an invocation, in both formats.
    ends = r'(?:.* Task timed out .*\n)?(?:END |\{"time":"[^"]*","type":"platform\.)'
    assert re.search(rf"^partial 1\n{ends}", first, re.M), first
    assert re.search(rf"^partial 2\n{ends}", second, re.M), second
    assert "partial 1" not in second
