"""A function's life, told to the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running, zip_of

_CODE = """
import os
def handler(event, context):
    print("hello from the function")
    return {"event": event, "stage": os.environ.get("STAGE"), "version": context.function_version}
"""


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


class Cli:
    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "awscli", *words],
            env=self._environ,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def __call__(self, *words: str) -> Any:
        """Run a command that is to succeed; return what it printed, as what it says."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def invoke(self, *words: str) -> tuple[Any, Any]:
        told = self("lambda", "invoke", "--function-name", "cli", *words, "out.json")
        return told, json.loads((self._folder / "out.json").read_text())


@pytest.mark.slow
def test_the_life_of_a_function(running: Running, tmp_path: Path) -> None:
    aws = Cli(running.url, tmp_path)
    (tmp_path / "code.zip").write_bytes(zip_of(app__py=_CODE))
    named = ("--function-name", "cli")
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
    created = aws(
        *("lambda", "create-function", *named, "--runtime", "python3.12"),
        *("--handler", "app.handler", "--zip-file", "fileb://code.zip"),
        *("--role", "arn:aws:iam::000000000000:role/role", "--tags", "team=blue"),
        *("--environment", "Variables={STAGE=dev}"),
    )
    assert created["State"] == "Pending"
    aws("lambda", "wait", "function-active-v2", *named)
    told, payload = aws.invoke("--payload", '{"a": 1}', "--log-type", "Tail")
    assert told["StatusCode"] == 200
    assert told["ExecutedVersion"] == "$LATEST"
    assert payload == {"event": {"a": 1}, "stage": "dev", "version": "$LATEST"}

    assert aws("lambda", "publish-version", *named)["Version"] == "1"
    aws("lambda", "create-alias", *named, "--name", "live", "--function-version", "1")
    aws("lambda", "update-function-configuration", *named, "--environment", "Variables={STAGE=two}")
    aws("lambda", "wait", "function-updated-v2", *named)
    assert aws.invoke("--qualifier", "live")[1]["stage"] == "dev"
    assert aws.invoke()[1]["stage"] == "two"
    shown = aws("lambda", "list-versions-by-function", *named, "--query", "Versions[].Version")
    assert shown == ["$LATEST", "1"]

    url = aws("lambda", "create-function-url-config", *named, "--auth-type", "NONE")["FunctionUrl"]
    # Not every machine's resolver knows the names below localhost.
    named_host = urllib.request.Request(running.url, headers={"Host": url.split("/")[2]})
    with urllib.request.urlopen(named_host) as answer:
        assert json.load(answer)["stage"] == "two"
    layer = aws(
        *("lambda", "publish-layer-version", "--layer-name", "layer"),
        *("--zip-file", "fileb://code.zip", "--compatible-runtimes", "python3.12"),
    )
    assert layer["Version"] == 1
    aws("lambda", "put-function-concurrency", *named, "--reserved-concurrent-executions", "0")
    refused = aws.run("lambda", "invoke", *named, "out.json")
    assert refused.returncode != 0
    assert "TooManyRequestsException" in refused.stderr
    assert "Rate Exceeded." in refused.stderr
    logged = aws(
        *("logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli"),
        *("--filter-pattern", "hello", "--query", "events[].message"),
    )
    assert logged == ["hello from the function\n"] * 4
    assert aws("lambda", "list-functions", "--query", "Functions[].FunctionName") == ["cli"]
    aws("lambda", "delete-function", *named)
    missing = aws.run("lambda", "get-function", *named)
    assert "ResourceNotFoundException" in missing.stderr
