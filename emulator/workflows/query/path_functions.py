"""Functions at the end of a JSONPath: `$.items.length()`."""

import statistics
from collections.abc import Callable

from ..json_text import Json


def _numbers(value: Json) -> list[float]:
    if not isinstance(value, list) or not value:
        raise TypeError
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in value):
        raise TypeError
    return value


FUNCTIONS: dict[str, Callable[[Json], Json]] = {
    "length": len,
    "size": len,
    "min": lambda value: min(_numbers(value)),
    "max": lambda value: max(_numbers(value)),
    "sum": lambda value: sum(_numbers(value)),
    "avg": lambda value: sum(_numbers(value)) / len(value),
    "stddev": lambda value: statistics.pstdev(_numbers(value)),
    "keys": lambda value: list(dict(value)),
}
