"""Looks at the data of a metric alarm, and says which state it has, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.services.cloudwatch.alarms.alarm import period_of, written
from emulator.services.cloudwatch.alarms.decisions import (
    COMPARISONS,
    FURTHER_PERIODS,
    State,
    decide,
)
from emulator.services.cloudwatch.expressions.values import ExpressionError
from emulator.services.cloudwatch.queries import Evaluation, Query
from emulator.services.cloudwatch.statistic import is_percentile

#: Seconds between two looks at alarms of a minute or more, and at others.
INTERVAL_S, SHORT_INTERVAL_S = 60, 10
_LONGEST_REASON, _LONGEST_DATA = 1023, 4000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What looking at an alarm's data said."""

    state: State
    reason: str
    #: JSON.
    data: str


def interval_of(fields: Mapping[str, Any]) -> int:
    """Return how many seconds lie between two looks at an alarm."""
    return SHORT_INTERVAL_S if period_of(fields) < 60 else INTERVAL_S


def window_of(fields: Mapping[str, Any], now: float) -> tuple[int, int]:
    """Return from when to when an alarm's data counts, some earlier periods included.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    """
    period = period_of(fields)
    window = fields.get("EvaluationWindow") or {}
    step = period if "WallClockWindow" in window else interval_of(fields)
    end = int(now // step * step)
    return end - (fields["EvaluationPeriods"] + FURTHER_PERIODS) * period, end


def queries_of(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the queries of an alarm, those of one metric too."""
    if fields.get("Metrics"):
        return list(fields["Metrics"])
    stat: dict[str, Any] = {
        "Metric": {
            "Namespace": fields["Namespace"],
            "MetricName": fields["MetricName"],
            "Dimensions": fields.get("Dimensions") or [],
        },
        "Period": fields["Period"],
        "Stat": fields.get("Statistic") or fields.get("ExtendedStatistic"),
    }
    if fields.get("Unit"):
        stat["Unit"] = fields["Unit"]
    return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]


async def look(
    fields: Mapping[str, Any],
    queries: Sequence[Query],
    evaluation: Evaluation,
    window: tuple[int, int],
    now: float,
    before: State,
) -> Verdict | None:
    """Return which state an alarm has; None: what there is says too little.

    Raises:
        ExpressionError: Its expression can't be computed.
    """
    await evaluation.prepare()
    watched = next(each for each in queries if each.is_returned)
    results = evaluation.results(watched)
    if len(results) != 1:
        raise ExpressionError("the expression has to result in one time series")
    points = results[0].points
    period = period_of(fields)
    start, end = window
    times = range(start, end, period)
    compare, words = COMPARISONS[fields["ComparisonOperator"]]
    threshold = float(fields["Threshold"])
    values = [points.get(at) for at in times]
    breaching = [None if each is None else compare(each, threshold) for each in values]
    if _has_few_samples(fields, watched, evaluation, times):
        return None
    periods = fields["EvaluationPeriods"]
    needed = fields.get("DatapointsToAlarm") or periods
    treatment = fields.get("TreatMissingData") or "missing"
    if (watched.series and watched.series.namespace) == "AWS/DynamoDB":
        treatment = "ignore"
    state = decide(breaching, periods, needed, treatment, before)
    known = [
        (at, value, bad)
        for at, value, bad in zip(times, values, breaching, strict=True)
        if value is not None and bad is not None
    ][-periods:]
    reason = _reason(state, known, fields, words, before)
    data = _data(fields, watched, known, now, start)
    return Verdict(state, reason[:_LONGEST_REASON], data)


def _has_few_samples(
    fields: Mapping[str, Any], watched: Query, evaluation: Evaluation, times: Sequence[int]
) -> bool:
    """Say whether a percentile's samples are too few, where that is to be heeded.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    if fields.get("EvaluateLowSampleCountPercentile") != "ignore" or not is_percentile(
        watched.stat
    ):
        return False
    share = float(watched.stat[1:]) / 100
    wanted = 10 / (1 - share) if share >= 0.5 else 10 / share if share else 0
    if math.isclose(share, 1):
        return False
    samples = evaluation.samples.get(watched.id, {})
    # Those that decide: data that is late stands in for some.
    judged = [samples[at] for at in times if at in samples][-fields["EvaluationPeriods"] :]
    return bool(judged) and min(judged) < wanted


def _reason(
    state: State,
    known: Sequence[tuple[int, float, bool]],
    fields: Mapping[str, Any],
    words: str,
    before: State,
) -> str:
    periods = fields["EvaluationPeriods"]
    threshold = float(fields["Threshold"])
    missing = periods - len(known)
    if state == "INSUFFICIENT_DATA":
        plural, verb = ("", "was") if periods == 1 else ("s", "were")
        return f"Insufficient Data: {periods} datapoint{plural} {verb} unknown."
    if not known:
        treated = "Breaching" if state == "ALARM" else "NonBreaching"
        one = missing == 1
        return (
            f"Threshold Crossed: no datapoints were received for {missing} period"
            f"{'' if one else 's'} and {missing} missing datapoint{'' if one else 's'} "
            f"{'was' if one else 'were'} treated as [{treated}]."
        )
    counted = [each for each in known if each[2] == (state == "ALARM")] or list(known)
    shown = ", ".join(
        f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})"
        for at, value, _ in reversed(counted)
    )
    if state == "ALARM":
        needed = fields.get("DatapointsToAlarm") or periods
        plural = "" if needed == 1 else "s"
        verb = "was" if len(counted) == 1 else "were"
        return (
            f"Threshold Crossed: {len(counted)} out of the last {periods} datapoints [{shown}] "
            f"{verb} {words} the threshold ({threshold}) (minimum {needed} datapoint{plural} for "
            f"OK -> ALARM transition)."
        )
    plural, verb = ("", "was") if len(counted) == 1 else ("s", "were")
    return (
        f"Threshold Crossed: {len(counted)} datapoint{plural} [{shown}] {verb} not {words} the "
        f"threshold ({threshold})."
    )


def _data(
    fields: Mapping[str, Any],
    watched: Query,
    known: Sequence[tuple[int, float, bool]],
    now: float,
    start: int,
) -> str:
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": written(now),
        "startDate": written(known[0][0] if known else start),
        "period": period_of(fields),
        "recentDatapoints": [value for _, value, _ in known],
        "threshold": float(fields["Threshold"]),
        "evaluatedDatapoints": [
            {"timestamp": written(at), "value": value} for at, value, _ in reversed(known)
        ],
    }
    if watched.stat:
        data["statistic"] = watched.stat
    if watched.unit:
        data["unit"] = watched.unit
    text = orjson.dumps(data).decode()
    while len(text) > _LONGEST_DATA and data["recentDatapoints"]:
        data["evaluatedDatapoints"] = data["evaluatedDatapoints"][:-10]
        data["recentDatapoints"] = data["recentDatapoints"][10:]
        text = orjson.dumps(data).decode()
    return text
