"""Fields that are numbers, or expressions that give one."""

from collections.abc import Callable

from .. import quotas
from ..json_text import Json
from ..query.templates import is_expression
from .checker import Checker


def check_number(
    least: float, most: float = quotas.MOST_SECONDS, kind: str = "Integer"
) -> Callable[[Checker, Json, str, str], None]:
    """Return the check of a field that is a number within bounds.

    Args:
        least: The smallest number.
        most: The largest one.
        kind: `Integer` or `Number`.
    """

    def check(checker: Checker, value: Json, location: str, language: str) -> None:
        if language == "JSONata" and is_expression(value):
            checker.expression(value, location)
        elif checker.of_type(value, kind, location):
            checker.within(value, least, most, location)

    return check


check_seconds = check_number(1)
"""TimeoutSeconds and HeartbeatSeconds."""
