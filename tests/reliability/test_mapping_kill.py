"""A message that was acknowledged reaches its function, whatever kills the emulator meanwhile."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.api.conftest import create, zip_of
from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator

#: Tells another queue what it was given. The SDK would take longer to load than all else here.
_TELL = zip_of(
    app__py="""
import json, os, urllib.request

def handler(event, context):
    entries = [{"Id": str(n), "MessageBody": record["body"]}
               for n, record in enumerate(event["Records"])]
    body = {"QueueUrl": "http://queue/000000000000/told", "Entries": entries}
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), {
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessageBatch"})
    assert not json.load(urllib.request.urlopen(request)).get("Failed")
"""
)


def _load(sqs: Any, url: str, prefix: str, acknowledged: set[str]) -> None:
    """Send messages until the emulator is gone."""
    for n in range(100_000):
        entries = [{"Id": str(k), "MessageBody": f"{prefix}-{n}-{k}"} for k in range(10)]
        try:
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError):
            return
        acknowledged |= {f"{prefix}-{n}-{each['Id']}" for each in answer["Successful"]}


def _more_than(acknowledged: set[str], count: int) -> bool:
    return len(acknowledged) > count


def _take(sqs: Any, url: str) -> set[str]:
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get(
        "Messages", []
    )
    if messages:
        entries = [
            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
            for n, message in enumerate(messages)
        ]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return {message["Body"] for message in messages}


@pytest.mark.slow
# botocore leaves sockets of a peer that was killed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="the process driver runs on Linux")
def test_no_acknowledged_message_is_lost(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    emulator = Emulator(tmp_path / "state")
    client, sqs = emulator.client("lambda"), emulator.client("sqs")
    try:
        told_url = sqs.create_queue(QueueName="told")["QueueUrl"]
        name = {"QueueName": "queue", "Attributes": {"VisibilityTimeout": "10"}}
        url = sqs.create_queue(**name)["QueueUrl"]
        create(client, Code={"ZipFile": _TELL}, Timeout=10, MemorySize=1769)
        client.get_waiter("function_active_v2").wait(FunctionName="hello")
        client.create_event_source_mapping(
            FunctionName="hello", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:queue"
        )
        for kill in range(3):
            with ThreadPoolExecutor(2) as threads:
                for thread in range(2):
                    threads.submit(_load, sqs, url, f"{kill}-{thread}", acknowledged)
                wanted = len(acknowledged) + 50
                until(partial(_more_than, acknowledged, wanted))
                emulator.kill()
            emulator = Emulator(tmp_path / "state")
            sqs = emulator.client("sqs")
        told: set[str] = set()
        end = time.monotonic() + PATIENCE_S
        while acknowledged - told and time.monotonic() < end:
            told |= _take(sqs, told_url)
        assert not acknowledged - told
    finally:
        emulator.kill()
