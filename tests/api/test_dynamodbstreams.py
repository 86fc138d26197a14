"""Streams of tables through boto3, and items that expire."""

from __future__ import annotations

import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.test_dynamodb import create


def _streamed(running: Running) -> tuple[Any, Any, str, str]:
    tables, streams = running.client("dynamodb"), running.client("dynamodbstreams")
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    name = create(tables, StreamSpecification=view)
    return tables, streams, name, streams.list_streams(TableName=name)["Streams"][0]["StreamArn"]


def _iterator(streams: Any, arn: str, kind: str, **more: Any) -> str:
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    return str(
        streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **more)[
            "ShardIterator"
        ]
    )


def test_a_shard_is_read_from_every_position(running: Running) -> None:
    tables, streams, name, arn = _streamed(running)
    latest = _iterator(streams, arn, "LATEST")
    for number in range(3):
        tables.put_item(TableName=name, Item={"id": {"S": str(number)}})
    beginning = _iterator(streams, arn, "TRIM_HORIZON")
    first = streams.get_records(ShardIterator=beginning, Limit=2)
    rest = streams.get_records(ShardIterator=first["NextShardIterator"])
    found = first["Records"] + rest["Records"]
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in found] == ["0", "1", "2"]
    assert streams.get_records(ShardIterator=latest)["Records"] == found
    numbers = [each["dynamodb"]["SequenceNumber"] for each in found]
    assert numbers == sorted(numbers)
    for kind, count in (("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 1)):
        iterator = _iterator(streams, arn, kind, SequenceNumber=numbers[1])
        assert len(streams.get_records(ShardIterator=iterator)["Records"]) == count
    beyond = _iterator(streams, arn, "AT_SEQUENCE_NUMBER", SequenceNumber="9" * 40)
    assert streams.get_records(ShardIterator=beyond)["Records"] == []
    for nonsense in ("nonsense", f"{arn}|1|{b64encode(b'[1e30, 1e30]').decode()}"):
        with pytest.raises(ClientError) as caught:
            streams.get_records(ShardIterator=nonsense)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    tables.close()
    streams.close()


def test_a_stream_that_ends_has_a_shard_that_ends(running: Running) -> None:
    tables, streams, name, arn = _streamed(running)
    tables.put_item(TableName=name, Item={"id": {"S": "1"}})
    tables.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in described["Shards"][0]["SequenceNumberRange"]
    answer = streams.get_records(ShardIterator=_iterator(streams, arn, "TRIM_HORIZON"))
    assert len(answer["Records"]) == 1
    assert "NextShardIterator" not in answer
    tables.delete_table(TableName=name)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["TableName"] == name
    tables.close()
    streams.close()


def test_items_that_expire_are_removed_by_dynamodb(running: Running) -> None:
    tables, streams, name, arn = _streamed(running)
    wanted = {"Enabled": True, "AttributeName": "expires"}
    past, later = str(int(time.time()) - 5), str(int(time.time()) + 3600)
    tables.put_item(TableName=name, Item={"id": {"S": "before"}, "expires": {"N": past}})
    tables.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    for key, at in (("past", past), ("later", later)):
        tables.put_item(TableName=name, Item={"id": {"S": key}, "expires": {"N": at}})

    async def sweep() -> None:
        state = await running.emulator.table.state("dynamodb")
        await state.expiry.sweep()

    # It is done every ten seconds, too: that may come first.
    running.call(sweep)
    assert [item["id"]["S"] for item in tables.scan(TableName=name)["Items"]] == ["later"]
    records = streams.get_records(ShardIterator=_iterator(streams, arn, "TRIM_HORIZON"))["Records"]
    removed = [each for each in records if each["eventName"] == "REMOVE"]
    assert [each["userIdentity"] for each in removed] == [
        {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    ] * 2
    assert "userIdentity" not in records[0]
    tables.close()
    streams.close()


def test_tables_and_streams_outlive_the_emulator(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path)
    first = Running(settings, driver=ScriptedDriver())
    tables, streams, name, arn = _streamed(first)
    tables.put_item(TableName=name, Item={"id": {"S": "1"}, "b": {"B": b"x"}})
    wanted = {"Enabled": True, "AttributeName": "expires"}
    tables.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    tables.close()
    streams.close()
    first.stop()
    first._thread.join(60)
    second = Running(settings, driver=ScriptedDriver())
    # Nobody has asked yet, but items may expire.
    assert second.emulator.table.find("dynamodb").is_open
    tables, streams = second.client("dynamodb"), second.client("dynamodbstreams")
    assert tables.scan(TableName=name)["Items"] == [{"id": {"S": "1"}, "b": {"B": b"x"}}]
    tables.put_item(TableName=name, Item={"id": {"S": "2"}})
    records = streams.get_records(ShardIterator=_iterator(streams, arn, "TRIM_HORIZON"))["Records"]
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in records] == ["1", "2"]
    reset = second.call(lambda: second.emulator.table.reset(None))
    assert reset is None
    assert tables.list_tables()["TableNames"] == []
    assert streams.list_streams()["Streams"] == []
    tables.close()
    streams.close()
    second.stop()
