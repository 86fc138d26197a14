"""What functions are given of streams, how templates make them, and streams as targets."""

from __future__ import annotations

import json
import queue
import time
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, KinesisStreamEvent
from botocore.exceptions import ClientError

from emulator.invoke.targets import Delivery
from emulator.model.clock import SystemClock
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.messages import taken
from tests.patience import until


class Fed:
    """An emulator whose functions hand their events to the test."""

    def __init__(self, **parts: Any) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.running = Running(Settings(port=0), driver=ScriptedDriver(), **parts)
        self.running.scripted_driver.script = self._script
        self.kinesis, self.dynamodb, self.functions = (
            self.running.client(name) for name in ("kinesis", "dynamodb", "lambda")
        )
        create(self.functions, "hello")

    async def _script(self, runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            if b"ZmFpbA==" in payload:
                await runtime.call("POST", f"invocation/{request_id}/error", b"{}")
                continue
            self.events.put(json.loads(payload))
            await runtime.respond(request_id, b"null")

    def stream(self, name: str) -> str:
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        return f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"

    def table(self, name: str) -> str:
        """Create a table, and return the ARN of its stream."""
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return str(made["TableDescription"]["LatestStreamArn"])

    def map(self, arn: str, **options: Any) -> str:
        request = {"StartingPosition": "TRIM_HORIZON", **options}
        made = self.functions.create_event_source_mapping(
            FunctionName="hello", EventSourceArn=arn, **request
        )
        return str(made["UUID"])

    def close(self) -> None:
        for client in (self.kinesis, self.dynamodb, self.functions):
            client.close()
        self.running.stop()


@pytest.fixture(scope="module")
def fed() -> Iterator[Fed]:
    fed = Fed()
    yield fed
    fed.close()


def test_a_kinesis_event_is_as_powertools_reads_it(fed: Fed) -> None:
    arn = fed.stream("powertools")
    put = fed.kinesis.put_record(StreamName="powertools", Data=b'{"a": 1}', PartitionKey="k")
    uuid = fed.map(arn)
    (record,) = KinesisStreamEvent(fed.events.get(timeout=60)).records
    assert record.kinesis.data_as_json() == {"a": 1}
    assert record.kinesis.sequence_number == put["SequenceNumber"]
    assert record.kinesis.partition_key == "k"
    assert record.kinesis.kinesis_schema_version == "1.0"
    assert record.kinesis.approximate_arrival_timestamp > 1.7e9
    assert record.event_id == f"shardId-000000000000:{put['SequenceNumber']}"
    assert record.event_source_arn == arn
    assert record.invoke_identity_arn == "arn:aws:iam::000000000000:role/role"
    mapping = fed.functions.get_event_source_mapping(UUID=uuid)
    assert mapping["LastProcessingResult"] in ("OK", "No records processed")
    fed.functions.delete_event_source_mapping(UUID=uuid)


def test_a_consumer_is_a_source_as_well(fed: Fed) -> None:
    arn = fed.stream("fan-out")
    made = fed.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    consumer = made["Consumer"]["ConsumerARN"]
    fed.map(consumer)
    fed.kinesis.put_record(StreamName="fan-out", Data=b"x", PartitionKey="k")
    (record,) = fed.events.get(timeout=60)["Records"]
    assert record["eventSourceARN"] == consumer
    with pytest.raises(ClientError, match="Stream not found"):
        fed.map(f"{arn}/consumer/none:1")


class _SetBack(SystemClock):
    """A clock that is being set back: each reading is earlier than the one before."""

    def __init__(self) -> None:
        self._last = time.time()

    def now(self) -> float:
        self._last -= 0.001
        return self._last


@pytest.fixture(params=[SystemClock, _SetBack], ids=["steady", "set back"])
def at_any_time(request: pytest.FixtureRequest) -> Iterator[Fed]:
    fed = Fed(clock=request.param())
    yield fed
    fed.close()


@pytest.mark.parametrize("by", ["stream", "consumer"])
def test_latest_is_what_came_after_the_mapping(at_any_time: Fed, by: str) -> None:
    fed = at_any_time
    arn = fed.stream("latest")
    if by == "consumer":
        made = fed.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
        arn = made["Consumer"]["ConsumerARN"]
    fed.kinesis.put_record(StreamName="latest", Data=b"before", PartitionKey="k")
    fed.map(arn, StartingPosition="LATEST")
    fed.kinesis.put_record(StreamName="latest", Data=b"after", PartitionKey="k")
    (record,) = KinesisStreamEvent(fed.events.get(timeout=60)).records
    assert record.kinesis.data_as_text() == "after"


def test_latest_of_a_table_is_what_came_after_the_mapping(at_any_time: Fed) -> None:
    fed = at_any_time
    arn = fed.table("latest")
    fed.dynamodb.put_item(TableName="latest", Item={"id": {"S": "before"}})
    fed.map(arn, StartingPosition="LATEST")
    fed.dynamodb.put_item(TableName="latest", Item={"id": {"S": "after"}})
    (record,) = DynamoDBStreamEvent(fed.events.get(timeout=60)).records
    assert record.dynamodb is not None
    assert record.dynamodb.keys == {"id": "after"}


def test_latest_of_a_pipe_is_what_came_after_it(at_any_time: Fed) -> None:
    fed = at_any_time
    arn, pipes = fed.stream("latest"), fed.running.client("pipes")
    fed.kinesis.put_record(StreamName="latest", Data=b"before", PartitionKey="k")
    pipes.create_pipe(
        Name="latest",
        RoleArn="arn:aws:iam::000000000000:role/r",
        Source=arn,
        SourceParameters={"KinesisStreamParameters": {"StartingPosition": "LATEST"}},
        Target="arn:aws:lambda:us-east-1:000000000000:function:hello",
        DesiredState="STOPPED",
    )
    fed.kinesis.put_record(StreamName="latest", Data=b"after", PartitionKey="k")
    pipes.start_pipe(Name="latest")
    (record,) = fed.events.get(timeout=60)
    assert b64decode(record["data"]) == b"after"
    pipes.close()


def test_a_dynamodb_event_is_as_powertools_reads_it(fed: Fed) -> None:
    arn = fed.table("powertools")
    fed.dynamodb.put_item(TableName="powertools", Item={"id": {"S": "before"}})
    fed.map(arn, StartingPosition="LATEST")
    item = {"id": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": b"\x00\x01"}, "s": {"SS": ["x", "y"]}}
    fed.dynamodb.put_item(TableName="powertools", Item=item)
    (record,) = DynamoDBStreamEvent(fed.events.get(timeout=60)).records
    assert record.event_name is not None
    assert record.event_name.name == "INSERT"
    assert record.event_source_arn == arn
    assert record.dynamodb is not None
    assert record.dynamodb.keys == {"id": "a"}
    assert record.dynamodb.new_image["b"] == "AAE="
    assert record.dynamodb.new_image["s"] == {"x", "y"}
    assert record.dynamodb.stream_view_type is not None
    raw = record.raw_event["dynamodb"]
    assert raw["NewImage"]["b"] == {"B": "AAE="}
    assert raw["ApproximateCreationDateTime"] > 1.7e9


def test_templates_make_streams_and_what_belongs_to_them(fed: Fed) -> None:
    cloudformation = fed.running.client("cloudformation")
    stream = {"Fn::GetAtt": ["Stream", "Arn"]}
    properties: dict[str, Any] = {
        "ShardCount": 2,
        "RetentionPeriodHours": 48,
        "StreamEncryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    resources: dict[str, Any] = {
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": properties},
        "Consumer": {
            "Type": "AWS::Kinesis::StreamConsumer",
            "Properties": {"StreamARN": stream, "ConsumerName": "c"},
        },
        "Policy": {
            "Type": "AWS::Kinesis::ResourcePolicy",
            "Properties": {"ResourceArn": stream, "ResourcePolicy": {"Statement": [{}]}},
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": "hello",
                "EventSourceArn": {"Fn::GetAtt": ["Consumer", "ConsumerARN"]},
                "StartingPosition": "TRIM_HORIZON",
            },
        },
    }
    template = {"Resources": resources, "Outputs": {"Name": {"Value": {"Ref": "Stream"}}}}

    name = _applied(cloudformation, "create", template)
    summary = fed.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2
    assert summary["RetentionPeriodHours"] == 48
    assert summary["KeyId"] == "alias/aws/kinesis"
    assert summary["ConsumerCount"] == 1
    properties |= {"ShardCount": 3, "RetentionPeriodHours": 24}
    del properties["StreamEncryption"]
    assert _applied(cloudformation, "update", template) == name
    summary = fed.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (3, 24)
    assert "KeyId" not in summary
    cloudformation.delete_stack(StackName="streams")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="streams", WaiterConfig={"Delay": 1}
    )
    assert name not in fed.kinesis.list_streams()["StreamNames"]
    cloudformation.close()


def _applied(cloudformation: Any, way: str, template: dict[str, Any]) -> str:
    """Create or update the stack; return its output."""
    operation = getattr(cloudformation, f"{way}_stack")
    operation(StackName="streams", TemplateBody=json.dumps(template))
    waiter = cloudformation.get_waiter(f"stack_{way}_complete")
    waiter.wait(StackName="streams", WaiterConfig={"Delay": 1})
    (found,) = cloudformation.describe_stacks(StackName="streams")["Stacks"]
    return str(found["Outputs"][0]["OutputValue"])


def test_a_stream_is_a_target(fed: Fed) -> None:
    arn = fed.stream("target")

    async def deliver() -> None:
        delivery = Delivery(payload=b'{"x": 1}', group_id="a key")
        await fed.running.emulator.targets.deliver(arn, delivery)

    fed.running.call(deliver)
    at = fed.kinesis.get_shard_iterator(
        StreamName="target", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = fed.kinesis.get_records(ShardIterator=at)["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b'{"x": 1}', "a key")


def test_records_of_failures_go_to_topics_and_buckets(fed: Fed) -> None:
    sns, sqs, s3 = (fed.running.client(name) for name in ("sns", "sqs", "s3"))
    topic = sns.create_topic(Name="failures")["TopicArn"]
    url = sqs.create_queue(QueueName="failures")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:000000000000:failures",
        Attributes={"RawMessageDelivery": "true"},
    )
    s3.create_bucket(Bucket="failures")
    for number, destination in enumerate((topic, "arn:aws:s3:::failures")):
        name = f"failing-{number}"
        arn = fed.stream(name)
        fed.kinesis.put_record(StreamName=name, Data=b"fail", PartitionKey="k")
        fed.map(
            arn,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": destination}},
        )
    message = taken(sqs, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert "payload" not in record
    found = until(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    assert "/shardId-000000000000/" in found[0]["Key"]
    content = s3.get_object(Bucket="failures", Key=found[0]["Key"])["Body"].read()
    payload = json.loads(json.loads(content)["payload"])
    assert payload["Records"][0]["kinesis"]["data"] == "ZmFpbA=="
    for client in (sns, sqs, s3):
        client.close()
