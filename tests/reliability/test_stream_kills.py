"""The emulator is killed while records are put and polled.

Nothing that was acknowledged is lost, no record is skipped, and the order of each key holds: a
record that a function has for the first time comes after all earlier ones of its key.
The seed is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.api.conftest import create, zip_of
from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

KEYS = 8
#: Writes what it was given to another stream. The SDK would take longer to load than all else here.
_TELL = zip_of(
    app__py="""
import json, os, urllib.request

def handler(event, context):
    records = [{"Data": each["kinesis"]["data"], "PartitionKey": each["kinesis"]["partitionKey"]}
               for each in event["Records"]]
    body = {"StreamName": "told", "Records": records}
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "Kinesis_20131202.PutRecords"})
    assert not json.load(urllib.request.urlopen(request))["FailedRecordCount"]
"""
)


class Writer(threading.Thread):
    """Puts the numbers of one key, one after the other, until the emulator is gone.

    Attributes:
        acknowledged: The numbers that were acknowledged.
        next: The number that is put next.
    """

    def __init__(self, client: Any, key: str, first: int) -> None:
        super().__init__(daemon=True)
        self.client, self.key, self.next = client, key, first
        self.acknowledged: list[int] = []

    def run(self) -> None:
        try:
            while True:
                number, self.next = self.next, self.next + 1
                self.client.put_record(
                    StreamName="put", Data=f"{number}".encode(), PartitionKey=self.key
                )
                self.acknowledged.append(number)
                # A shard takes so many a second.
                time.sleep(0.003)
        except (BotoCoreError, ClientError, OSError):
            return


def _done(writers: list[Writer], least: int) -> bool:
    return sum(len(each.acknowledged) for each in writers) >= least


def told(client: Any) -> dict[str, list[int]]:
    """Return the numbers that the function was given, by key, in order, with repetitions."""
    found: dict[str, list[int]] = {}
    at = client.get_shard_iterator(
        StreamName="told", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while True:
        try:
            answer = client.get_records(ShardIterator=at)
        except client.exceptions.ProvisionedThroughputExceededException:
            time.sleep(0.2)
            continue
        for record in answer["Records"]:
            found.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
        if not answer["MillisBehindLatest"]:
            return found
        at = answer["NextShardIterator"]


@pytest.mark.slow
@kills(few=4)
# botocore leaves sockets of a peer that was killed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(sys.platform != "linux", reason="the process driver runs on Linux")
def test_no_acknowledged_record_is_lost_or_out_of_order(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED") or random.randrange(2**32))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    acknowledged: dict[str, list[int]] = {f"key-{n}": [] for n in range(KEYS)}
    following = dict.fromkeys(acknowledged, 0)
    emulator = Emulator(tmp_path / "state")
    kinesis = emulator.client("kinesis")
    kinesis.create_stream(StreamName="put", ShardCount=2)
    kinesis.create_stream(StreamName="told", ShardCount=1)
    functions = emulator.client("lambda")
    create(functions, Code={"ZipFile": _TELL}, Timeout=10, MemorySize=1769)
    functions.get_waiter("function_active_v2").wait(FunctionName="hello")
    functions.create_event_source_mapping(
        FunctionName="hello",
        EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/put",
        StartingPosition="TRIM_HORIZON",
        BatchSize=20,
        ParallelizationFactor=2,
    )
    for kill in range(kills):
        writers = [Writer(emulator.client("kinesis"), key, following[key]) for key in acknowledged]
        for writer in writers:
            writer.start()
        least = choice.randrange(100, 400)
        until(partial(_done, writers, least))
        if kill == 1:
            # Children are read after what their parent had left.
            shard = {"ShardToSplit": "shardId-000000000000", "NewStartingHashKey": str(2**126)}
            emulator.client("kinesis").split_shard(StreamName="put", **shard)
        emulator.kill()
        for writer in writers:
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
            acknowledged[writer.key] += writer.acknowledged
            following[writer.key] = writer.next
        emulator = Emulator(tmp_path / "state")
    kinesis = emulator.client("kinesis")

    def missing(found: dict[str, list[int]]) -> dict[str, set[int]]:
        return {k: set(v) - set(found.get(k, ())) for k, v in acknowledged.items()}

    found = until(lambda: told(kinesis), lambda found: not any(missing(found).values()))
    for key, numbers in acknowledged.items():
        wanted = set(numbers)
        first = [n for n in dict.fromkeys(found[key]) if n in wanted]
        assert first == numbers, key
    emulator.kill()
