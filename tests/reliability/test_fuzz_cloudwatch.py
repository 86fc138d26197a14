"""Bad input for CloudWatch in its three protocols: AWS's kind of answer, never a 5xx or a hang."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from typing import Any

import pytest

from emulator.services.cloudwatch.expressions.parser import parse
from emulator.services.cloudwatch.expressions.search import compile_search
from emulator.services.cloudwatch.expressions.values import ExpressionError, Line, Scope
from emulator.services.cloudwatch.operations import OPERATIONS
from emulator.services.logs.embedded import read_metrics
from emulator.settings import Settings
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.fuzzing import fuzz

pytestmark = pytest.mark.thorough

MODEL = codec("cloudwatch").model
_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/monitoring/aws4_request, x=y"
)
_ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a1"


def known() -> dict[str, list[Any]]:
    now = int(time.time())
    metric = {"Namespace": "n", "MetricName": "m", "Dimensions": []}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
    queries = [
        [{"Id": "m1", "MetricStat": stat}],
        [{"Id": "m1", "MetricStat": stat}, {"Id": "e", "Expression": "FILL(m1, 0) / 0"}],
        [{"Id": "e", "Expression": "SEARCH('m', 'Sum', 60)"}],
        [{"Id": "e", "Expression": "e"}],
        [{"Id": "E", "MetricStat": stat}],
    ]
    return {
        "AlarmName": ["a1", "a2", "c1"],
        "AlarmNames": [["a1"], ["a1", "a2"], [], None],
        "AlarmRule": ["ALARM(a1)", "ALARM(a1) AND", "TRUE", "((", "NOT FALSE"],
        "AlarmTypes": [None, ["MetricAlarm"], ["CompositeAlarm", "LogAlarm"]],
        "ActionsSuppressor": [None, None, "a1"],
        "ComparisonOperator": ["GreaterThanThreshold", "LessThanLowerThreshold"],
        "Counts": [None, [1.0], [0], [-1, 2]],
        "DashboardBody": ["{}", "[", '{"widgets": 1}', '{"widgets": [{"type": "text"}]}'],
        "DashboardName": ["d1", "a b", ""],
        "DashboardNames": [["d1"], ["gone"], []],
        "DatapointsToAlarm": [None, 1, 5],
        "Dimensions": [None, [], [{"Name": "a", "Value": "b"}], [{"Name": ":", "Value": ""}]],
        "EndTime": [now, now + 3600, 0, 1e18],
        "EvaluationPeriods": [1, 3, 100_000],
        "EvaluationCriteria": [None],
        "EvaluationInterval": [None],
        "ExtendedStatistic": [None, "p99", "nope"],
        "ExtendedStatistics": [None, ["p99", "TM(1:2)"], ["x"]],
        "MaxDatapoints": [None, 1, 0],
        "MaxRecords": [None, 1],
        "MetricDataQueries": queries,
        "MetricName": ["m", "n"],
        "Metrics": [None, None, *queries],
        "Namespace": ["n", "AWS/SQS", "AWS/Lambda", ":x"],
        "NextToken": [None, None, "x", "MQ==", "LTE="],
        "Period": [60, 10, 45, 86_400],
        "ResourceARN": [_ARN, "arn:aws:cloudwatch::000000000000:dashboard/d1", "x"],
        "StartTime": [now - 3600, 0, -1e12, now],
        "StateReason": ["because"],
        "StateReasonData": [None, "{}", "{"],
        "StateValue": ["OK", "ALARM", "INSUFFICIENT_DATA"],
        "Stat": ["Sum", "p50", "x"],
        "Statistic": ["Sum", None],
        "Statistics": [["Sum", "Average"], None],
        "StatisticValues": [None, {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}],
        "StorageResolution": [None, 1, 60, 7],
        "TagKeys": [["a"], []],
        "Tags": [None, [{"Key": "a", "Value": "b"}]],
        "Threshold": [1.0, -5],
        "ThresholdMetricId": [None],
        "Timestamp": [None, now, 0, 1e15],
        "TreatMissingData": [None, "ignore", "x"],
        "Unit": [None, "Count", "Parsec"],
        "Value": [1.0, None, 1e300],
        "Values": [None, [1.0, 2.0], []],
        "WarmUpConfiguration": [None],
    }


def signed(request: FuzzedRequest) -> FuzzedRequest:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"GraniteServiceVersion20100801.{request.operation}",
        "authorization": _CREDENTIAL,
    }
    return FuzzedRequest(request.operation, "POST", "/", "", headers, request.body)


def _complaint(status: int, body: bytes) -> str:
    """Return what is wrong with an answer; nothing if it is as it should be."""
    if not 200 <= status < 500:
        return f"status {status}: {body[:300]!r}"
    if status >= 400 and not json.loads(body).get("__type"):
        return f"{status} without __type: {body[:300]!r}"
    return ""


async def _nothing(emulator: Any) -> None: ...


@pytest.mark.parametrize(
    ("count", "seed"),
    [(300, 1), pytest.param(10_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_requests(count: int, seed: int) -> None:
    fuzzer = Fuzzer(MODEL, known(), seed, OPERATIONS)
    found = await fuzz(
        Settings(port=0, drain_seconds=0),
        count,
        lambda: signed(fuzzer.request()),
        _nothing,
        _complaint,
    )
    assert found.complaints == [], f"seed {seed}"
    assert found.statuses[200] > count / 20, found.statuses
    assert len(found.succeeded) > len(OPERATIONS) / 2, OPERATIONS.keys() - found.succeeded


_PIECES = (
    *"+-*/^()[],<>! 'x\"",
    "m1", "m2", "SUM(", "FILL(", "IF(", "METRICS(", "SEARCH('a', 'Sum', 60)", "AVG", "1", "0.5",
    "&&", "OR", "==", "REPEAT", "LINEAR", "SORT(", "SLICE(", "RATE(", "TIME_SERIES(", "LAST(",
    "{a,b}", "NOT", "AND", "=", "MetricName=",
)  # fmt: skip


def test_expressions_of_any_kind_are_computed_or_refused() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choice = random.Random(seed)
    lines = [Line({0: 1.0, 60: 0.0}, 60, "m1", "m1"), Line({60: -2.0}, 60, "m2", "m2")]
    computed = 0
    for _ in range(4_000):
        text = "".join(choice.choice(_PIECES) for _ in range(choice.randrange(1, 9)))
        try:
            expression = parse(text)
            searches = dict.fromkeys(expression.searches, lines)
            named = {each.id: each for each in lines}
            scope = Scope(0, 120, 60, named.__getitem__, tuple(lines), searches)
            if expression.names <= named.keys():
                expression.compute(scope)
                computed += 1
        except (ExpressionError, ArithmeticError):
            pass
        with suppress(ExpressionError):
            compile_search(text)
    assert computed > 40


def test_log_lines_of_any_kind_are_read() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    choice = random.Random(seed)
    values = [None, 1, -1.5, True, "a", "", [], {}, [1, "x"], [["a"]], {"Name": "a"}, 1e999, "n"]

    def some(depth: int) -> Any:
        if depth == 0 or choice.random() < 0.4:
            return choice.choice(values)
        keys = ("Namespace", "Dimensions", "Metrics", "Name", "Unit", "CloudWatchMetrics", "a")
        if choice.random() < 0.5:
            return [some(depth - 1) for _ in range(choice.randrange(4))]
        return {choice.choice(keys): some(depth - 1) for _ in range(choice.randrange(5))}

    for _ in range(1500):
        line = {"_aws": some(5), "a": some(1)}
        if choice.random() < 0.7:
            line["_aws"] = {"Timestamp": some(0), "CloudWatchMetrics": [some(3)]}
        for namespace, datum in read_metrics(json.dumps(line)):
            assert namespace
            assert datum["Values"]
