"""Kinesis through boto3."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

_HALF = 2**127


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, kinesis_limits=False), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def kinesis(running: Running) -> Iterator[Any]:
    client = running.client("kinesis")
    yield client
    client.close()


@pytest.fixture
def stream(kinesis: Any, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("[", ".").replace("]", "")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return name


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def iterator(
    kinesis: Any, stream: str, shard: Any = 0, kind: str = "TRIM_HORIZON", **more: Any
) -> str:
    answer = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=f"shardId-{shard:012d}", ShardIteratorType=kind, **more
    )
    return answer["ShardIterator"]


def read(
    kinesis: Any, stream: str, shard: Any = 0, kind: str = "TRIM_HORIZON", **more: Any
) -> list[bytes]:
    at = iterator(kinesis, stream, shard, kind, **more)
    return [each["Data"] for each in kinesis.get_records(ShardIterator=at)["Records"]]


def test_what_is_put_is_read_in_order(kinesis: Any, stream: str) -> None:
    sent = kinesis.put_records(
        StreamName=stream,
        Records=[{"Data": f"{n}".encode(), "PartitionKey": f"{n}"} for n in range(40)],
    )
    assert sent["FailedRecordCount"] == 0
    by_shard: dict[str, list[int]] = {}
    for n, each in enumerate(sent["Records"]):
        assert len(each["SequenceNumber"]) == 56
        by_shard.setdefault(each["ShardId"], []).append(n)
    assert set(by_shard) == {"shardId-000000000000", "shardId-000000000001"}
    for number in (0, 1):
        wanted = by_shard[f"shardId-{number:012d}"]
        assert read(kinesis, stream, number) == [f"{n}".encode() for n in wanted]
        sequences = [int(sent["Records"][n]["SequenceNumber"]) for n in wanted]
        assert sequences == sorted(set(sequences))


def test_iterators_begin_where_their_type_says(kinesis: Any, stream: str) -> None:
    def put(data: bytes) -> str:
        answer = kinesis.put_record(
            StreamName=stream, Data=data, PartitionKey="x", ExplicitHashKey="0"
        )
        return answer["SequenceNumber"]

    first, second = put(b"1"), put(b"2")
    latest = iterator(kinesis, stream, kind="LATEST")
    at: Any = {"StartingSequenceNumber": second}
    assert read(kinesis, stream, kind="AT_SEQUENCE_NUMBER", **at) == [b"2"]
    assert read(kinesis, stream, kind="AFTER_SEQUENCE_NUMBER", **at) == []
    after_first: Any = {"StartingSequenceNumber": first}
    assert read(kinesis, stream, kind="AFTER_SEQUENCE_NUMBER", **after_first) == [b"2"]
    assert read(kinesis, stream, kind="AT_TIMESTAMP", Timestamp=1.0) == [b"1", b"2"]
    put(b"3")
    assert [each["Data"] for each in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"3"]


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        ("LATEST", {"StartingSequenceNumber": "5"}, "specified LATEST and also a Starting"),
        ("AT_SEQUENCE_NUMBER", {}, "specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
        ("AT_TIMESTAMP", {}, "Current request has no timestamp parameter."),
    ],
    ids=["also", "no", "time"],
)
def test_iterators_have_what_their_type_needs(
    kinesis: Any, stream: str, kind: str, more: dict[str, Any], says: str
) -> None:
    # Of a shard's id, AWS heeds the number.
    request = {"StreamName": stream, "ShardId": "shardId-0", "ShardIteratorType": kind, **more}
    code, message = refusal(kinesis.get_shard_iterator, **request)
    assert code == "InvalidArgumentException"
    assert says in message


def test_tags_of_other_characters_are_refused(kinesis: Any, stream: str) -> None:
    add = kinesis.add_tags_to_stream
    code, message = refusal(add, StreamName=stream, Tags={"a*": "b"})
    assert code == "InvalidArgumentException"
    assert message.startswith("Some tags contain invalid characters.")
    assert "illegal characters" in refusal(add, StreamName=stream, Tags={"a": "%"})[1]
    keys = {"StreamName": stream, "TagKeys": ["a*"]}
    assert "invalid characters" in refusal(kinesis.remove_tags_from_stream, **keys)[1]
    assert refusal(kinesis.list_shards)[1] == "Either NextToken or StreamName should be provided."
    add(StreamName=stream, Tags={"größe": "a b/c:d"})


def test_a_split_shard_ends_and_names_its_children(kinesis: Any, stream: str) -> None:
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="x", ExplicitHashKey="0")
    at = iterator(kinesis, stream)
    kinesis.split_shard(
        StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(_HALF // 2)
    )
    answer = kinesis.get_records(ShardIterator=at)
    assert [each["Data"] for each in answer["Records"]] == [b"1"]
    assert "NextShardIterator" not in answer
    assert [each["ShardId"] for each in answer["ChildShards"]] == [
        "shardId-000000000002",
        "shardId-000000000003",
    ]
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
    assert shards[2]["ParentShardId"] == "shardId-000000000000"
    put = kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="x", ExplicitHashKey="0")
    assert put["ShardId"] == "shardId-000000000002"
    ending = int(shards[0]["SequenceNumberRange"]["EndingSequenceNumber"])
    assert int(put["SequenceNumber"]) > ending
    kinesis.merge_shards(
        StreamName=stream,
        ShardToMerge="shardId-000000000002",
        AdjacentShardToMerge="shardId-000000000003",
    )
    merged = kinesis.list_shards(StreamName=stream)["Shards"][-1]
    assert merged["AdjacentParentShardId"] == "shardId-000000000003"
    open_ = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    assert [each["ShardId"] for each in open_] == ["shardId-000000000001", "shardId-000000000004"]


@pytest.mark.parametrize("target", [1, 3, 4])
def test_shards_are_counted_anew(kinesis: Any, stream: str, target: int) -> None:
    kinesis.update_shard_count(
        StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
    )
    open_ = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    starts = sorted(int(each["HashKeyRange"]["StartingHashKey"]) for each in open_)
    assert starts == [n * (2**128 // target) for n in range(target)]
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == target


def test_a_consumer_is_sent_the_records_of_a_shard(kinesis: Any, stream: str) -> None:
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"
    ]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="x", ExplicitHashKey="0")
    events = kinesis.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"],
        ShardId="shardId-000000000000",
        StartingPosition={"Type": "TRIM_HORIZON"},
    )["EventStream"]
    found = []
    for event in events:
        found += [each["Data"] for each in event["SubscribeToShardEvent"]["Records"]]
        if len(found) == 1:
            kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="x", ExplicitHashKey="0")
        if len(found) == 2:
            break
    events.close()
    assert found == [b"1", b"2"]
    listed = kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert [each["ConsumerName"] for each in listed] == ["c"]
    assert refusal(kinesis.delete_stream, StreamName=stream)[0] == "ResourceInUseException"
    described = kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c")
    assert described["ConsumerDescription"]["StreamARN"] == arn
    kinesis.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    kinesis.delete_stream(StreamName=stream)


def test_errors_are_awss(kinesis: Any, stream: str) -> None:
    code, text = refusal(kinesis.describe_stream, StreamName="nothing")
    assert code == "ResourceNotFoundException"
    assert text == "Stream nothing under account 000000000000 not found."
    code, text = refusal(kinesis.create_stream, StreamName=stream, ShardCount=1)
    assert code == "ResourceInUseException"
    assert text == f"Stream {stream} under account 000000000000 already exists."
    quoted = f'"{iterator(kinesis, stream)}"'
    assert kinesis.get_records(ShardIterator=quoted)["Records"] == []
    code, _ = refusal(kinesis.get_records, ShardIterator="nonsense")
    assert code == "InvalidArgumentException"
    code, _ = refusal(kinesis.put_records, StreamName=stream, Records=[])
    assert code == "ValidationException"
    assert refusal(kinesis.list_streams, NextToken="nonsense") == (
        "InvalidArgumentException", "NextToken is invalid.",
    )  # fmt: skip
    code, _ = refusal(
        kinesis.create_channel,
        ChannelName="x",
        ServiceExecutionRoleARN="arn:aws:iam::000000000000:role/x",
        StreamConfigurationList=[
            {
                "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/x",
                "RecordConfiguration": {"RecordFormatType": "JSON"},
            }
        ],
    )
    assert code == "NotImplementedException"


def test_tags_policies_and_settings_are_kept(kinesis: Any, stream: str) -> None:
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "1", "b": "2"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["b"])
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [{"Key": "a", "Value": "1"}]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/x")
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=36)
    kinesis.update_max_record_size(
        StreamARN=f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
        MaxRecordSizeInKiB=2048,
    )
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 2048
    assert summary["RetentionPeriodHours"] == 36
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    assert summary["KeyId"] == "alias/x"
    put = kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="x")
    assert put["EncryptionType"] == "KMS"
    kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/x")
    kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    shown = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert (shown["EncryptionType"], shown["EnhancedMonitoring"]) == (
        "NONE",
        [{"ShardLevelMetrics": []}],
    )
    arn = summary["StreamARN"]
    kinesis.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "3"}]
    on_demand = {"StreamMode": "ON_DEMAND"}
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=on_demand)
    warm = kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10)
    assert warm["WarmThroughput"]["CurrentMiBps"] == 10
    kinesis.update_stream_record_distribution_strategy(
        StreamARN=arn, RecordDistributionStrategy="AUTO"
    )
    kinesis.put_record(StreamName=stream, Data=b"without a key")
    assert kinesis.describe_limits()["OnDemandStreamCount"] >= 1
    settings = kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]
    assert settings["Status"] == "DISABLED"
    policy = '{"Statement": [{"Effect": "Allow"}]}'
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == policy
    kinesis.delete_resource_policy(ResourceARN=arn)
    assert stream in kinesis.list_streams()["StreamNames"]


def test_clients_may_speak_cbor(running: Running, kinesis: Any, stream: str) -> None:
    def ask(operation: str, **request: Any) -> bytes:
        headers = {
            "Content-Type": "application/x-amz-cbor-1.1",
            "X-Amz-Target": f"Kinesis_20131202.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/kinesis"
            "/aws4_request, SignedHeaders=host, Signature=0",
        }
        asked = urllib.request.Request(running.url, cbor2.dumps(request), headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.headers["Content-Type"] == "application/x-amz-cbor-1.1"
            return bytes(answer.read())

    put = cbor2.loads(ask("PutRecord", StreamName=stream, Data=b"\x00\xff", PartitionKey="k"))
    shard = int(put["ShardId"][-1])
    assert read(kinesis, stream, shard) == [b"\x00\xff"]
    got = ask("GetRecords", ShardIterator=iterator(kinesis, stream, shard))
    assert b"\x00\xff" in got
    assert put["SequenceNumber"].encode() in got


def test_records_that_come_while_shards_are_merged_are_read(
    running: Running, kinesis: Any, stream: str
) -> None:
    async def put_and_merge() -> tuple[dict[str, Any], dict[str, Any]]:
        table = running.emulator.table
        records = [{"Data": b"x", "PartitionKey": str(n)} for n in range(20)]
        put = {"StreamName": stream, "Records": records}
        shards = {
            "ShardToMerge": "shardId-000000000000",
            "AdjacentShardToMerge": "shardId-000000000001",
        }
        return await asyncio.gather(
            table.call("kinesis", "PutRecords", put),
            table.call("kinesis", "MergeShards", {"StreamName": stream, **shards}),
        )

    answer, _ = running.call(put_and_merge)
    assert answer["FailedRecordCount"] == 0
    found = []
    for number, shard in enumerate(kinesis.list_shards(StreamName=stream)["Shards"]):
        last = int(shard["SequenceNumberRange"].get("EndingSequenceNumber", "9" * 60))
        records = kinesis.get_records(ShardIterator=iterator(kinesis, stream, number))["Records"]
        assert all(int(each["SequenceNumber"]) <= last for each in records)
        found += [each["SequenceNumber"] for each in records]
    assert sorted(found) == sorted(each["SequenceNumber"] for each in answer["Records"])


def test_moments_before_the_epoch_and_tokens_of_other_lists(kinesis: Any, stream: str) -> None:
    kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    assert read(kinesis, stream, 0, "AT_TIMESTAMP", Timestamp=-1) == [b"x"]
    described = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    for name in ("a", "b"):
        kinesis.register_stream_consumer(StreamARN=described["StreamARN"], ConsumerName=name)
    listed = kinesis.list_stream_consumers(StreamARN=described["StreamARN"], MaxResults=1)
    refused = refusal(kinesis.list_shards, NextToken=listed["NextToken"])
    assert refused == ("InvalidArgumentException", "NextToken is invalid.")
