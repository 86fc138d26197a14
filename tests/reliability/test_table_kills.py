"""The emulator is killed while items are written: nothing that was acknowledged is lost.

Counters are added to, items are put and deleted, and pairs are written in transactions; a stream
has each change once. The seed is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import os
import random
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S, until
from tests.reliability.emulator_process import Emulator
from tests.reliability.kills import kills

WRITERS = 6


class Writer(threading.Thread):
    """Writes until the emulator is gone; knows what was acknowledged.

    Attributes:
        added: What was acknowledged of its counter; one more may have been done.
        kept: What each of its items has to hold; None: it is deleted.
        open: The item that a request without an answer may have written, and what it then holds.
        pairs: How many pairs were written.
    """

    def __init__(self, client: Any, number: str, seed: str) -> None:
        super().__init__(daemon=True)
        self.client, self.number = client, number
        self.choice = random.Random(seed)
        self.added = self.pairs = 0
        self.kept: dict[str, str | None] = {}
        self.open: tuple[str, str | None] | None = None

    def run(self) -> None:
        try:
            while True:
                self.choice.choice((self.add_one, self.put_item, self.delete_item, self.put_pair))()
                self.open = None
        except (BotoCoreError, ClientError, OSError):
            return

    def add_one(self) -> None:
        self.client.update_item(
            TableName="kept",
            Key={"id": {"S": f"counter-{self.number}"}},
            UpdateExpression="ADD n :o",
            ExpressionAttributeValues={":o": {"N": "1"}},
        )
        self.added += 1

    def put_item(self) -> None:
        key, text = f"{self.number}/{self.choice.randrange(20)}", str(self.choice.random())
        self.open = key, text
        self.client.put_item(TableName="kept", Item={"id": {"S": key}, "text": {"S": text}})
        self.kept[key] = text

    def delete_item(self) -> None:
        key = f"{self.number}/{self.choice.randrange(20)}"
        self.open = key, None
        self.client.delete_item(TableName="kept", Key={"id": {"S": key}})
        self.kept[key] = None

    def put_pair(self) -> None:
        items = [{"id": {"S": f"{self.number}/pair-{self.pairs}/{half}"}} for half in "ab"]
        writes = [{"Put": {"TableName": "kept", "Item": item}} for item in items]
        self.client.transact_write_items(TransactItems=writes)
        self.pairs += 1


def _done(writers: list[Writer], least: int) -> bool:
    return sum(each.added + len(each.kept) + each.pairs for each in writers) >= least


def _items(client: Any) -> dict[str, dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(TableName="kept", ConsistentRead=True)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def _replayed(client: Any, arn: str) -> dict[str, dict[str, Any]]:
    """Return the items that a stream's changes make, each checked against the one before it."""
    shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = client.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    items: dict[str, dict[str, Any]] = {}
    last = ""
    while True:
        answer = client.get_records(ShardIterator=iterator)
        for record in answer["Records"]:
            change = record["dynamodb"]
            assert change["SequenceNumber"] > last
            last = change["SequenceNumber"]
            key = change["Keys"]["id"]["S"]
            assert items.get(key) == change.get("OldImage")
            if "NewImage" in change:
                items[key] = change["NewImage"]
            else:
                del items[key]
        if not answer["Records"]:
            return items
        iterator = answer["NextShardIterator"]


@pytest.mark.slow
@kills(few=4)
def test_nothing_acknowledged_is_lost(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED") or random.randrange(2**32))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    emulator = Emulator(tmp_path)
    client = emulator.client("dynamodb")
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    created = client.create_table(
        TableName="kept",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=view,
    )
    arn = created["TableDescription"]["LatestStreamArn"]
    all_writers: list[Writer] = []
    for kill in range(kills):
        writers = [
            Writer(emulator.client("dynamodb"), f"{kill}-{n}", f"{seed}/{kill}/{n}")
            for n in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        least = choice.randrange(20, 200)
        until(partial(_done, writers, least))
        emulator.kill()
        for writer in writers:
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
        all_writers += writers
        emulator = Emulator(tmp_path)
        found = _items(emulator.client("dynamodb"))
        for writer in all_writers:
            _check(writer, found)
    assert sum(writer.added + writer.pairs for writer in all_writers) > kills
    assert _replayed(emulator.client("dynamodbstreams"), arn) == found
    emulator.kill()


def _check(writer: Writer, found: dict[str, dict[str, Any]]) -> None:
    counter = found.get(f"counter-{writer.number}", {"n": {"N": "0"}})
    assert int(counter["n"]["N"]) - writer.added in (0, 1)
    for key, text in writer.kept.items():
        held = found.get(key, {}).get("text", {}).get("S")
        assert held == text or (key, held) == writer.open
    for number in range(writer.pairs):
        for half in "ab":
            assert f"{writer.number}/pair-{number}/{half}" in found
    halves = [f"{writer.number}/pair-{writer.pairs}/{half}" in found for half in "ab"]
    assert halves[0] == halves[1]
