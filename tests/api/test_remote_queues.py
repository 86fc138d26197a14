"""Queues of another SQS-compatible endpoint, polled through the public API: a second emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_polling import ARN, Polled
from tests.messages import taken


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=JumpingClock())
    yield running
    running.stop()


@pytest.fixture
def polled(elsewhere: Running) -> Iterator[Polled]:
    """A ``Polled`` whose queue is elsewhere."""
    polled = Polled(sqs_endpoint=elsewhere.url)
    polled.sqs.delete_queue(QueueUrl=polled.url)
    polled.sqs = elsewhere.client("sqs")
    polled.url = polled.sqs.create_queue(QueueName="queue")["QueueUrl"]
    create(polled.functions)
    yield polled
    polled.running.stop()


def test_a_record_is_the_same(polled: Polled) -> None:
    polled.map()
    attributes = {"bytes": {"DataType": "Binary", "BinaryValue": b"\x00"}}
    polled.send("hello", MessageAttributes=attributes)
    ((_, event),) = polled.calls.until(1)
    (record,) = event["Records"]
    assert (record["body"], record["eventSourceARN"]) == ("hello", ARN)
    assert record["messageAttributes"]["bytes"]["binaryValue"] == "AA=="
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    polled.eventually(lambda: polled.depth() == ("0", "0"))


def test_many_messages_and_some_that_fail(polled: Polled, elsewhere: Running) -> None:
    dead = polled.sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": ARN.replace("queue", "dead"), "maxReceiveCount": 1}
    polled.sqs.set_queue_attributes(
        QueueUrl=polled.url,
        Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(policy)},
    )
    polled.calls.answer = lambda event: {
        "batchItemFailures": [
            {"itemIdentifier": each["messageId"]}
            for each in event["Records"]
            if each["body"].startswith("7")
        ]
    }
    polled.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    for tens in range(10):
        entries = [{"Id": str(n), "MessageBody": f"{tens}{n}"} for n in range(10)]
        polled.sqs.send_message_batch(QueueUrl=polled.url, Entries=entries)
    polled.eventually(lambda: sum(map(len, polled.calls.bodies())) == 100)
    polled.eventually(lambda: polled.depth() == ("0", "10"))
    clock = elsewhere.emulator.clock
    assert isinstance(clock, JumpingClock)
    elsewhere.call(lambda: clock.jump(600))
    found: list[str] = []
    while len(found) < 10:
        found.append(taken(polled.sqs, dead)["Body"])
    assert sorted(found) == [f"7{n}" for n in range(10)]
    bodies = [body for batch in polled.calls.bodies() for body in batch]
    assert sorted(bodies) == [f"{n:02}" for n in range(100)]


def test_what_is_not_there(polled: Polled, elsewhere: Running) -> None:
    with pytest.raises(ClientError, match="NonExistentQueue"):
        polled.map(arn=f"{ARN}-none")
    # A queue of the emulator itself is polled here.
    own = polled.running.client("sqs")
    url = own.create_queue(QueueName="own")["QueueUrl"]
    polled.map(arn=ARN.replace("queue", "own"))
    own.send_message(QueueUrl=url, MessageBody="here")
    polled.calls.until(1)
    assert polled.calls.bodies() == [["here"]]


def test_an_end_gives_back_what_a_poll_still_gets(polled: Polled) -> None:
    polled.map()
    polled.running.stop()
    polled.send("later")
    assert taken(polled.sqs, polled.url)["Body"] == "later"
    polled.running = Running(Settings(port=0), driver=ScriptedDriver())
