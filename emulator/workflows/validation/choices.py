"""Choices: rules of JSONPath with comparators, rules of JSONata with a condition."""

from ..json_text import Document, Json
from ..query.templates import is_expression
from ..states.choice import COMPARATORS, WITH_PATHS
from ..states.wait import parse_timestamp
from .checker import Checker
from .handlers import check_assigned

_BOOLEANS = ("And", "Or", "Not")
_OPERANDS = {"String": "String", "Numeric": "Number", "Boolean": "Boolean", "Timestamp": "String"}


def check_choices(checker: Checker, value: Json, location: str, language: str) -> None:
    """Check Choices."""
    if not checker.of_type(value, "Array", location):
        return
    if not value:
        checker.report("Choices must not be empty", location)
    for at, rule in enumerate(value):
        place = f"{location}[{at}]"
        if not checker.of_type(rule, "Object", place):
            continue
        if checker.require(rule, ("Next",), place):
            checker.of_type(rule["Next"], "String", f"{place}/Next")
        if "Assign" in rule:
            check_assigned(checker, rule["Assign"], f"{place}/Assign", language)
        if language == "JSONata":
            _check_condition(checker, rule, place)
        else:
            _check_rule(checker, rule, place, {"Next", "Assign"})


def _check_condition(checker: Checker, rule: Document, location: str) -> None:
    for field in rule:
        if field not in ("Condition", "Next", "Assign", "Output", "Comment"):
            checker.unsupported(field, location)
    if "Output" in rule:
        checker.expressions(rule["Output"], f"{location}/Output")
    if not checker.require(rule, ("Condition",), location):
        return
    place = f"{location}/Condition"
    if is_expression(rule["Condition"]):
        checker.expression(rule["Condition"], place)
    elif not isinstance(rule["Condition"], bool):
        checker.report("Expected value of type Boolean or a JSONata expression", place)


def _check_rule(checker: Checker, rule: Json, location: str, more: set[str]) -> None:
    """Check a rule of JSONPath, or one inside And, Or, Not."""
    if not checker.of_type(rule, "Object", location):
        return
    tests = [name for name in rule if _comparator(name) or name in _BOOLEANS or name == "IsPresent"]
    for field in rule:
        if field not in {*tests, "Variable", "Comment", *more}:
            checker.unsupported(field, location)
    if len(tests) != 1:
        checker.report("Exactly one comparator must be set", location)
        return
    name, place = tests[0], f"{location}/{tests[0]}"
    if name == "Not":
        _check_rule(checker, rule[name], place, set())
    elif name in _BOOLEANS:
        if checker.of_type(rule[name], "Array", place):
            if not rule[name]:
                checker.report(f"{name} must not be empty", place)
            for at, each in enumerate(rule[name]):
                _check_rule(checker, each, f"{place}[{at}]", set())
    elif checker.require(rule, ("Variable",), location):
        checker.path(rule["Variable"], f"{location}/Variable")
        _check_operand(checker, name, rule[name], place)


def _comparator(name: str) -> bool:
    return name in COMPARATORS or (
        name.endswith("Path") and name.removesuffix("Path") in WITH_PATHS
    )


def _check_operand(checker: Checker, name: str, value: Json, location: str) -> None:
    if name.startswith("Is"):
        checker.of_type(value, "Boolean", location)
    elif name.endswith("Path"):
        checker.path(value, location)
    else:
        kind = next(kind for kind in _OPERANDS if name.startswith(kind))
        fits = checker.of_type(value, _OPERANDS[kind], location)
        if fits and kind == "Timestamp" and parse_timestamp(value) is None:
            checker.report("String does not match RFC3339 timestamp", location)
