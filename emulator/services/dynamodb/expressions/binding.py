"""The names and values of a request, put into its expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.dynamodb import values
from emulator.services.dynamodb.errors import invalid
from emulator.services.dynamodb.expressions import parser
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.values import Value, kind_of

#: A document path: names and positions.
Path = tuple[str | int, ...]

_LONG = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "M": "MAP",
    "L": "LIST",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
}
_ADDABLE = frozenset(("N", "SS", "NS", "BS"))


class Binding:
    """Binds the expressions of one request, and knows what of its names and values they use.

    Args:
        request: Its ExpressionAttributeNames and ExpressionAttributeValues are taken.
        kinds: The members that may be expressions.

    Raises:
        AwsError: ValidationException.
    """

    def __init__(self, request: Mapping[str, Any], *kinds: str) -> None:
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames") or {}
        self._values: Mapping[str, Value] = request.get("ExpressionAttributeValues") or {}
        self._used: set[str] = set()
        self._kind = ""
        if "ExpressionAttributeNames" in request:
            self._check("ExpressionAttributeNames", self._names, "#", request, kinds)
        if "ExpressionAttributeValues" in request:
            self._check("ExpressionAttributeValues", self._values, ":", request, kinds)
            for name, value in self._values.items():
                try:
                    values.check(value)
                except AwsError as error:
                    raise invalid(
                        "ExpressionAttributeValues contains invalid value: "
                        f"{error.message} for key {name}"
                    ) from None

    def _check(
        self,
        member: str,
        given: Mapping[str, Any],
        sign: str,
        request: Mapping[str, Any],
        kinds: tuple[str, ...],
    ) -> None:
        takes = [k for k in kinds if sign == "#" or k != "ProjectionExpression"]
        if not any(kind in request for kind in kinds):
            text = f"{member} can only be specified when using expressions"
            if sign == ":":
                text += f": {' and '.join(takes)} {'is' if len(takes) == 1 else 'are'} null"
            raise invalid(text)
        if not given:
            raise invalid(f"{member} must not be empty")
        for key in given:
            if not key.startswith(sign) or not key[1:].replace("_", "a").isalnum():
                raise invalid(f'{member} contains invalid key: Syntax error; key: "{key}"')

    def condition(self, kind: str, text: str | None) -> Node | None:
        """Return a condition with its names and values; None for none.

        Raises:
            AwsError: ValidationException.
        """
        if text is None:
            return None
        self._kind = kind
        bound = self._bind(parser.condition(kind, text))
        self._check_types(bound)
        return bound

    def projection(self, text: str | None) -> list[Path] | None:
        """Return the paths of a projection; None for all.

        Raises:
            AwsError: ValidationException.
        """
        if text is None:
            return None
        self._kind = "ProjectionExpression"
        paths = [self._path(each[1]) for each in parser.projection(text)]
        self._check_overlap(paths)
        return paths

    def update(self, text: str | None) -> list[Node] | None:
        """Return the actions of an update; None for none.

        Raises:
            AwsError: ValidationException.
        """
        if text is None:
            return None
        self._kind = "UpdateExpression"
        actions = [self._action(each) for each in parser.update(text)]
        self._check_overlap([each[1] for each in actions])
        return actions

    def finish(self) -> None:
        """Say that all expressions are bound.

        Raises:
            AwsError: A name or a value stands in none of them.
        """
        self._all_used("ExpressionAttributeNames", self._names)
        self._all_used("ExpressionAttributeValues", self._values)

    def _all_used(self, member: str, given: Iterable[str]) -> None:
        left = [each for each in given if each not in self._used]
        if left:
            raise invalid(
                f"Value provided in {member} unused in expressions: keys: {{{', '.join(left)}}}"
            )

    def _error(self, message: str) -> Exception:
        return invalid(f"Invalid {self._kind}: {message}")

    def _path(self, parts: Path) -> Path:
        found: list[str | int] = []
        for part in parts:
            if type(part) is str and part[0] == "#":
                name = self._names.get(part)
                if name is None:
                    raise self._error(
                        "An expression attribute name used in the document path is not defined; "
                        f"attribute name: {part}"
                    )
                self._used.add(part)
                found.append(name)
            else:
                found.append(part)
        return tuple(found)

    def _bind(self, node: Node) -> Node:
        kind = node[0]
        if kind == "path":
            return ("path", self._path(node[1]))
        if kind == "value":
            name = node[1]
            if name not in self._values:
                raise self._error(
                    "An expression attribute value used in expression is not defined; "
                    f"attribute value: {name}"
                )
            self._used.add(name)
            return ("value", self._values[name])
        if kind == "in":
            return ("in", self._bind(node[1]), tuple(map(self._bind, node[2])))
        return (kind, *map(self._bind, node[1:]))

    def _action(self, node: Node) -> Node:
        path = self._path(node[1][1])
        if node[0] == "REMOVE":
            return ("REMOVE", path)
        operand = self._bind(node[2])
        if node[0] == "SET":
            self._check_sum(operand)
            return ("SET", path, operand)
        kind = kind_of(operand[1])
        allowed = _ADDABLE if node[0] == "ADD" else _ADDABLE - {"N"}
        if kind not in allowed:
            raise self._error(
                "Incorrect operand type for operator or function; operator: "
                f"{node[0]}, operand type: {_LONG[kind]}, typeSet: ALLOWED_FOR_{node[0]}_OPERAND"
            )
        return (node[0], path, operand[1])

    def _check_sum(self, node: Node) -> None:
        allowed = {"+": "N", "-": "N", "list_append": "L"}.get(node[0])
        for operand in node[1:] if node[0] not in ("path", "value") else ():
            if allowed and operand[0] == "value" and kind_of(operand[1]) != allowed:
                shown = kind_of(operand[1])
                raise self._error(
                    "Incorrect operand type for operator or function; operator or function: "
                    f"{node[0]}, operand type: {shown}"
                )
            self._check_sum(operand)

    def _check_types(self, node: Node) -> None:
        """Check the types of operands that are values."""
        kind = node[0]
        if kind in ("and", "or", "not"):
            for each in node[1:]:
                self._check_types(each)
        elif kind in ("=", "<>", "<", "<=", ">", ">="):
            if node[1][0] == "path" == node[2][0] and node[1] == node[2]:
                raise self._error(
                    "The first operand must be distinct from the remaining operands for this "
                    f"operator or function; operator: {kind}, first operand: {show(node[1][1])}"
                )
            if kind not in ("=", "<>"):
                self._check_operands(kind, node[1:], "SNB")
        elif kind == "between":
            self._check_operands("BETWEEN", node[1:], "SNB")
            self._check_bounds(node[2], node[3])
        elif kind == "begins_with":
            self._check_operands(kind, node[1:], "SB", function=True)
        elif kind == "attribute_type":
            self._check_type_name(node[2])
        elif kind == "contains" and node[1] == node[2]:
            raise self._error(
                "The first operand must be distinct from the remaining operands for this "
                f"operator or function; operator: contains, first operand: {show(node[1][1])}"
            )

    def _check_operands(
        self, operator: str, operands: Iterable[Node], allowed: str, *, function: bool = False
    ) -> None:
        for each in operands:
            if each[0] == "value" and (kind_of(each[1]) not in allowed or not kind_of(each[1])):
                raise self._error(
                    "Incorrect operand type for operator or function; operator or function: "
                    f"{operator}, operand type: {kind_of(each[1])}"
                )

    def _check_bounds(self, low: Node, high: Node) -> None:
        if low[0] != "value" or high[0] != "value":
            return
        if kind_of(low[1]) != kind_of(high[1]):
            raise self._error(
                "The BETWEEN operator requires same data type for lower and upper bounds; "
                f"lower bound operand: {shown(low[1])}, upper bound operand: {shown(high[1])}"
            )
        if values.sort_key(low[1]) > values.sort_key(high[1]):
            raise self._error(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower "
                f"bound; lower bound operand: {shown(low[1])}, "
                f"upper bound operand: {shown(high[1])}"
            )

    def _check_type_name(self, node: Node) -> None:
        if node[0] != "value" or kind_of(node[1]) != "S":
            raise self._error(
                "Incorrect operand type for operator or function; operator or function: "
                f"attribute_type, operand type: {kind_of(node[1])}"
            )
        if node[1]["S"] not in values.TYPES:
            raise self._error(
                "Invalid attribute type name found; type: "
                f"{node[1]['S']}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            )

    def _check_overlap(self, paths: list[Path]) -> None:
        if len(paths) < 2:
            return
        for at, one in enumerate(paths):
            for other in paths[at + 1 :]:
                shared = min(len(one), len(other))
                if one[:shared] == other[:shared]:
                    raise self._error(
                        "Two document paths overlap with each other; must remove or rewrite one "
                        f"of these paths; path one: {show(one)}, path two: {show(other)}"
                    )
                for a, b in zip(one, other, strict=False):
                    if a != b:
                        if type(a) is not type(b):
                            raise self._error(
                                "Two document paths conflict with each other; must remove or "
                                f"rewrite one of these paths; path one: {show(one)}, "
                                f"path two: {show(other)}"
                            )
                        break


def show(path: Path) -> str:
    """Return a path as errors show it."""
    return f"[{', '.join(p if isinstance(p, str) else f'[{p}]' for p in path)}]"


def shown(value: Value) -> str:
    """Return a value as errors show it."""
    kind = kind_of(value)
    return f"AttributeValue: {{{kind}:{value[kind]}}}"
