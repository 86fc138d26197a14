"""Metrics of log events: the embedded metric format, and metric filters."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricResolution, MetricUnit

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.test_cloudwatch import refused
from tests.patience import until

_CLOCK = JumpingClock()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=_CLOCK)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def logs(running: Running) -> Iterator[Any]:
    client = running.client("logs")
    yield client
    client.close()


@pytest.fixture(scope="module")
def cloudwatch(running: Running) -> Iterator[Any]:
    client = running.client("cloudwatch")
    yield client
    client.close()


def group(logs: Any, name: str) -> str:
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    return name


def write(logs: Any, name: str, *messages: str) -> None:
    at = int(_CLOCK.now() * 1000)
    events = [{"timestamp": at, "message": message} for message in messages]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)


def total(cloudwatch: Any, namespace: str, name: str, stat: str = "Sum", **dimensions: str) -> Any:
    """Return a statistic over the last and the next minutes; None: there is no data."""
    now = int(_CLOCK.now())
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - 600,
        EndTime=now + 600,
        Period=1200,
        Statistics=[stat],
    )
    return answer["Datapoints"][0][stat] if answer["Datapoints"] else None


def becomes(wanted: Any, find: Any) -> None:
    until(find, lambda found: found == wanted)


def test_powertools_metrics_are_metrics(logs: Any, cloudwatch: Any) -> None:
    metrics = Metrics(namespace="Orders", service="payments")
    metrics.set_default_dimensions(stage="prod")
    metrics.add_metric(name="Charged", unit=MetricUnit.Count, value=2)
    metrics.add_metric(name="Charged", unit=MetricUnit.Count, value=3)
    metrics.add_metric(
        name="Latency", unit=MetricUnit.Milliseconds, value=8.5, resolution=MetricResolution.High
    )
    metrics.add_metadata(key="order", value="A-1")
    metrics.set_timestamp(int(_CLOCK.now() * 1000))
    out = io.StringIO()
    with redirect_stdout(out):
        metrics.flush_metrics()
    metrics.clear_metrics()
    write(logs, group(logs, "emf"), out.getvalue().strip())
    dimensions = {"service": "payments", "stage": "prod"}
    find = partial(total, cloudwatch, "Orders")
    becomes(5.0, lambda: find("Charged", **dimensions))
    assert find("Charged", "SampleCount", **dimensions) == 2.0
    now = int(_CLOCK.now())
    (query,) = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "l",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "Orders",
                        "MetricName": "Latency",
                        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                    },
                    "Period": 1,
                    "Stat": "Maximum",
                    "Unit": "Milliseconds",
                },
            }
        ],
        StartTime=now - 60,
        EndTime=now + 60,
    )["MetricDataResults"]
    assert query["Values"] == [8.5]


def test_a_line_has_a_metric_for_each_set_of_dimensions(logs: Any, cloudwatch: Any) -> None:
    line = {
        "_aws": {
            "Timestamp": int(_CLOCK.now() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Sets",
                    "Dimensions": [[], ["a"], ["a", "b"], ["absent"]],
                    "Metrics": [{"Name": "n", "Unit": "Count"}, {"Name": "text"}, {"Name": "gone"}],
                },
                {"Namespace": "Sets", "Metrics": "none"},
                "no directive",
            ],
        },
        "a": "1",
        "b": "2",
        "n": [1, 2, "three", None],
        "text": "no number",
    }
    broken = json.dumps(line)[:-1]
    write(logs, group(logs, "sets"), broken, json.dumps(line), '{"_aws": 1}')
    becomes(3.0, partial(total, cloudwatch, "Sets", "n", a="1", b="2"))
    listed = cloudwatch.list_metrics(Namespace="Sets")["Metrics"]
    assert sorted((each["MetricName"], len(each["Dimensions"])) for each in listed) == [
        ("n", 0),
        ("n", 1),
        ("n", 2),
    ]


def test_a_line_that_is_refused_takes_no_other_along(logs: Any, cloudwatch: Any) -> None:
    def line(name: str, at_s: float) -> str:
        metrics = [{"Namespace": "Old", "Metrics": [{"Name": name}]}]
        meta = {"Timestamp": int(at_s * 1000), "CloudWatchMetrics": metrics}
        return json.dumps({"_aws": meta, name: 1})

    now = _CLOCK.now()
    write(logs, group(logs, "old"), line("old", now - 20 * 86_400), line("new", now))
    becomes(1.0, partial(total, cloudwatch, "Old", "new"))
    assert [each["MetricName"] for each in cloudwatch.list_metrics(Namespace="Old")["Metrics"]] == [
        "new"
    ]


def put_filter(logs: Any, name: str, pattern: str, **made: Any) -> None:
    transformation = {"metricNamespace": "Filtered", "metricValue": "1", **made}
    logs.put_metric_filter(
        logGroupName=name,
        filterName=f"{name}-{made['metricName']}",
        filterPattern=pattern,
        metricTransformations=[transformation],
    )


def test_metric_filters_count_and_measure(logs: Any, cloudwatch: Any) -> None:
    name = group(logs, "filtered")
    put_filter(logs, name, "ERROR", metricName="errors", unit="Count")
    put_filter(
        logs,
        name,
        "{ $.latency > 10 && $.route = * }",
        metricName="slow",
        metricValue="$.latency",
        dimensions={"Route": "$.route"},
    )
    put_filter(logs, name, "[ip, ..., size > 0]", metricName="bytes", metricValue="$size")
    write(
        logs,
        name,
        "ERROR one",
        "an ERROR again",
        '{"latency": 20, "route": "/a"}',
        '{"latency": 30, "route": "/a"}',
        '{"latency": 5, "route": "/a"}',
        '{"latency": 50}',
        "10.0.0.1 GET /index 1200",
    )
    find = partial(total, cloudwatch, "Filtered")
    becomes(2.0, lambda: find("errors"))
    becomes(50.0, lambda: find("slow", Route="/a"))
    becomes(1200.0, lambda: find("bytes"))
    shown = logs.describe_metric_filters(logGroupName=name, filterNamePrefix="filtered-s")
    (slow,) = shown["metricFilters"]
    assert slow["metricTransformations"] == [
        {
            "metricName": "slow",
            "metricNamespace": "Filtered",
            "metricValue": "$.latency",
            "dimensions": {"Route": "$.route"},
        }
    ]
    found = logs.describe_metric_filters(metricName="errors", metricNamespace="Filtered")
    assert [each["filterName"] for each in found["metricFilters"]] == ["filtered-errors"]
    logs.delete_metric_filter(logGroupName=name, filterName="filtered-errors")
    write(logs, name, "ERROR three", '{"latency": 70, "route": "/a"}')
    becomes(120.0, lambda: find("slow", Route="/a"))
    assert find("errors") == 2.0
    logs.delete_log_group(logGroupName=name)
    for metric in ("slow", "bytes"):
        left = logs.describe_metric_filters(metricName=metric, metricNamespace="Filtered")
        assert left["metricFilters"] == []


def test_the_default_value_stands_for_a_minute_without_a_match(
    running: Running, logs: Any, cloudwatch: Any
) -> None:
    name = group(logs, "quiet")
    put_filter(logs, name, "ERROR", metricName="quiet", defaultValue=0)
    write(logs, name, "all is well", "all is still well")
    running.call(partial(_CLOCK.jump, 61))
    becomes(1.0, partial(total, cloudwatch, "Filtered", "quiet", "SampleCount"))
    write(logs, name, "all is well", "ERROR")
    running.call(partial(_CLOCK.jump, 61))
    becomes(1.0, partial(total, cloudwatch, "Filtered", "quiet"))
    assert total(cloudwatch, "Filtered", "quiet", "SampleCount") == 2.0


@pytest.mark.parametrize(
    ("pattern", "messages", "wanted"),
    [
        ("ERROR", ["an ERROR", "fine"], [(1, {})]),
        (
            "{ $.code = 5* }",
            ['{"code": "500", "user": {"id": 7}}', '{"code": "200"}'],
            [(1, {"$.code": "500"})],
        ),
        (
            "[ip, user, size > 100]",
            ["1.1.1.1 ann 50", "2.2.2.2 bob 500"],
            [(2, {"$ip": "2.2.2.2", "$user": "bob", "$size": "500"})],
        ),
    ],
)
def test_a_filter_can_be_tried(
    logs: Any, pattern: str, messages: list[str], wanted: list[Any]
) -> None:
    answer = logs.test_metric_filter(filterPattern=pattern, logEventMessages=messages)
    found = [(each["eventNumber"], each["extractedValues"]) for each in answer["matches"]]
    assert found == wanted
    assert [each["eventMessage"] for each in answer["matches"]] == [
        messages[number - 1] for number, _ in wanted
    ]


@pytest.mark.parametrize(
    ("pattern", "made", "says"),
    [
        ("{ broken", {}, "Invalid filter pattern"),
        ("ERROR", {"metricValue": "$.x"}, "must be a number or a selector"),
        (
            "{ $.a = 1 }",
            {"dimensions": {"A": "$.a"}, "defaultValue": 0},
            "dimensions and default value are mutually exclusive properties",
        ),
        ("{ $.a = 1 }", {"dimensions": {str(n): "$.a" for n in range(4)}}, "at most 3"),
        ("ERROR", {"dimensions": {"A": "$.a"}}, "must be a selector"),
        ("ERROR", {"metricNamespace": "AWS/Lambda"}, "must not begin with AWS/"),
    ],
)
def test_filters_that_are_none_are_refused(
    logs: Any, pattern: str, made: dict[str, Any], says: str
) -> None:
    if not logs.describe_log_groups(logGroupNamePrefix="refusing")["logGroups"]:
        group(logs, "refusing")
    code, text = refused(
        put_filter, logs=logs, name="refusing", pattern=pattern, **{"metricName": "m", **made}
    )
    assert (code, says in text) == ("InvalidParameterException", True), text
