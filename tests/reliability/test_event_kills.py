"""The emulator is killed while buckets tell and schedules come due: nothing acknowledged is lost.

The seed is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

WRITERS = 4
ARN = "arn:aws:sqs:us-east-1:000000000000:told"


class Writer(threading.Thread):
    """Puts objects until the emulator is gone; knows which were acknowledged."""

    def __init__(self, client: Any, name: str) -> None:
        super().__init__(daemon=True)
        self.client, self.prefix = client, name
        self.done: list[str] = []

    def run(self) -> None:
        try:
            for number in range(10_000):
                key = f"{self.prefix}/{number}"
                self.client.put_object(Bucket="told", Key=key, Body=b"")
                self.done.append(key)
        except (BotoCoreError, ClientError, OSError):
            return


def _done(writers: list[Writer], least: int) -> bool:
    return sum(len(each.done) for each in writers) >= least


def drain(emulator: Emulator, seen: set[str], expected: set[str]) -> None:
    """Receive until all that is expected has been seen."""
    sqs = emulator.client("sqs")
    url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    end = time.monotonic() + PATIENCE_S
    while not expected <= seen and time.monotonic() < end:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            body = message["Body"]
            found = json.loads(body) if body.startswith("{") else {}
            seen |= {each["s3"]["object"]["key"] for each in found.get("Records", ())} or {body}
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert expected <= seen, sorted(expected - seen)[:5]


@pytest.mark.slow
@kills(few=4)
def test_each_acknowledged_object_is_told_and_each_schedule_called(
    tmp_path: Path, kills: int
) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED") or random.randrange(2**32))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    expected: set[str] = set()
    seen: set[str] = set()
    emulator = Emulator(tmp_path)
    emulator.client("sqs").create_queue(QueueName="told")
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="told")
    entry = {"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="told", NotificationConfiguration={"QueueConfigurations": [entry]}
    )
    for kill in range(kills):
        scheduler = emulator.client("scheduler")
        for number in range(5):
            # Some come due before the kill, some while nothing runs, some after it.
            at = datetime.now(UTC) + timedelta(seconds=choice.uniform(0.5, 4))
            name = f"schedule-{kill}-{number}"
            scheduler.create_schedule(
                Name=name,
                ScheduleExpression=f"at({at.strftime('%Y-%m-%dT%H:%M:%S')})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": ARN,
                    "RoleArn": "arn:aws:iam::000000000000:role/r",
                    "Input": name,
                },
            )
            expected.add(name)
        writers = [Writer(emulator.client("s3"), f"{kill}-{n}") for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        least = choice.randrange(20, 150)
        until(partial(_done, writers, least))
        emulator.kill()
        for writer in writers:
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
            expected |= set(writer.done)
        emulator = Emulator(tmp_path)
        drain(emulator, seen, expected)
    emulator.kill()
