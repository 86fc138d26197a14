"""Expressions as trees of tuples, whose names and values are not known yet.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from emulator.services.dynamodb.expressions.tokens import Tokens, reserved_words

#: (what it is, its operands …)
Node = tuple[Any, ...]

_COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
#: The number of operands of the functions of conditions.
_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
#: Bytes of an expression.
_LONGEST = 4096
_MOST_OPERATORS = 300


_TOO_DEEP = "The expression is nested too deeply"


@lru_cache(2048)
def condition(kind: str, text: str) -> Node:
    """Read a condition; ``kind`` is what errors call it.

    Raises:
        AwsError: ValidationException.
    """
    reader = _Conditions(_tokens(kind, text))
    try:
        found, _ = reader.either()
    except RecursionError:
        raise reader.tokens.error(_TOO_DEEP) from None
    reader.tokens.expect("end")
    return found


@lru_cache(1024)
def projection(text: str, kind: str = "ProjectionExpression") -> tuple[Node, ...]:
    """Read the paths of a projection.

    Raises:
        AwsError: ValidationException.
    """
    reader = _Paths(_tokens(kind, text))
    found = [reader.path()]
    while reader.tokens.accept("sign", ","):
        found.append(reader.path())
    reader.tokens.expect("end")
    return tuple(found)


@lru_cache(2048)
def update(text: str) -> tuple[Node, ...]:
    """Read an update: ("SET", path, operand), ("REMOVE", path), ("ADD" or "DELETE", path, value).

    Raises:
        AwsError: ValidationException.
    """
    reader = _Updates(_tokens("UpdateExpression", text))
    try:
        return tuple(reader.sections())
    except RecursionError:
        raise reader.tokens.error(_TOO_DEEP) from None


def _tokens(kind: str, text: str) -> Tokens:
    tokens = Tokens(kind, text)
    if len(text.encode()) > _LONGEST:
        raise tokens.error(
            "Expression size has exceeded the maximum allowed size; expression size: "
            f"{len(text.encode())}"
        )
    return tokens


class _Paths:
    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def path(self) -> Node:
        """Read a document path: ("path", (name or position, …))."""
        parts: list[str | int] = [self._name()]
        while True:
            if self.tokens.accept("sign", "."):
                parts.append(self._name())
            elif self.tokens.accept("sign", "["):
                parts.append(int(self.tokens.expect("index").text))
                self.tokens.expect("sign", "]")
            else:
                return ("path", tuple(parts))

    def _name(self) -> str:
        token = self.tokens.accept("alias") or self.tokens.expect("name")
        if token.kind == "name" and token.text.upper() in reserved_words():
            raise self.tokens.error(
                f"Attribute name is a reserved keyword; reserved keyword: {token.text}"
            )
        return token.text

    def value(self) -> Node:
        return ("value", self.tokens.expect("value").text)

    def arguments(self, read: Callable[[], Node]) -> list[Node]:
        """Read what stands in parentheses."""
        self.tokens.expect("sign", "(")
        found = [read()]
        while self.tokens.accept("sign", ","):
            found.append(read())
        self.tokens.expect("sign", ")")
        return found


class _Conditions(_Paths):
    """Reads conditions; what may be in parentheses is returned with whether it is."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self._operators = 0

    def either(self) -> tuple[Node, bool]:
        found, enclosed = self._all()
        while self.tokens.accept("word", "OR"):
            self._count()
            found, enclosed = ("or", found, self._all()[0]), False
        return found, enclosed

    def _all(self) -> tuple[Node, bool]:
        found, enclosed = self._not()
        while self.tokens.accept("word", "AND"):
            self._count()
            found, enclosed = ("and", found, self._not()[0]), False
        return found, enclosed

    def _not(self) -> tuple[Node, bool]:
        if self.tokens.accept("word", "NOT"):
            self._count()
            return ("not", self._not()[0]), False
        if self.tokens.accept("sign", "("):
            found, enclosed = self.either()
            self.tokens.expect("sign", ")")
            if enclosed:
                raise self.tokens.error("The expression has redundant parentheses;")
            return found, True
        return self._comparison(), False

    def _comparison(self) -> Node:
        self._count()
        left = self._operand(alone=True)
        token = self.tokens.next
        compares = token.text in _COMPARATORS or token.text in ("BETWEEN", "IN")
        if compares and left[0] in _FUNCTIONS and left[0] != "size":
            raise self.tokens.error(
                "The function is not allowed to be used this way in an expression; "
                f"function: {left[0]}"
            )
        if token.kind == "sign" and token.text in _COMPARATORS:
            self.tokens.take()
            return (token.text, left, self._operand())
        if self.tokens.accept("word", "BETWEEN"):
            low = self._operand()
            self.tokens.expect("word", "AND")
            return ("between", left, low, self._operand())
        if self.tokens.accept("word", "IN"):
            choices = self.arguments(self._operand)
            if len(choices) > 100:
                raise self.tokens.error(
                    "The IN operator is provided with too many operands; number of operands: "
                    f"{len(choices)}"
                )
            return ("in", left, tuple(choices))
        if left[0] in _FUNCTIONS and left[0] != "size":
            return left
        raise self.tokens.unexpected()

    def _operand(self, *, alone: bool = False) -> Node:
        token = self.tokens.next
        if token.kind == "value":
            return self.value()
        if token.kind == "name" and self.tokens.follows("sign", "("):
            return self._function(alone)
        return self.path()

    def _function(self, alone: bool) -> Node:
        name = self.tokens.take().text
        if name not in _FUNCTIONS:
            if name in ("if_not_exists", "list_append"):
                raise self.tokens.error(
                    "The function is not allowed in a "
                    f"{_spoken(self.tokens.kind)}; function: {name}"
                )
            raise self.tokens.error(f"Invalid function name; function: {name}")
        operands = self.arguments(self._operand)
        if len(operands) != _FUNCTIONS[name]:
            raise self.tokens.error(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        if name.startswith("attribute_") and operands[0][0] != "path":
            raise self.tokens.error(
                f"Operator or function requires a document path; operator or function: {name}"
            )
        if not alone and name != "size":
            raise self.tokens.error(
                "The function is not allowed to be used this way in an expression; "
                f"function: {name}"
            )
        return (name, *operands)

    def _count(self) -> None:
        self._operators += 1
        if self._operators > 2 * _MOST_OPERATORS:
            raise self.tokens.error(
                f"The expression contains too many operators; operator count: {_MOST_OPERATORS + 1}"
            )


def _spoken(kind: str) -> str:
    return {"KeyConditionExpression": "key condition expression"}.get(
        kind, kind.replace("Expression", " expression").lower()
    )


class _Updates(_Paths):
    def sections(self) -> list[Node]:
        found: list[Node] = []
        seen: set[str] = set()
        while not self.tokens.accept("end"):
            word = self.tokens.next
            if word.kind != "word" or word.text not in ("SET", "REMOVE", "ADD", "DELETE"):
                raise self.tokens.unexpected()
            self.tokens.take()
            if word.text in seen:
                raise self.tokens.error(
                    f'The "{word.text}" section can only be used once in an update expression;'
                )
            seen.add(word.text)
            found.append(self._action(word.text))
            while self.tokens.accept("sign", ","):
                found.append(self._action(word.text))
        return found

    def _action(self, section: str) -> Node:
        path = self.path()
        if section == "SET":
            self.tokens.expect("sign", "=")
            return ("SET", path, self._sum())
        if section == "REMOVE":
            return ("REMOVE", path)
        return (section, path, self.value())

    def _sum(self) -> Node:
        left = self._operand()
        for sign in ("+", "-"):
            if self.tokens.accept("sign", sign):
                return (sign, left, self._operand())
        return left

    def _operand(self) -> Node:
        token = self.tokens.next
        if token.kind == "value":
            return self.value()
        if self.tokens.accept("sign", "("):
            found = self._sum()
            self.tokens.expect("sign", ")")
            return found
        if token.kind != "name" or not self.tokens.follows("sign", "("):
            return self.path()
        name = self.tokens.take().text
        if name not in ("if_not_exists", "list_append"):
            if name in _FUNCTIONS:
                raise self.tokens.error(
                    f"The function is not allowed in an update expression; function: {name}"
                )
            raise self.tokens.error(f"Invalid function name; function: {name}")
        operands = self.arguments(self._operand)
        if len(operands) != 2:
            raise self.tokens.error(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        if name == "if_not_exists" and operands[0][0] != "path":
            raise self.tokens.error(
                f"Operator or function requires a document path; operator or function: {name}"
            )
        return (name, *operands)
