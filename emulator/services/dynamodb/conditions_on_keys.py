"""Which part of a table or an index a query reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.services.dynamodb import legacy
from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.schema import KeySchema, check_key_value, partition_bytes
from emulator.services.dynamodb.values import Value, encode_key, kind_of

_KIND = "KeyConditionExpression"


@dataclass(frozen=True, slots=True)
class Span:
    """What a query reads: one partition, and a part of it by the sort key.

    Attributes:
        partition: The partition's key.
        bounds: SQL comparisons of the sort key, each with what it is compared to.
    """

    partition: bytes
    bounds: tuple[tuple[str, bytes], ...] = ()


def span(condition: Node, schema: KeySchema) -> Span:
    """Return what a key condition means.

    Raises:
        AwsError: ValidationException.
    """
    by_name: dict[str, Node] = {}
    for each in _parts(condition):
        name = _name(each)
        if name in by_name:
            raise invalid(f"Invalid {_KIND}: {_KIND}s must only contain one condition per key")
        by_name[name] = each
    if len(by_name) > 2:
        raise invalid("Conditions can be of length 1 or 2 only")
    first = by_name.pop(schema.partition, None)
    if first is None:
        raise invalid(f"Query condition missed key schema element: {schema.partition}")
    if first[0] != "=":
        raise invalid("Query key condition not supported")
    value = _typed(first[2], schema, schema.partition)
    second = by_name.pop(schema.sort, None) if schema.sort else None
    if by_name:
        if schema.sort and second is None:
            raise invalid(f"Query condition missed key schema element: {schema.sort}")
        raise invalid("Query key condition not supported")
    bounds = () if second is None else _bounds(second, schema)
    return Span(partition_bytes(value), bounds)


def _parts(node: Node) -> list[Node]:
    if node[0] == "and":
        return [*_parts(node[1]), *_parts(node[2])]
    if node[0] in ("or", "not"):
        raise invalid(f"Invalid operator used in {_KIND}: {node[0].upper()}")
    if node[0] in ("<>", "in"):
        shown = node[0].upper()
        raise invalid(f"Invalid operator used in {_KIND}: {shown}")
    if node[0] in ("attribute_exists", "attribute_not_exists", "contains", "attribute_type"):
        raise invalid(f"Invalid operator used in {_KIND}: {node[0]}")
    return [node]


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


def _name(node: Node) -> str:
    path = node[1]
    if path[0] == "value" and node[0] in _MIRRORED:
        path = node[2]
    if path[0] != "path":
        raise invalid(
            f"Invalid condition in {_KIND}: Multiple attribute names used in one condition"
        )
    if len(path[1]) > 1:
        raise invalid(f"Invalid {_KIND}: {_KIND}s cannot have conditions on nested attributes")
    return str(path[1][0])


def _typed(node: Node, schema: KeySchema, name: str) -> Value:
    if node[0] != "value":
        raise invalid(
            f"Invalid condition in {_KIND}: Multiple attribute names used in one condition"
        )
    value: Value = node[1]
    if kind_of(value) != schema.types[name]:
        raise invalid_value("Condition parameter type does not match schema type")
    check_key_value(name, value, is_sort=name == schema.sort)
    return value


def _bounds(node: Node, schema: KeySchema) -> tuple[tuple[str, bytes], ...]:
    assert schema.sort is not None
    operator, operands = node[0], node[2:]
    if node[1][0] == "value" and operator in _MIRRORED:
        operator, operands = _MIRRORED[operator], (node[1],)
    encoded = [encode_key(_typed(each, schema, schema.sort)) for each in operands]
    if operator == "between":
        return ((">=", encoded[0]), ("<=", encoded[1]))
    if operator == "begins_with":
        if schema.types[schema.sort] == "N":
            raise invalid(
                f"Invalid {_KIND}: Incorrect operand type for operator or function; "
                "operator or function: begins_with, operand type: N"
            )
        end = _successor(encoded[0])
        return ((">=", encoded[0]), *((("<", end),) if end else ()))
    return ((operator, encoded[0]),)


def _successor(prefix: bytes) -> bytes:
    """Return the first bytes after all that begin with a prefix; none where there are none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b""


def from_legacy(given: Mapping[str, Mapping[str, Any]]) -> Node:
    """Return KeyConditions as a condition.

    Raises:
        AwsError: ValidationException.
    """
    if not given or len(given) > 2:
        raise invalid("Conditions can be of length 1 or 2 only")
    nodes = []
    for name, each in given.items():
        operator = each["ComparisonOperator"]
        if operator in ("NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS", "IN", "NE"):
            raise invalid("Attempted conditional constraint is not an indexable operation")
        nodes.append(legacy.comparison(("path", (name,)), name, each))
    return nodes[0] if len(nodes) == 1 else ("and", *nodes)


def attributes(node: Node | None) -> set[str]:
    """Return the names of the attributes a condition looks at."""
    if node is None or node[0] == "value":
        return set()
    if node[0] == "path":
        return {str(node[1][0])}
    if node[0] == "in":
        return attributes(node[1]).union(*map(attributes, node[2]))
    return set[str]().union(*map(attributes, node[1:]))
