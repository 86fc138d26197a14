"""What expressions compute with: numbers, time series, and lists of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

#: Points of all results of a request.
MOST_POINTS = 100_800


class ExpressionError(ValueError):
    """An expression that can't be read, or computed; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A time series.

    Attributes:
        points: Values by their time (seconds since the epoch), in any order.
        period: Seconds between two points.
        label: What people call it.
        id: Of the query it comes from; "" for none.
    """

    points: Mapping[int, float]
    period: int
    label: str = ""
    id: str = ""


Value = float | Line | list[Line]


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is computed with.

    Attributes:
        start: Where the first period begins (seconds since the epoch).
        end: Where the last one ends.
        period: Seconds of a period of lines that have none of their own.
        find: Returns the value of another query, by its id.
        metrics: The metrics among the queries, in order.
        searches: What was found, by the arguments of SEARCH.
    """

    start: int
    end: int
    period: int
    find: Callable[[str], Value]
    metrics: tuple[Line, ...] = ()
    searches: Mapping[tuple[str, str, int], list[Line]] = field(default_factory=dict)

    def times(self, period: int) -> range:
        """Return where the periods of the whole range begin.

        Raises:
            ExpressionError: They are more than a request may have.
        """
        found = range(self.start, self.end, max(1, period))
        if len(found) > MOST_POINTS:
            raise ExpressionError(f"it would have more than {MOST_POINTS} points")
        return found


def each(value: Value, change: Callable[[Line], Line]) -> Value:
    """Return a line, or each line of a list, changed.

    Raises:
        ExpressionError: The value is a number.
    """
    if isinstance(value, Line):
        return change(value)
    if isinstance(value, list):
        return [change(line) for line in value]
    raise ExpressionError("a time series is expected, not a number")


def mapped(line: Line, change: Callable[[float], float | None]) -> Line:
    """Return a line with its values changed; None removes one."""
    points = {}
    for at, value in line.points.items():
        changed = _finite(change, value)
        if changed is not None:
            points[at] = changed
    return replace(line, points=points)


def _finite(change: Callable[..., float | None], *values: float) -> float | None:
    try:
        found = change(*values)
    except (ArithmeticError, ValueError):
        return None
    if isinstance(found, complex) or found is None:
        return None
    # What is no number, or too large to be one, is no point.
    return found if found - found == 0 else None


def combined(one: Value, other: Value, change: Callable[[float, float], float | None]) -> Value:
    """Return two values as one: where both are lines, at the times that both have.

    Raises:
        ExpressionError: Both are lists of different lengths, or the result is no number.
    """
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            raise ExpressionError("two lists of different lengths can't be combined")
        return [_line(combined(a, b, change)) for a, b in zip(one, other, strict=True)]
    if isinstance(one, list):
        return [_line(combined(line, other, change)) for line in one]
    if isinstance(other, list):
        return [_line(combined(one, line, change)) for line in other]
    if isinstance(one, Line) and isinstance(other, Line):
        points = {}
        for at, value in one.points.items():
            if at in other.points:
                found = _finite(change, value, other.points[at])
                if found is not None:
                    points[at] = found
        return Line(points, max(one.period, other.period))
    if isinstance(one, Line):
        return mapped(one, lambda value: change(value, number(other)))
    if isinstance(other, Line):
        return mapped(other, lambda value: change(number(one), value))
    found = _finite(change, one, other)
    if found is None:
        raise ExpressionError("the result is no number")
    return found


def _line(value: Value) -> Line:
    assert isinstance(value, Line)
    return value


def number(value: Value) -> float:
    """Return a value that has to be a number.

    Raises:
        ExpressionError: It is none.
    """
    if isinstance(value, (Line, list)):
        raise ExpressionError("a number is expected, not a time series")
    return value


def line(value: Value) -> Line:
    """Return a value that has to be one line.

    Raises:
        ExpressionError: It is none.
    """
    if not isinstance(value, Line):
        raise ExpressionError("one time series is expected")
    return value


def lines(values: Iterable[Value]) -> list[Line]:
    """Return all lines among values, those in lists too."""
    found: list[Line] = []
    for value in values:
        if isinstance(value, list):
            found += value
        elif isinstance(value, Line):
            found.append(value)
    return found
