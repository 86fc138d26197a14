"""The functions of metric math.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean, pstdev

from emulator.services.cloudwatch.expressions.values import (
    ExpressionError,
    Line,
    Scope,
    Value,
    each,
    line,
    lines,
    mapped,
    number,
)

Node = Callable[[Scope], Value]
#: (scope, arguments, words among them) → value.
Function = Callable[[Scope, Sequence[Value], Sequence[str]], Value]

#: Words that are arguments.
WORDS = frozenset({"REPEAT", "LINEAR", "AVG", "MIN", "MAX", "SUM", "ASC", "DESC"})
_WITH_WORDS = ("FILL", "SORT")
#: Functions that need what the emulator has not.
_NOT_SERVED = frozenset(
    {"ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "DB_PERF_INSIGHTS", "LAMBDA", "SERVICE_QUOTA"}
)


def call(name: str, nodes: Sequence[Node], words: Sequence[str]) -> Node:
    """Return what calls a function.

    Raises:
        ExpressionError: There is no such function, or it takes other arguments.
    """
    if name in _NOT_SERVED:
        raise ExpressionError(f"localfaas does not serve {name} of metric math")
    if name not in _FUNCTIONS:
        raise ExpressionError(f"there is no function {name}")
    least, most, function = _FUNCTIONS[name]
    is_wrong = bool(words) and name not in _WITH_WORDS
    if is_wrong or not least <= len(nodes) <= most:
        raise ExpressionError(f"{name} takes another number of arguments")
    return lambda scope: function(scope, [node(scope) for node in nodes], words)


def metrics(scope: Scope, wanted: str) -> list[Line]:
    """Return the metrics among the queries whose id or label has a text in it."""
    return [each for each in scope.metrics if wanted in each.id or wanted in each.label]


# --- of one line, or of several -------------------------------------------------------------------


def _reducing(reduce: Callable[[Sequence[float]], float]) -> Function:
    """Of one line a number; of several a line, at each time that one of them has."""

    def function(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
        value = given[0] if len(given) == 1 else lines(given)
        if isinstance(value, Line):
            return reduce(list(value.points.values())) if value.points else 0.0
        if not isinstance(value, list):
            return value
        found: dict[int, list[float]] = {}
        for one in value:
            for at, point in one.points.items():
                found.setdefault(at, []).append(point)
        period = max((one.period for one in value), default=scope.period)
        return Line({at: reduce(points) for at, points in found.items()}, period)

    return function


def _pointwise(change: Callable[[float], float]) -> Function:
    def function(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
        if isinstance(given[0], (Line, list)):
            return each(given[0], lambda one: mapped(one, change))
        try:
            return change(given[0])
        except (ArithmeticError, ValueError) as error:
            raise ExpressionError("the result is no number") from error

    return function


def _of_line(change: Callable[[Scope, Line], Line]) -> Function:
    def function(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
        return each(given[0], lambda one: change(scope, one))

    return function


def _of_times(find: Callable[[int], float]) -> Function:
    def change(scope: Scope, one: Line) -> Line:
        return replace(one, points={at: find(at) for at in scope.times(one.period)})

    return _of_line(change)


def _of_date(find: Callable[[datetime], float]) -> Function:
    return _of_times(lambda at: float(find(datetime.fromtimestamp(at, UTC))))


def _differences(one: Line, find: Callable[[float, float, int], float]) -> Line:
    points = {}
    ordered = sorted(one.points.items())
    for (before_at, before), (at, value) in itertools.pairwise(ordered):
        points[at] = find(before, value, at - before_at)
    return replace(one, points=points)


def _running_sum(scope: Scope, one: Line) -> Line:
    total, points = 0.0, {}
    for at, value in sorted(one.points.items()):
        total += value
        points[at] = total
    return replace(one, points=points)


# --- with further arguments -----------------------------------------------------------------------


def _fill(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    if len(given) + len(words) != 2:
        raise ExpressionError("FILL takes a time series, and a value, REPEAT or LINEAR")

    def change(one: Line) -> Line:
        points = dict(one.points)
        times = scope.times(one.period)
        if words == ["REPEAT"] or words == ["LINEAR"]:
            ordered = sorted(points.items())
            for (before_at, before), (after_at, after) in itertools.pairwise(ordered):
                step = (after - before) / (after_at - before_at) if words == ["LINEAR"] else 0.0
                for at in range(before_at + one.period, after_at, one.period):
                    points[at] = before + step * (at - before_at)
            if words == ["REPEAT"] and ordered:
                for at in range(ordered[-1][0] + one.period, scope.end, one.period):
                    points[at] = ordered[-1][1]
        elif isinstance(given[1], Line):
            points = {**given[1].points, **points}
        else:
            filler = number(given[1])
            points = {at: points.get(at, filler) for at in times} | points
        return replace(one, points=points)

    return each(given[0], change)


def _if(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    condition, then = given[0], given[1]
    other = given[2] if len(given) > 2 else None
    if not isinstance(condition, (Line, list)):
        chosen = then if condition else other
        if chosen is None:
            return Line({}, scope.period)
        return chosen
    if isinstance(condition, list):
        raise ExpressionError("the condition of IF is one time series or a number")
    points = {}
    for at, holds in condition.points.items():
        chosen = then if holds else other
        found = chosen.points.get(at) if isinstance(chosen, Line) else chosen
        if isinstance(found, list):
            raise ExpressionError("IF chooses between single time series and numbers")
        if found is not None:
            points[at] = found
    return Line(points, condition.period)


def _end_of(which: int) -> Function:
    def function(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
        value = given[0]
        if isinstance(value, list):
            if not value:
                raise ExpressionError("the list is empty")
            return value[which]
        ordered = sorted(line(value).points.items())
        return ordered[which][1] if ordered else 0.0

    return function


def _period(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    return float(line(given[0]).period)


def _metric_count(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    return float(len(lines(given)))


def _datapoint_count(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    if isinstance(given[0], list):
        return _reducing(lambda values: float(len(values)))(scope, given, words)
    return float(len(line(given[0]).points))


def _time_series(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    constant = number(given[0])
    return Line(dict.fromkeys(scope.times(scope.period), constant), scope.period)


def _remove_empty(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    return [one for one in lines(given) if one.points]


def _slice(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    found = lines(given[:1])
    first = int(number(given[1]))
    last = int(number(given[2])) if len(given) > 2 else len(found)
    return found[first:last]


_REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "AVG": fmean,
    "MAX": max,
    "MIN": min,
    "STDDEV": pstdev,
    "SUM": math.fsum,
}


def _sort(scope: Scope, given: Sequence[Value], words: Sequence[str]) -> Value:
    if not words or words[0] not in _REDUCERS or not {*words[1:]} <= {"ASC", "DESC"}:
        raise ExpressionError("SORT takes a list, AVG, MIN, MAX or SUM, and ASC or DESC")
    reduce = _REDUCERS[words[0]]
    found = sorted(
        lines(given[:1]),
        key=lambda one: reduce(list(one.points.values())) if one.points else -math.inf,
        reverse="DESC" in words,
    )
    return found[: int(number(given[1]))] if len(given) > 1 else found


_FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    **{name: (1, 100, _reducing(reduce)) for name, reduce in _REDUCERS.items()},
    "ABS": (1, 1, _pointwise(abs)),
    "CEIL": (1, 1, _pointwise(lambda value: float(math.ceil(value)))),
    "DATAPOINT_COUNT": (1, 1, _datapoint_count),
    "DATE": (1, 1, _of_date(lambda at: at.day)),
    "DAY": (1, 1, _of_date(lambda at: at.isoweekday())),
    "DIFF": (1, 1, _of_line(lambda scope, one: _differences(one, lambda a, b, s: b - a))),
    "DIFF_TIME": (1, 1, _of_line(lambda scope, one: _differences(one, lambda a, b, s: float(s)))),
    "EPOCH": (1, 1, _of_times(float)),
    "FILL": (1, 2, _fill),
    "FIRST": (1, 1, _end_of(0)),
    "FLOOR": (1, 1, _pointwise(lambda value: float(math.floor(value)))),
    "HOUR": (1, 1, _of_date(lambda at: at.hour)),
    "IF": (2, 3, _if),
    "LAST": (1, 1, _end_of(-1)),
    "LOG": (1, 1, _pointwise(math.log)),
    "LOG10": (1, 1, _pointwise(math.log10)),
    "METRIC_COUNT": (1, 1, _metric_count),
    "MINUTE": (1, 1, _of_date(lambda at: at.minute)),
    "MONTH": (1, 1, _of_date(lambda at: at.month)),
    "PERIOD": (1, 1, _period),
    "RATE": (1, 1, _of_line(lambda scope, one: _differences(one, lambda a, b, s: (b - a) / s))),
    "REMOVE_EMPTY": (1, 1, _remove_empty),
    "RUNNING_SUM": (1, 1, _of_line(_running_sum)),
    "SLICE": (2, 3, _slice),
    "SORT": (1, 2, _sort),
    "TIME_SERIES": (1, 1, _time_series),
    "YEAR": (1, 1, _of_date(lambda at: at.year)),
}
