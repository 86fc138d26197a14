"""The AWS CLI drives every operation of SQS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.services.sqs.operations import OPERATIONS
from tests.acceptance.conftest import Up
from tests.patience import PATIENCE_S, until

#: One process for all commands: each of its own would take a second to import the CLI.
_CLI = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = create_clidriver().main(json.loads(line))
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


class Cli:
    """The AWS CLI against an emulator."""

    def __init__(self, url: str) -> None:
        environ = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        # Version 1 of the CLI heeds no AWS_ENDPOINT_URL for SQS.
        self._url = url
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLI],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        #: The commands that succeeded.
        self.done: set[str] = set()

    def __call__(self, command: str, **options: Any) -> Any:
        """Run ``aws sqs COMMAND``; returns the JSON it printed, or fails the test."""
        code, out, err = self.run(command, **options)
        assert code == 0, f"{command}: {err or out}"
        self.done.add(command)
        return json.loads(out) if out.strip() else None

    def run(self, command: str, **options: Any) -> tuple[int, str, str]:
        words = ["--endpoint-url", self._url, "sqs", command, "--output", "json"]
        for name, value in options.items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        code, out, err = json.loads(self._process.stdout.readline())
        return code, out, err

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def cli(samples_up: Up) -> Iterator[Cli]:
    cli = Cli(samples_up.url)
    yield cli
    cli.close()


def _handles(cli: Cli, url: str, count: int) -> list[str]:
    """Receive so many messages; returns their handles."""
    found: list[str] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < end:
        answer = cli("receive-message", queue_url=url, max_number_of_messages=10) or {}
        found += [message["ReceiptHandle"] for message in answer.get("Messages", [])]
    assert len(found) == count
    return found


def _entries(handles: list[str], **more: Any) -> list[dict[str, Any]]:
    return [{"Id": str(n), "ReceiptHandle": each, **more} for n, each in enumerate(handles)]


@pytest.mark.slow
def test_every_operation(cli: Cli) -> None:
    dead = cli("create-queue", queue_name="cli-dead")["QueueUrl"]
    arn = cli("get-queue-attributes", queue_url=dead, attribute_names="QueueArn")
    dead_arn = arn["Attributes"]["QueueArn"]
    url = cli("create-queue", queue_name="cli-work", attributes={"VisibilityTimeout": "60"})
    url = url["QueueUrl"]
    assert cli("get-queue-url", queue_name="cli-work")["QueueUrl"] == url
    assert set(cli("list-queues", queue_name_prefix="cli-")["QueueUrls"]) == {dead, url}
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    cli("set-queue-attributes", queue_url=url, attributes={"RedrivePolicy": policy})
    assert cli("list-dead-letter-source-queues", queue_url=dead)["queueUrls"] == [url]
    cli("tag-queue", queue_url=url, tags={"team": "orders", "stage": "test"})
    cli("untag-queue", queue_url=url, tag_keys="stage")
    assert cli("list-queue-tags", queue_url=url)["Tags"] == {"team": "orders"}
    shared = {"queue_url": url, "label": "share"}
    cli("add-permission", **shared, aws_account_ids="111111111111", actions="SendMessage")
    cli("remove-permission", **shared)

    value = {"kind": {"DataType": "Number", "StringValue": "7"}}
    sent = cli("send-message", queue_url=url, message_body="one", message_attributes=value)
    assert sent["MD5OfMessageBody"] == "f97c5d29941bfb1b2fdab0874906ab82"
    batch = [{"Id": str(n), "MessageBody": f"more {n}"} for n in range(3)]
    assert len(cli("send-message-batch", queue_url=url, entries=batch)["Successful"]) == 3
    first, second, *rest = _handles(cli, url, 4)
    cli("delete-message", queue_url=url, receipt_handle=first)
    gone = cli("delete-message-batch", queue_url=url, entries=_entries([second]))
    assert len(gone["Successful"]) == 1
    back = {"receipt_handle": rest[0], "visibility_timeout": "0"}
    cli("change-message-visibility", queue_url=url, **back)
    entries = _entries(rest[1:], VisibilityTimeout=0)
    cli("change-message-visibility-batch", queue_url=url, entries=entries)
    # Received once already: both go to the dead-letter queue instead.
    assert cli("receive-message", queue_url=url, max_number_of_messages=10) is None
    until(lambda: _count(cli, dead) == 2)
    # One a second: it is still under way when it is cancelled.
    batch = [{"Id": str(n), "MessageBody": "dead"} for n in range(10)]
    for _ in range(12):
        cli("send-message-batch", queue_url=dead, entries=batch)
    work_arn = dead_arn.replace("cli-dead", "cli-work")
    slow = {"source_arn": dead_arn, "destination_arn": work_arn}
    slow["max_number_of_messages_per_second"] = "1"
    task = cli("start-message-move-task", **slow)["TaskHandle"]
    cli("cancel-message-move-task", task_handle=task)
    (listed,) = cli("list-message-move-tasks", source_arn=dead_arn)["Results"]
    assert listed["Status"] == "CANCELLED"
    cli("purge-queue", queue_url=url)
    code, _, err = cli.run("purge-queue", queue_url=url)
    assert code == 254 or code == 255
    assert "AWS.SimpleQueueService.PurgeQueueInProgress" in err
    for each in (url, dead):
        cli("delete-queue", queue_url=each)
    code, _, err = cli.run("get-queue-url", queue_name="cli-work")
    assert "AWS.SimpleQueueService.NonExistentQueue" in err
    assert {command.title().replace("-", "") for command in cli.done} == OPERATIONS.keys()


def _count(cli: Cli, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    told = cli("get-queue-attributes", queue_url=url, attribute_names=name)
    return int(told["Attributes"][name])
