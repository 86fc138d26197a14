"""Queries of metric data: metrics and expressions over them, checked and then computed.

GetMetricData and alarms have them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emulator.services.cloudwatch.errors import violated
from emulator.services.cloudwatch.expressions.parser import Expression, parse
from emulator.services.cloudwatch.expressions.search import compile_search
from emulator.services.cloudwatch.expressions.values import (
    ExpressionError,
    Line,
    Scope,
    Value,
    line,
)
from emulator.services.cloudwatch.periods import begin, is_period
from emulator.services.cloudwatch.rows import Known
from emulator.services.cloudwatch.series import Found, Series, dimensions_of
from emulator.services.cloudwatch.statistic import statistic
from emulator.telemetry.metrics.aggregate import Aggregate

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
#: Metrics that one SEARCH finds at most.
_MOST_FOUND = 500
_DEFAULT_PERIOD_S = 300
#: (metric, unit, start, end, period) → its data.
Read = Callable[[Series, "str | None", int, int, int], Awaitable[list[Found]]]
#: (account, region) → all metrics.
ListAll = Callable[[str, str], Awaitable[list[Known]]]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a request.

    Attributes:
        id: Its name in expressions.
        body: As it was given.
        series: The metric; None for an expression.
        stat: The metric's statistic.
        unit: Of the metric's data; None for any.
        period: Seconds; 0 where an expression takes that of its metrics.
        expression: The expression; None for a metric.
        is_returned: It is a result.
    """

    id: str
    body: Mapping[str, Any]
    series: Series | None
    stat: str
    unit: str | None
    period: int
    expression: Expression | None
    is_returned: bool

    @property
    def label(self) -> str:
        """What people call its result."""
        label: str | None = self.body.get("Label")
        if label is not None:
            return label
        return self.series.name if self.series else self.id


def read_queries(
    given: Sequence[Mapping[str, Any]], account: str, region: str, member: str
) -> list[Query]:
    """Return queries, checked.

    Args:
        given: As the API takes them.
        account: Whose metrics they mean, where they don't say.
        region: Where these are.
        member: What the API calls the list.

    Raises:
        AwsError: ValidationError.
    """
    found: list[Query] = []
    ids = {each.get("Id") for each in given}
    for number, each in enumerate(given, 1):
        place = f"{member}.member.{number}"
        id = each["Id"]
        if not _ID.fullmatch(id):
            raise violated(
                f"The value {id} for parameter {place}.Id is not matching the expected pattern "
                "^[a-z][a-zA-Z0-9_]*$."
            )
        if id in {other.id for other in found}:
            raise violated(f"The values for parameter Id in {member} are not unique.")
        found.append(_query(each, account, region, place))
    for query in found:
        if query.expression is not None:
            unknown = sorted(query.expression.names - ids)
            if unknown:
                raise violated(
                    f"Error in expression '{query.id}' [Undefined variable {unknown[0]}]"
                )
    _check_circles(found)
    return found


def _query(each: Mapping[str, Any], account: str, region: str, place: str) -> Query:
    stat, text = each.get("MetricStat"), each.get("Expression")
    if (stat is None) == (text is None):
        raise violated(
            f"Exactly one of the parameters {place}.MetricStat and {place}.Expression must be "
            "specified."
        )
    returned = each.get("ReturnData") is not False
    period = each.get("Period") or 0
    if text is not None:
        if period and not is_period(period):
            raise _bad_period(place)
        try:
            expression = parse(text)
            for search, name, _ in expression.searches:
                compile_search(search)
                if statistic(name) is None:
                    raise ExpressionError(f"{name} is no statistic")
        except ExpressionError as error:
            raise violated(f"Error in expression '{each['Id']}' [{error}]") from error
        return Query(each["Id"], each, None, "", None, period, expression, returned)
    assert stat is not None
    if not is_period(stat["Period"]):
        raise _bad_period(f"{place}.MetricStat")
    if statistic(stat["Stat"]) is None:
        raise violated(
            f"The value {stat['Stat']} for parameter {place}.MetricStat.Stat is invalid."
        )
    metric = stat["Metric"]
    if not metric.get("Namespace") or not metric.get("MetricName"):
        raise violated(
            f"The parameters {place}.MetricStat.Metric.Namespace and MetricName must be specified."
        )
    series = Series(
        each.get("AccountId") or account,
        region,
        metric["Namespace"],
        metric["MetricName"],
        dimensions_of(metric.get("Dimensions")),
    )
    return Query(
        each["Id"],
        each,
        series,
        stat["Stat"],
        stat.get("Unit"),
        stat["Period"],
        None,
        returned,
    )


def _bad_period(place: str) -> Exception:
    return violated(
        f"The parameter {place}.Period must be 1, 5, 10, 20, 30, or any multiple of 60."
    )


def _check_circles(queries: Sequence[Query]) -> None:
    """Refuse expressions that need themselves."""
    needs = {each.id: each.expression.names if each.expression else () for each in queries}
    done: set[str] = set()
    for start in needs:
        # A walk without recursion: a request may have 500 of them, each needing the next.
        path: list[tuple[str, list[str]]] = [(start, list(needs[start]))]
        above = {start}
        while path:
            id, left = path[-1]
            if not left:
                path.pop()
                above.discard(id)
                done.add(id)
                continue
            following = left.pop()
            if following in above:
                raise violated(f"Error in expression '{start}' [Circular dependency]")
            if following not in done:
                path.append((following, list(needs[following])))
                above.add(following)


class Evaluation:
    """Computes queries for a range of time.

    Args:
        queries: All of them.
        start, end: The range, seconds since the epoch.
        now: The time.
        read: Reads metrics.
        list_all: Lists them, for SEARCH.
    """

    def __init__(
        self,
        queries: Sequence[Query],
        start: float,
        end: float,
        now: float,
        read: Read,
        list_all: ListAll,
        scope_of: tuple[str, str],
    ) -> None:
        self._queries = {each.id: each for each in queries}
        self._start, self._end, self._now = start, int(-(-end // 1)), now
        self._read, self._list_all, self._scope_of = read, list_all, scope_of
        self._values: dict[str, Value] = {}
        self._lines: dict[str, Line] = {}
        self._searches: dict[tuple[str, str, int], list[Line]] = {}
        #: Values of percentiles, by the id of their query and their time: see alarms.
        self.samples: dict[str, dict[int, float]] = {}

    async def prepare(self) -> None:
        """Read all data that the queries need."""
        for query in self._queries.values():
            if query.series is not None:
                self._lines[query.id] = await self._metric(
                    query.series, query.unit, query.stat, query.period, query.label, query.id
                )
            elif query.expression is not None:
                for key in query.expression.searches:
                    if key not in self._searches:
                        self._searches[key] = await self._search(*key, query.period)

    async def _metric(
        self, series: Series, unit: str | None, stat: str, period: int, label: str, id: str
    ) -> Line:
        start = begin(self._start, period, self._now)
        merged: dict[int, Aggregate] = {}
        for at, _, values in await self._read(series, unit, start, self._end, period):
            if at in merged:
                merged[at].merge(values)
            else:
                merged[at] = values
        find = statistic(stat)
        assert find is not None
        points = {at: value for at, values in merged.items() if (value := find(values)) is not None}
        if id:
            self.samples[id] = {at: values.samples for at, values in merged.items()}
        return Line(points, period, label, id)

    async def _search(self, text: str, stat: str, period: int, default: int) -> list[Line]:
        matches = compile_search(text)
        known = await self._list_all(*self._scope_of)
        found = [each.series for each in known if matches(each.series)][:_MOST_FOUND]
        period = period or default or _DEFAULT_PERIOD_S
        made = []
        for series in found:
            label = " ".join([series.name, *(value for _, value in series.dimensions)])
            made.append(await self._metric(series, None, stat, period, label, ""))
        return made

    def value(self, id: str) -> Value:
        """Return the value of a query.

        Raises:
            ExpressionError: It can't be computed.
        """
        if id in self._lines:
            return self._lines[id]
        # Deep chains of expressions must not be deep in the stack.
        waiting = [id]
        while waiting:
            query = self._queries[waiting[-1]]
            if query.id in self._values or query.expression is None:
                waiting.pop()
                continue
            needed = [
                name
                for name in query.expression.names
                if name not in self._lines and name not in self._values
            ]
            if needed:
                waiting += needed
                continue
            self._values[query.id] = self._compute(query, query.expression)
            waiting.pop()
        return self._values[id]

    def _compute(self, query: Query, expression: Expression) -> Value:
        periods = [self._lines[name].period for name in expression.names if name in self._lines]
        for name in expression.names:
            value = self._values.get(name)
            periods += [value.period] if isinstance(value, Line) else []
        if expression.uses_metrics:
            periods += [each.period for each in self._lines.values()]
        period = query.period or max(periods, default=_DEFAULT_PERIOD_S)
        scope = Scope(
            begin(self._start, period, self._now),
            self._end,
            period,
            lambda name: self._lines[name] if name in self._lines else self._values[name],
            tuple(self._lines.values()),
            self._searches,
        )
        try:
            return expression.compute(scope)
        except (ArithmeticError, RecursionError) as error:
            raise ExpressionError("the result is no number") from error

    def results(self, query: Query) -> list[Line]:
        """Return the lines that a query results in, with their labels.

        Raises:
            ExpressionError: It can't be computed, or its value is a number.
        """
        value = self.value(query.id)
        if not isinstance(value, list):
            found = line(value) if isinstance(value, Line) else None
            if found is None:
                raise ExpressionError("the result is a number, and not a time series")
            return [replace(found, label=query.label, id=query.id)]
        label = query.body.get("Label")
        made = []
        for each in value:
            text = each.label or query.id
            made.append(replace(each, label=f"{label} {text}" if label else text, id=query.id))
        return made
