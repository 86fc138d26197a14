"""Event source mappings of queues: polled as the API says. Details are tests of the sources."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from tests.api.conftest import Running, create
from tests.api.functions import Calls
from tests.messages import received
from tests.patience import until

ARN = "arn:aws:sqs:us-east-1:000000000000:queue"


class Polled:
    """An emulator with a function ``hello`` and a queue ``queue``."""

    def __init__(self, **settings: Any) -> None:
        self.calls = Calls()
        self.warnings: list[str] = []
        self.clock = JumpingClock()
        self.running = Running(
            Settings(port=0, **settings), driver=self.calls.driver, clock=self.clock
        )
        self.sqs, self.functions = self.running.client("sqs"), self.running.client("lambda")
        self.url = self.sqs.create_queue(QueueName="queue")["QueueUrl"]

    def map(self, name: str = "hello", arn: str = ARN, **fields: Any) -> str:
        created = self.functions.create_event_source_mapping(
            FunctionName=name, EventSourceArn=arn, **fields
        )
        return str(created["UUID"])

    def state(self, uuid: str) -> str:
        return str(self.functions.get_event_source_mapping(UUID=uuid)["State"])

    def send(self, body: str, **fields: Any) -> Any:
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **fields)

    def depth(self) -> tuple[str, str]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        ready, in_flight = (found["Attributes"][name] for name in names)
        return ready, in_flight

    def eventually(self, condition: Callable[[], bool]) -> None:
        until(condition)


@pytest.fixture
def polled() -> Iterator[Polled]:
    polled = Polled()
    create(polled.functions, Publish=True)
    yield polled
    polled.running.stop()


def test_a_record_is_as_on_aws(polled: Polled) -> None:
    polled.map()
    attributes = {
        "text": {"DataType": "String", "StringValue": "a"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00"},
    }
    sent = polled.send("hello", MessageAttributes=attributes)
    ((_, event),) = polled.calls.until(1)
    (record,) = event["Records"]
    assert record.pop("receiptHandle")
    shown = record.pop("attributes")
    assert shown.pop("SentTimestamp") <= shown.pop("ApproximateFirstReceiveTimestamp")
    assert shown == {"ApproximateReceiveCount": "1", "SenderId": "000000000000"}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "text": {
                "stringValue": "a",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "bytes": {
                "binaryValue": "AA==",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "us-east-1",
    }
    polled.eventually(lambda: polled.depth() == ("0", "0"))


def test_a_mapping_is_disabled_changed_and_enabled(polled: Polled) -> None:
    uuid = polled.map()
    polled.send("1")
    polled.calls.until(1)
    disabled = polled.functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert (disabled["State"], disabled["StateTransitionReason"]) == (
        "Disabling",
        "USER_INITIATED",
    )
    polled.eventually(lambda: polled.state(uuid) == "Disabled")
    for body in "234":
        polled.send(body)
    assert polled.depth() == ("3", "0")
    polled.functions.update_event_source_mapping(UUID=uuid, BatchSize=2)
    polled.eventually(lambda: polled.state(uuid) == "Disabled")
    assert polled.depth() == ("3", "0")
    enabling = polled.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert enabling["State"] == "Enabling"
    polled.eventually(lambda: polled.state(uuid) == "Enabled")
    polled.calls.until(3)
    assert sorted(map(sorted, polled.calls.bodies())) == [["1"], ["2", "3"], ["4"]]


@pytest.mark.parametrize(
    ("operation", "fields", "state"),
    [
        ("update_event_source_mapping", {"Enabled": False}, "Disabling"),
        ("delete_event_source_mapping", {}, "Deleting"),
    ],
)
def test_the_batch_in_flight_ends_before_a_mapping_does(
    polled: Polled, operation: str, fields: dict[str, Any], state: str
) -> None:
    gate = polled.running.call(asyncio.Event)
    polled.calls.answer = lambda event: gate.wait()
    uuid = polled.map(BatchSize=1)
    polled.send("1")
    polled.calls.until(1)
    assert getattr(polled.functions, operation)(UUID=uuid, **fields)["State"] == state
    assert polled.state(uuid) == state
    with pytest.raises(polled.functions.exceptions.ResourceInUseException):
        polled.functions.update_event_source_mapping(UUID=uuid, BatchSize=2)
    polled.send("2")
    polled.running.loop.call_soon_threadsafe(gate.set)
    if state == "Disabling":
        polled.eventually(lambda: polled.state(uuid) == "Disabled")
    else:
        listed = polled.functions.list_event_source_mappings
        polled.eventually(lambda: listed()["EventSourceMappings"] == [])
    assert polled.depth() == ("1", "0")
    assert len(polled.calls.all) == 1


def test_a_mapping_follows_its_alias(polled: Polled) -> None:
    polled.functions.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    polled.map("hello:live")
    polled.send("1")
    polled.calls.until(1)
    polled.functions.update_function_configuration(FunctionName="hello", Description="new")
    polled.functions.get_waiter("function_updated_v2").wait(FunctionName="hello")
    polled.functions.publish_version(FunctionName="hello")
    polled.functions.update_alias(FunctionName="hello", Name="live", FunctionVersion="2")
    polled.send("2")
    assert [name for name, _ in polled.calls.until(2)] == ["hello:1", "hello:2"]


def test_a_function_that_is_deleted_and_made_again(polled: Polled) -> None:
    uuid = polled.map()
    polled.functions.delete_function(FunctionName="hello")
    polled.send("1")
    polled.eventually(lambda: polled.depth() == ("1", "0"))
    assert polled.state(uuid) == "Enabled"
    create(polled.functions)
    assert polled.calls.until(1)[0][0] == "hello:$LATEST"


def test_no_concurrency_and_then_some(polled: Polled) -> None:
    polled.functions.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    polled.map()
    polled.send("1")
    polled.eventually(lambda: polled.depth() == ("0", "1"))
    assert polled.calls.all == []
    polled.functions.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=1)
    assert polled.calls.until(1)
    polled.eventually(lambda: polled.depth() == ("0", "0"))


def test_failures_end_in_the_dead_letter_queue(polled: Polled) -> None:
    polled.sqs.create_queue(QueueName="dead")
    policy = {"deadLetterTargetArn": ARN.replace("queue", "dead"), "maxReceiveCount": 2}
    polled.sqs.set_queue_attributes(
        QueueUrl=polled.url,
        Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(policy)},
    )
    polled.calls.answer = lambda event: {
        "batchItemFailures": [
            {"itemIdentifier": each["messageId"]}
            for each in event["Records"]
            if each["body"] == "bad"
        ]
    }
    polled.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad", "fine")]
    polled.sqs.send_message_batch(QueueUrl=polled.url, Entries=entries)
    url = polled.sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    for times in (1, 2):
        polled.calls.until(times)
        polled.eventually(lambda: polled.depth() == ("0", "1"))
        polled.running.call(lambda: polled.clock.jump(600))
    assert [each["Body"] for each in received(polled.sqs, url)["Messages"]] == ["bad"]
    assert polled.calls.bodies()[1:] == [["bad"]]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"EventSourceArn": f"{ARN}-that-is-not-there"},
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: "
            "The specified queue does not exist.",
        ),
        (
            {"FunctionName": "slow"},
            "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": '{"body": [{"no": "operator"}]}'}]}},
            "Invalid filter pattern definition.",
        ),
    ],
)
def test_what_is_refused(polled: Polled, fields: dict[str, Any], text: str) -> None:
    create(polled.functions, "slow", Timeout=31)
    with pytest.raises(ClientError) as raised:
        polled.functions.create_event_source_mapping(
            **{"FunctionName": "hello", "EventSourceArn": ARN, **fields}
        )
    answer = raised.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"] == {"Code": "InvalidParameterValueException", "Message": text}
    assert answer["Type"] == "User"


def test_sources_that_are_not_polled_are_told_and_refused_when_strict() -> None:
    broker = "arn:aws:mq:us-east-1:000000000000:broker:broker:b-1"
    polled = Polled(strict=True)
    try:
        create(polled.functions)
        uuid = polled.map()
        polled.eventually(lambda: polled.state(uuid) == "Enabled")
        with pytest.raises(ClientError, match="a message broker is not polled"):
            polled.map(arn=broker, Queues=["q"])
        with pytest.raises(ClientError, match="MetricsConfig is not acted on"):
            polled.functions.update_event_source_mapping(
                UUID=uuid, MetricsConfig={"Metrics": ["EventCount"]}
            )
        assert "MetricsConfig" not in polled.functions.get_event_source_mapping(UUID=uuid)
    finally:
        polled.running.stop()


def test_what_is_not_acted_on_is_listed(polled: Polled) -> None:
    polled.map(arn="arn:aws:mq:us-east-1:000000000000:broker:broker:b-1", Queues=["q"])
    polled.map(MetricsConfig={"Metrics": ["EventCount"]})
    with urllib.request.urlopen(f"{polled.running.url}/_emulator/functions") as answer:
        (function,) = json.load(answer)
    assert function["ignored"] == ["EventSourceMapping", "MetricsConfig"]


def test_a_batch_in_flight_ends_and_the_next_start_goes_on(tmp_path: Any) -> None:
    polled = Polled(state=tmp_path)
    create(polled.functions)
    gate = polled.running.call(asyncio.Event)
    polled.calls.answer = lambda event: gate.wait()
    polled.map(BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    for body in "123":
        polled.send(body)
    polled.calls.until(2)
    polled.running.loop.call_soon_threadsafe(polled.running.emulator.stop)
    polled.eventually(lambda: polled.running.emulator.pollers.closed)
    polled.running.loop.call_soon_threadsafe(gate.set)
    polled.running._thread.join(60)
    assert not polled.running._thread.is_alive()
    assert len(polled.calls.all) == 2
    again = Polled(state=tmp_path)
    try:
        again.calls.until(1)
        again.eventually(lambda: again.depth() == ("0", "0"))
        assert sorted([*polled.calls.bodies(), *again.calls.bodies()]) == [["1"], ["2"], ["3"]]
    finally:
        again.running.stop()
