"""The parameters that came before expressions, as what expressions are bound to.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services.dynamodb import values
from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.expressions.binding import Path
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.values import kind_of

_COMPARISONS = {"EQ": "=", "NE": "<>", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
_ORDERED = {"S", "N", "B"}
#: The types of values that operators take; the others take all.
_TYPES = {
    **dict.fromkeys(("LT", "LE", "GT", "GE", "BETWEEN", "IN"), _ORDERED),
    "BEGINS_WITH": {"S", "B"},
}
#: How many values each operator takes.
_COUNTS = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2, "IN": None}
#: Legacy parameters by the expression that took their place.
_PAIRS = {
    "AttributesToGet": "ProjectionExpression",
    "AttributeUpdates": "UpdateExpression",
    "ConditionalOperator": "",
    "Expected": "ConditionExpression",
    "KeyConditions": "KeyConditionExpression",
    "QueryFilter": "FilterExpression",
    "ScanFilter": "FilterExpression",
}


def check_mix(request: Mapping[str, Any]) -> None:
    """Check that a request has either expressions or what came before them.

    Raises:
        AwsError: ValidationException.
    """
    old = [name for name in _PAIRS if name in request]
    new = [name for name in request if name.endswith("Expression")]
    if old and new:
        raise invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} "
            f"Expression parameters: {{{', '.join(sorted(new))}}}"
        )


def paths(names: Iterable[str] | None) -> list[Path] | None:
    """Return AttributesToGet as the paths of a projection.

    Raises:
        AwsError: ValidationException.
    """
    if names is None:
        return None
    found = list(names)
    for name in found:
        if found.count(name) > 1:
            raise invalid_value(f"Duplicate value in attribute name: {name}")
    return [(name,) for name in found]


def condition(
    given: Mapping[str, Mapping[str, Any]] | None, operator: str | None = None
) -> Node | None:
    """Return Expected, QueryFilter or ScanFilter as a condition.

    Raises:
        AwsError: ValidationException.
    """
    if not given:
        if operator is not None:
            raise invalid(
                "ConditionalOperator cannot be used without Filter or Expected"
                if given is None
                else "ConditionalOperator can only be used when Filter or Expected has two or more "
                "elements"
            )
        return None
    nodes = [_one(name, each) for name, each in given.items()]
    found = nodes[0]
    for node in nodes[1:]:
        found = ("or" if operator == "OR" else "and", found, node)
    return found


def _one(name: str, given: Mapping[str, Any]) -> Node:
    path: Node = ("path", (name,))
    if "ComparisonOperator" in given:
        return comparison(path, name, given)
    if "AttributeValueList" in given:
        raise invalid_value(
            f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        )
    if given.get("Exists") is False:
        if "Value" in given:
            raise invalid_value(f"Value cannot be used when Exists is false for Attribute: {name}")
        return ("attribute_not_exists", path)
    if "Value" not in given:
        raise invalid_value(
            f"Value must be provided when Exists is {'true' if 'Exists' in given else 'null'} "
            f"for Attribute: {name}"
        )
    values.check(given["Value"])
    return ("=", path, ("value", given["Value"]))


def comparison(path: Node, name: str, given: Mapping[str, Any]) -> Node:
    """Return one comparison of an attribute.

    Raises:
        AwsError: ValidationException.
    """
    operator: str = given["ComparisonOperator"]
    operands = list(given.get("AttributeValueList") or ())
    if not operands and "Value" in given:
        operands = [given["Value"]]
    for each in operands:
        values.check(each)
    needed = _COUNTS.get(operator, 1)
    if not operands and needed != 0 and "AttributeValueList" not in given:
        raise invalid_value(
            f"Value or AttributeValueList must be used with ComparisonOperator: {operator} "
            f"for Attribute: {name}"
        )
    if (needed is None and not operands) or (needed is not None and len(operands) != needed):
        raise invalid_value(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    kinds = {kind_of(each) for each in operands}
    if len(kinds) > 1:
        raise invalid_value("AttributeValues inside AttributeValueList must be of same type")
    unfit = kinds - _TYPES.get(operator, kinds)
    if unfit:
        raise invalid_value(
            f"ComparisonOperator {operator} is not valid for {unfit.pop()} AttributeValue type"
        )
    bound: list[Node] = [("value", each) for each in operands]
    if operator in _COMPARISONS:
        return (_COMPARISONS[operator], path, bound[0])
    if operator == "NULL":
        return ("attribute_not_exists", path)
    if operator == "NOT_NULL":
        return ("attribute_exists", path)
    if operator == "IN":
        return ("in", path, tuple(bound))
    if operator == "BETWEEN":
        if values.sort_key(operands[0]) > values.sort_key(operands[1]):
            raise invalid(
                "The BETWEEN condition was provided a range where the lower bound is greater than "
                "the upper bound"
            )
        return ("between", path, *bound)
    if operator == "BEGINS_WITH":
        return ("begins_with", path, bound[0])
    contains: Node = ("contains", path, bound[0])
    if operator == "CONTAINS":
        return contains
    return ("and", ("attribute_exists", path), ("not", contains))


def updates(given: Mapping[str, Mapping[str, Any]] | None) -> list[Node] | None:
    """Return AttributeUpdates as actions.

    Raises:
        AwsError: ValidationException.
    """
    if given is None:
        return None
    found: list[Node] = []
    for name, each in given.items():
        action, value = each.get("Action", "PUT"), each.get("Value")
        path = (name,)
        if value is not None:
            values.check(value)
        elif action != "DELETE":
            raise invalid_value(
                "Only DELETE action is allowed when no attribute value is specified"
            )
        if action == "PUT":
            found.append(("SET", path, ("value", value)))
        elif action == "ADD":
            assert value is not None
            if kind_of(value) not in ("N", "SS", "NS", "BS", "L"):
                raise invalid_value(f"ADD action is not supported for the type {kind_of(value)}")
            if "L" in value:
                empty: Node = ("value", {"L": []})
                start: Node = ("if_not_exists", ("path", path), empty)
                found.append(("SET", path, ("list_append", start, ("value", value))))
            else:
                found.append(("ADD", path, value))
        elif value is None:
            found.append(("REMOVE", path))
        else:
            if kind_of(value) not in ("SS", "NS", "BS"):
                raise invalid_value(
                    f"DELETE action with value is not supported for the type {kind_of(value)}"
                )
            found.append(("DELETE", path, value))
    return found
