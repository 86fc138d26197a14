"""Makes metrics of log events: of those in the embedded metric format, and by metric filters.

They are gathered for a moment, and put into CloudWatch together.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from emulator.model.clock import Timer
from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.context import Parts
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

if TYPE_CHECKING:
    from emulator.services.logs.pattern import Matches

log = logging.getLogger(__name__)

#: Seconds for which metrics are gathered, how many at most, and how many are put at once.
_GATHERS_S, _MOST, _AT_ONCE = 0.2, 10_000, 500
_MINUTE_S = 60
#: What a line has in it that has metrics.
_MARK = '"_aws"'

Body = dict[str, Any]
GroupKey = tuple[str, str, str]
Value = Callable[[str], "str | None"]


class MetricFilter(NamedTuple):
    """A metric filter at work."""

    body: Body
    matches: Matches
    value: Value
    dimensions: dict[str, Value]

    @property
    def transformation(self) -> Body:
        """What becomes of a match."""
        made: Body = self.body["transformations"][0]
        return made


def compile_filter(body: Body) -> MetricFilter:
    """Return a filter at work.

    Raises:
        AwsError: Its pattern is none.
    """
    # Most groups have no filter.
    from emulator.services.logs.extraction import compile_value
    from emulator.services.logs.pattern import compile_pattern

    pattern, made = body["pattern"], body["transformations"][0]
    given: str = made["metricValue"]
    constant: Value = lambda message: given  # noqa: E731
    value = compile_value(given, pattern) if given.startswith("$") else constant
    dimensions = {
        name: compile_value(selector, pattern)
        for name, selector in (made.get("dimensions") or {}).items()
    }
    return MetricFilter(body, compile_pattern(pattern), value, dimensions)


class Measuring:
    """Listens to all log events.

    Args:
        parts: The emulator's.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._filters: dict[GroupKey, dict[str, MetricFilter]] = {}
        #: Metrics that wait, by account, region and namespace.
        self._gathered: dict[tuple[str, str, str], list[Body]] = {}
        self._count = 0
        self._timer: Timer | None = None
        #: Filters with a default value: whether one has matched in this minute.
        self._minute: dict[tuple[GroupKey, str], bool] = {}
        self._minute_timer: Timer | None = None
        self._has_warned = False
        self._unlisten = parts.logs.listen(self._hear_object, objects_only=True)
        #: Stops listening to all lines; None while there is no filter.
        self._stop_filtering: Callable[[], None] | None = None

    def follow(self, account: str, region: str, body: Body) -> None:
        """Have a filter act from now on."""
        group = (account, region, body["group"])
        self._filters.setdefault(group, {})[body["name"]] = compile_filter(body)
        if self._stop_filtering is None:
            self._stop_filtering = self._parts.logs.listen(self._hear)

    def forget(self, account: str, region: str, group: str, name: str) -> None:
        """Have a filter not act any more."""
        key = (account, region, group)
        there = self._filters.get(key, {})
        there.pop(name, None)
        self._minute.pop((key, name), None)
        if not there:
            self._filters.pop(key, None)
        if not self._filters:
            self._stop_hearing()

    def _stop_hearing(self) -> None:
        if self._stop_filtering is not None:
            self._stop_filtering()
            self._stop_filtering = None

    def clear(self, account: str | None) -> None:
        """Forget what waits, of all accounts or of one: a reset."""
        for key in [each for each in self._gathered if account in (None, each[0])]:
            self._count -= len(self._gathered.pop(key))

    async def close(self) -> None:
        """Put what waits, and let go."""
        self._unlisten()
        self._stop_hearing()
        for timer in (self._timer, self._minute_timer):
            if timer is not None:
                timer.cancel()
        if self._gathered:
            await self._put()

    def _hear_object(self, group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        if _MARK in event.message:
            from emulator.services.logs.embedded import read_metrics  # few lines have metrics

            for namespace, datum in read_metrics(event.message):
                self._gather(group.account, group.region, namespace, datum)

    def _hear(self, group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        key = (group.account, group.region, group.name)
        for name, each in self._filters.get(key, {}).items():
            self._filter(key, name, each, event)

    def _filter(self, key: GroupKey, name: str, each: MetricFilter, event: LogEvent) -> None:
        made = each.transformation
        matches = each.matches(event.message)
        default = made.get("defaultValue")
        if default is not None:
            self._minute[key, name] = self._minute.get((key, name), False) or matches
            if self._minute_timer is None:
                left_s = _MINUTE_S - self._parts.clock.now() % _MINUTE_S
                self._minute_timer = self._parts.clock.call_later(left_s, self._minute_over)
        if not matches:
            return
        value = _number(each.value(event.message))
        if value is None:
            return
        dimensions = []
        for dimension, find in each.dimensions.items():
            text = find(event.message)
            if not text:
                return  # AWS publishes no metric without one of its dimensions.
            dimensions.append({"Name": dimension, "Value": text[:1024]})
        self._emit(key, made, value, dimensions, event.timestamp / 1000)

    def _emit(
        self, key: GroupKey, made: Body, value: float, dimensions: list[Body], at: float
    ) -> None:
        datum = {
            "MetricName": made["metricName"],
            "Value": value,
            "Unit": made.get("unit") or "None",
            "Dimensions": dimensions,
            "Timestamp": at,
        }
        self._gather(key[0], key[1], made["metricNamespace"], datum)

    def _minute_over(self) -> None:
        """Emit the default values of filters that have seen events, and matched none."""
        self._minute_timer = None
        seen, self._minute = self._minute, {}
        for (key, name), has_matched in seen.items():
            found = self._filters.get(key, {}).get(name)
            if found is not None and not has_matched:
                default = float(found.transformation["defaultValue"])
                self._emit(key, found.transformation, default, [], self._parts.clock.now() - 1)

    def _gather(self, account: str, region: str, namespace: str, datum: Body) -> None:
        if self._count >= _MOST:
            self._warn("more metrics come in log lines than can be kept; some are dropped")
            return
        self._count += 1
        self._gathered.setdefault((account, region, namespace), []).append(datum)
        if self._timer is None:
            self._timer = self._parts.clock.call_later(_GATHERS_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._parts.spawn(self._put())

    async def _put(self) -> None:
        gathered, self._gathered, self._count = self._gathered, {}, 0
        for (account, region, namespace), every in gathered.items():
            for first in range(0, len(every), _AT_ONCE):
                await self._put_some(account, region, namespace, every[first : first + _AT_ONCE])

    async def _put_some(self, account: str, region: str, namespace: str, every: list[Body]) -> None:
        request = {"Namespace": namespace, "MetricData": every}
        try:
            await self._parts.table.call(
                "cloudwatch", "PutMetricData", request, account=account, region=region
            )
        except AwsError as error:
            if len(every) == 1:
                self._warn(f"a metric of a log line was refused: {error.message}")
                return
            # One that is refused must not take the others along.
            for each in every:
                await self._put_some(account, region, namespace, [each])
        except LocalfaasError as error:
            log.error("metrics of log lines were not kept: %s", error)

    def _warn(self, text: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._parts.console.warn(f"CloudWatch: {text}")


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
