"""The metrics of AWS/Lambda: what each counts, and by which dimensions."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from tests.api.conftest import Running, create
from tests.api.functions import Calls
from tests.patience import until


class Measured:
    """An emulator whose functions answer what a test says, and its metrics."""

    def __init__(self) -> None:
        self.calls = Calls()
        settings = Settings(port=0, transition_seconds=0, async_retry_scale=0.001)
        self.running = Running(settings, driver=self.calls.driver)
        self.functions = self.running.client("lambda")
        self.cloudwatch = self.running.client("cloudwatch")

    def stop(self) -> None:
        for client in (self.functions, self.cloudwatch):
            client.close()
        self.running.stop()

    def of(self, metric: str, statistic: str = "Sum", **dimensions: str) -> float | None:
        """Return a metric's statistic of the last minutes; None where there is no data."""
        now = time.time()
        points = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - 600,
            EndTime=now + 60,
            Period=3600,
            Statistics=[statistic],
        )["Datapoints"]
        return sum(point[statistic] for point in points) if points else None

    def until(self, expected: float, metric: str, **dimensions: str) -> None:
        """Wait until a metric's sum is what is expected."""
        until(lambda: self.of(metric, **dimensions), lambda found: found == expected)


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    made = Measured()
    yield made
    made.stop()


def test_calls_of_an_alias_are_of_the_alias_and_of_the_version_that_ran(measured: Measured) -> None:
    functions = measured.functions
    create(functions, "shop", Publish=True)
    functions.create_alias(FunctionName="shop", Name="live", FunctionVersion="1")
    measured.calls.answer = lambda event: ValueError("no") if event else None
    for payload, qualifier in ((b"{}", "live"), (b'{"a": 1}', "live"), (b"{}", "1")):
        functions.invoke(FunctionName="shop", Qualifier=qualifier, Payload=payload)
    functions.invoke(FunctionName="shop", Payload=b"{}")
    live = {"FunctionName": "shop", "Resource": "shop:live"}
    for metric, of_all, of_live, of_version in (("Invocations", 4, 2, 1), ("Errors", 1, 1, 0)):
        assert measured.of(metric, FunctionName="shop") == of_all
        assert measured.of(metric, **live) == of_live
        assert measured.of(metric, **live, ExecutedVersion="1") == of_live
        assert measured.of(metric, FunctionName="shop", Resource="shop:1") == of_version
        of_latest = of_all - of_live - of_version
        assert measured.of(metric, FunctionName="shop", Resource="shop") == of_latest
    assert measured.of("Duration", "SampleCount", **live, ExecutedVersion="1") == 2
    functions.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        functions.invoke(FunctionName="shop", Qualifier="live")
    assert measured.of("Throttles", **live, ExecutedVersion="1") == 1
    listed = measured.cloudwatch.list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")
    named = [
        {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        for metric in listed["Metrics"]
    ]
    assert {**live, "ExecutedVersion": "1"} in named


def test_events_that_fail_are_dropped_and_what_can_not_be_told_of_it_is_counted(
    measured: Measured,
) -> None:
    functions, sqs = measured.functions, measured.running.client("sqs")
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    queue = "arn:aws:sqs:us-east-1:000000000000:letters"
    create(functions, "later", Publish=True, DeadLetterConfig={"TargetArn": queue})
    functions.create_alias(FunctionName="later", Name="live", FunctionVersion="1")
    functions.put_function_event_invoke_config(
        FunctionName="later",
        Qualifier="live",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )
    sqs.delete_queue(QueueUrl=url)
    sqs.close()
    measured.calls.answer = lambda event: ValueError("no")
    functions.invoke(FunctionName="later", Qualifier="live", InvocationType="Event", Payload=b"{}")
    of_alias = {"FunctionName": "later", "Resource": "later:live"}
    measured.until(1, "AsyncEventsDropped", **of_alias)
    assert measured.of("AsyncEventsReceived", **of_alias) == 1
    # Each attempt has an age.
    assert measured.of("AsyncEventAge", "SampleCount", **of_alias) == 2
    assert measured.of("DeadLetterErrors", **of_alias) == 1
    assert measured.of("DestinationDeliveryFailures", **of_alias) == 1
    assert measured.of("AsyncEventsDropped", FunctionName="later") == 1
    assert measured.of("AsyncEventsDropped", FunctionName="later", Resource="later") is None
    assert measured.of("Errors", **of_alias, ExecutedVersion="1") == 2


def test_records_of_a_stream_have_an_age(measured: Measured) -> None:
    functions, kinesis = measured.functions, measured.running.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks", WaiterConfig={"Delay": 1})
    create(functions, "reader")
    measured.calls.answer = lambda event: None
    functions.create_event_source_mapping(
        FunctionName="reader",
        EventSourceArn="arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
        StartingPosition="TRIM_HORIZON",
    )
    kinesis.put_record(StreamName="clicks", Data=b"1", PartitionKey="a")
    kinesis.close()
    of_reader = {"FunctionName": "reader", "Resource": "reader"}
    measured.until(1, "Invocations", **of_reader)
    assert measured.of("IteratorAge", "SampleCount", **of_reader) == 1
    age_ms = measured.of("IteratorAge", "Maximum", **of_reader)
    assert age_ms is not None
    assert 0 <= age_ms < 600_000


def test_provisioned_concurrency_is_measured_with_what_spills_over(measured: Measured) -> None:
    functions = measured.functions
    create(functions, "ready", Publish=True)
    functions.create_alias(FunctionName="ready", Name="live", FunctionVersion="1")
    live = {"FunctionName": "ready", "Qualifier": "live"}
    functions.put_provisioned_concurrency_config(**live, ProvisionedConcurrentExecutions=2)
    until(lambda: functions.get_provisioned_concurrency_config(**live)["Status"] != "IN_PROGRESS")
    measured.calls.answer = lambda event: None
    functions.invoke(**live, Payload=b"{}")["Payload"].read()
    of_alias = {"FunctionName": "ready", "Resource": "ready:live"}
    for dimensions in (of_alias, {**of_alias, "ExecutedVersion": "1"}):
        assert measured.of("ProvisionedConcurrencyInvocations", **dimensions) == 1
        assert measured.of("ProvisionedConcurrentExecutions", "Maximum", **dimensions) == 1
        assert measured.of("ProvisionedConcurrencyUtilization", "Maximum", **dimensions) == 0.5
        assert measured.of("ProvisionedConcurrencySpilloverInvocations", **dimensions) == 0
