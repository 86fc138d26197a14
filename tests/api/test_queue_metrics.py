"""The metrics of AWS/SQS."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running


class Queues:
    """An emulator whose clock jumps, its queues and their metrics."""

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.running = Running(Settings(port=0), driver=ScriptedDriver(), clock=self.clock)
        self.sqs = self.running.client("sqs")
        self.cloudwatch = self.running.client("cloudwatch")

    def stop(self) -> None:
        for client in (self.sqs, self.cloudwatch):
            client.close()
        self.running.stop()

    def jump(self, seconds: float) -> None:
        self.running.call(partial(self.clock.jump, seconds))

    def points(self, queue: str, metric: str, statistic: str = "Sum") -> list[float]:
        """Return a metric's values of the last minutes, the earliest first."""
        now = self.clock.now()
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName=metric,
            Dimensions=[{"Name": "QueueName", "Value": queue}],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return [each[statistic] for each in sorted(points, key=lambda each: each["Timestamp"])]


@pytest.fixture(scope="module")
def queues() -> Iterator[Queues]:
    made = Queues()
    yield made
    made.stop()


def test_what_goes_through_a_queue_is_counted_by_the_minute(queues: Queues) -> None:
    sqs, at = queues.sqs, queues.points
    hidden = {"VisibilityTimeout": "600"}
    url = sqs.create_queue(QueueName="through", Attributes=hidden)["QueueUrl"]
    queues.jump(60 - queues.clock.now() % 60)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 10)
    sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x" * 40} for n in range(2)]
    )
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.receive_message(QueueUrl=url)
    queues.jump(60)
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(received)]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    sqs.send_message(QueueUrl=url, MessageBody="again")
    assert at("through", "NumberOfMessagesSent") == [3, 1]
    assert at("through", "NumberOfMessagesReceived") == [3]
    assert at("through", "NumberOfEmptyReceives") == [1]
    assert at("through", "NumberOfMessagesDeleted") == [3]
    assert at("through", "SentMessageSize", "Minimum") == [10, 5]
    assert at("through", "SentMessageSize", "Average") == [30, 5]
    # What was told is not told again.
    assert at("through", "NumberOfMessagesSent") == [3, 1]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    assert at("through", "NumberOfMessagesSent") == [3, 2]


def test_what_topics_and_mappings_do_counts(queues: Queues) -> None:
    sqs, sns = queues.sqs, queues.running.client("sns")
    sqs.create_queue(QueueName="fed")
    topic = sns.create_topic(Name="feeds")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:fed"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="hello")
    sns.close()
    assert queues.points("fed", "NumberOfMessagesSent") == [1]


def test_the_oldest_message_has_an_age_that_an_alarm_sees(queues: Queues) -> None:
    sqs = queues.sqs
    url = sqs.create_queue(QueueName="aged")["QueueUrl"]

    def age() -> float:
        return max(queues.points("aged", "ApproximateAgeOfOldestMessage", "Maximum")[-1:])

    assert age() == 0
    sqs.send_message(QueueUrl=url, MessageBody="old")
    queues.jump(1000)
    sqs.send_message(QueueUrl=url, MessageBody="young")
    assert 1000 <= age() < 1600
    (old,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert old["Body"] == "old"
    queues.jump(600)
    # Received is not deleted.
    assert 1600 <= age() < 2200
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"])
    queues.jump(600)
    assert 1200 <= age() < 1600
    listed = queues.cloudwatch.list_metrics(Namespace="AWS/SQS")["Metrics"]
    of_aged = {m["MetricName"] for m in listed if m["Dimensions"][0]["Value"] == "aged"}
    assert {"ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"} <= of_aged
