"""Executions that were acknowledged end as they would have, whatever kills the emulator."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

#: How often the emulator is killed; 100 in the long run.
_ROLE = "arn:aws:iam::000000000000:role/workflows"


def _definition(url: str) -> str:
    """Return a workflow with all that can be interrupted: waits, tokens, branches, iterations."""
    token = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": url,
            "MessageBody": {"Token.$": "$$.Task.Token", "N.$": "$.n"},
        },
        "ResultPath": "$.approved",
        "Next": "Each",
    }
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 2,
        "ItemProcessor": {
            "StartAt": "Pause",
            "States": {
                "Pause": {"Type": "Wait", "Seconds": 0, "Next": "Double"},
                "Double": {
                    "Type": "Pass",
                    "Parameters": {"twice.$": "States.MathAdd($, $)"},
                    "End": True,
                },
            },
        },
        "ResultPath": "$.doubled",
        "Next": "Both",
    }
    branch = {
        "StartAt": "Left",
        "States": {"Left": {"Type": "Wait", "Seconds": 1, "End": True}},
    }
    other = {
        "StartAt": "Right",
        "States": {"Right": {"Type": "Pass", "Result": "right", "End": True}},
    }
    states = {
        "First": {"Type": "Pass", "Result": [1, 2, 3], "ResultPath": "$.items", "Next": "Token"},
        "Token": token,
        "Each": each,
        "Both": {
            "Type": "Parallel",
            "Branches": [branch, other],
            "ResultPath": "$.both",
            "Next": "Last",
        },
        "Last": {"Type": "Pass", "Parameters": {"n.$": "$.n", "doubled.$": "$.doubled[*].twice",
                 "right.$": "$.both[1]", "approved.$": "$.approved"}, "End": True},
    }  # fmt: skip
    return json.dumps({"StartAt": "First", "States": states})


def _expected(n: int) -> dict[str, Any]:
    return {"n": n, "doubled": [2, 4, 6], "right": "right", "approved": {"by": n}}


class _Load:
    """Starts executions and answers their tokens while the emulator comes and goes."""

    def __init__(self, arn: str, url: str) -> None:
        self.arn, self.url = arn, url
        self.acknowledged: dict[str, int] = {}
        #: What a start was answered in the end: the emulator is gone, or refuses.
        self.refused: Exception | None = None
        self._next = 0
        self._lock = threading.Lock()

    def start(self, client: Any) -> None:
        while True:
            with self._lock:
                n, self._next = self._next, self._next + 1
            try:
                answer = client.start_execution(
                    stateMachineArn=self.arn, name=f"run-{n}", input=json.dumps({"n": n})
                )
            except (BotoCoreError, ClientError) as error:
                self.refused = error
                return
            self.acknowledged[answer["executionArn"]] = n
            time.sleep(0.005)

    def answer(self, client: Any, queues: Any, until: float = float("inf")) -> None:
        """Answer tokens until the emulator is gone, or until a time."""
        while time.monotonic() < until:
            try:
                found = queues.receive_message(
                    QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1
                )
                for message in found.get("Messages", ()):
                    body = json.loads(message["Body"])
                    # It may have been answered before the emulator was killed.
                    with suppress(client.exceptions.TaskTimedOut):
                        client.send_task_success(
                            taskToken=body["Token"], output=json.dumps({"by": body["N"]})
                        )
                    queues.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            except (BotoCoreError, ClientError):
                return


def _check_history(client: Any, arn: str) -> None:
    """Check that a history has no gap, and no state that was entered twice without a record."""
    events: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = client.get_execution_history(executionArn=arn, maxResults=1000, **token)
        events += page["events"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    assert all(each["previousEventId"] < each["id"] for each in events)
    entered = [each for each in events if each["type"].endswith("StateEntered")]
    names = [each["stateEnteredEventDetails"]["name"] for each in entered]
    once = ("First", "Token", "Each", "Both", "Left", "Right", "Last")
    assert all(names.count(name) == 1 for name in once), names
    assert names.count("Pause") == names.count("Double") == 3, names
    assert events[-1]["type"] == "ExecutionSucceeded"


@pytest.mark.slow
@kills(few=4)
# botocore leaves sockets of a peer that was killed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_executions_survive_kills(tmp_path: Path, kills: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    emulator = Emulator(tmp_path / "state")
    client, queues = emulator.client("stepfunctions"), emulator.client("sqs")
    try:
        attributes = {"VisibilityTimeout": "2"}
        url = queues.create_queue(QueueName="tokens", Attributes=attributes)["QueueUrl"]
        # The port changes with each start.
        url = url.replace(f":{emulator.port}", ":4566")
        arn = client.create_state_machine(
            name="killed", definition=_definition(url), roleArn=_ROLE
        )["stateMachineArn"]
        load = _Load(arn, url)
        for _ in range(kills):
            with ThreadPoolExecutor(3) as threads:
                threads.submit(load.start, client)
                threads.submit(load.answer, client, queues)
                threads.submit(load.answer, client, queues)
                wanted = len(load.acknowledged) + chance.randint(11, 40)
                while len(load.acknowledged) < wanted and load.refused is None:
                    time.sleep(0.01)
                assert load.refused is None, load.refused
                emulator.kill()
            load.refused = None
            emulator = Emulator(tmp_path / "state")
            client, queues = emulator.client("stepfunctions"), emulator.client("sqs")
        assert len(load.acknowledged) > 10 * kills
        waiting = dict(load.acknowledged)
        end = time.monotonic() + PATIENCE_S
        while waiting and time.monotonic() < end:
            load.answer(client, queues, time.monotonic() + 0.5)
            for each, n in list(waiting.items()):
                found = client.describe_execution(executionArn=each)
                if found["status"] == "RUNNING":
                    break
                assert found["status"] == "SUCCEEDED", found
                assert json.loads(found["output"]) == _expected(n)
                del waiting[each]
        assert not waiting, f"{len(waiting)} of {len(load.acknowledged)} did not end"
        for each in chance.sample(list(load.acknowledged), min(100, len(load.acknowledged))):
            _check_history(client, each)
    finally:
        emulator.kill()
