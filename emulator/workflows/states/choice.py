"""Choice: rules, the first of which that applies says where to go."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator.model.wildcards import consists_of

from .. import errors
from ..effects import GoOn
from ..errors import StatesError
from ..flow import EMPTY, ExpressionFlow, PathFlow, checked_variables
from ..frames import Frame, Moment
from ..json_text import Json
from ..query.jsonpath import Path, PathMissing, evaluate
from ..query.scope import Query, Scope
from .base import FlowState
from .wait import parse_timestamp

Test = Callable[[Scope], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of Choices.

    Args:
        test: Whether it applies.
        output: JSONata: its Output; None: the input.
        assign: Its Assign.
    """

    test: Test
    next: str
    output: Query | None = None
    assign: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(FlowState):
    """Goes where the first rule that applies says, or to the default.

    Args:
        rules: Its Choices.
        default: Its Default; None: it fails with States.NoChoiceMatched.
    """

    rules: tuple[Rule, ...] = ()
    default: str | None = None

    def enter(self, frame: Frame, moment: Moment) -> GoOn:
        scope = self.flow.scope(frame, moment)
        for rule in self.rules:
            if rule.test(scope):
                return self._chosen(rule, frame, scope, moment)
        if self.default is None:
            cause = (
                "Failed to transition out of the state. The state's input matched none of its"
                " choices."
            )
            raise StatesError(errors.NO_CHOICE_MATCHED, cause)
        output, assigned = self.flow.pass_on(frame, moment)
        return GoOn(self.default, output, assigned, text=self.checked(frame, output))

    def _chosen(self, rule: Rule, frame: Frame, scope: Scope, moment: Moment) -> GoOn:
        assigned = EMPTY if rule.assign is None else checked_variables(rule.assign(scope))
        if isinstance(self.flow, ExpressionFlow):
            output = frame.input if rule.output is None else rule.output(scope)
        else:
            assert isinstance(self.flow, PathFlow)
            output = self.flow.output_of(frame, scope.data, moment)
        return GoOn(rule.next, output, assigned, text=self.checked(frame, output))


def variable(path: Path) -> Query:
    """Return the query of the Variable of a rule."""

    def query(scope: Scope) -> Json:
        try:
            return evaluate(path, scope)
        except PathMissing:
            cause = (
                f"Invalid path '{path.text}': The choice state's condition path references an"
                " invalid value."
            )
            raise StatesError(errors.RUNTIME, cause) from None

    return query


def is_present(path: Path, wanted: bool) -> Test:
    """Return the test IsPresent."""

    def test(scope: Scope) -> bool:
        try:
            evaluate(path, scope)
        except PathMissing:
            return not wanted
        return wanted

    return test


def is_number(value: Json) -> bool:
    """Return whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@lru_cache(maxsize=512)
def _texts_between(pattern: str) -> tuple[str, ...]:
    r"""Return the texts between the stars of StringMatches: `\*` is a star itself."""
    texts = [""]
    for part in re.split(r"(\\[*\\]|\*)", pattern):
        if part == "*":
            texts.append("")
        else:
            texts[-1] += part[1] if part in (r"\*", r"\\") else part
    return tuple(texts)


def _string_matches(value: Json, operand: Json) -> bool:
    both = isinstance(value, str) and isinstance(operand, str)
    return both and consists_of(value, _texts_between(operand))


def _ordered(kind: Callable[[Json], Any], compare: Callable[[Any, Any], bool]) -> Any:
    """Return a comparison of two values that have to be of one kind."""

    def test(value: Json, operand: Json) -> bool:
        left, right = kind(value), kind(operand)
        return left is not None and right is not None and compare(left, right)

    return test


_KINDS: dict[str, Callable[[Json], Any]] = {
    "String": lambda value: value if isinstance(value, str) else None,
    "Numeric": lambda value: value if is_number(value) else None,
    "Timestamp": parse_timestamp,
}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

COMPARATORS: dict[str, Callable[[Json, Json], bool]] = {
    **{
        kind + order: _ordered(test, compare)
        for kind, test in _KINDS.items()
        for order, compare in _ORDERS.items()
    },
    "BooleanEquals": lambda value, operand: (
        isinstance(value, bool) and isinstance(operand, bool) and value == operand
    ),
    "StringMatches": _string_matches,
    "IsNull": lambda value, operand: (value is None) == operand,
    "IsNumeric": lambda value, operand: is_number(value) == operand,
    "IsString": lambda value, operand: isinstance(value, str) == operand,
    "IsBoolean": lambda value, operand: isinstance(value, bool) == operand,
    "IsTimestamp": lambda value, operand: (parse_timestamp(value) is not None) == operand,
}
"""All comparators but IsPresent: whether a value stands so to an operand."""

WITH_PATHS = frozenset(name for name in COMPARATORS if not name.startswith("Is")) - {
    "StringMatches"
}
"""Comparators that have a form whose operand is a path: `StringEqualsPath`."""
