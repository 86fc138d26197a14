"""Filters of JSONPath: `[?(@.price < 10 && @.name == 'x')]`."""

import operator
import re
from collections.abc import Callable
from typing import Any

from .. import errors
from ..errors import StatesError
from ..json_text import Json
from .limits import matches_whole

Predicate = Callable[[Json, Json], bool]
"""Whether an item passes, given the item and the document's root."""

Operand = Callable[[Json, Json], Json]
Finder = Callable[[Json], Json]


class InvalidFilter(ValueError):
    """A filter is not understood."""


_ABSENT: Any = object()
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(r"\s*(==|!=|<=|>=|=~|<|>|&&|\|\||!|\(|\)|\bin\b|\bnin\b|\bsize\b|\bempty\b)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


def parse_predicate(text: str, at: int, parse: Callable[[str], Finder]) -> tuple[Predicate, int]:
    """Return a filter and where its text ends.

    Args:
        text: The text of the whole path.
        at: Where the filter begins, after the `?`.
        parse: Makes a path that begins with `@` or `$` into a function that finds its value; a
            LookupError says that there is none.

    Raises:
        InvalidFilter: It is not understood.
    """
    reader = _Reader(text, at, parse)
    predicate = reader.either()
    return predicate, reader.at


class _Reader:
    def __init__(self, text: str, at: int, parse: Callable[[str], Finder]) -> None:
        self.text = text
        self.at = at
        self.parse = parse

    def either(self) -> Predicate:
        first = self.both()
        while self._take("||"):
            left, right = first, self.both()

            def first(item: Json, root: Json, a: Predicate = left, b: Predicate = right) -> bool:
                return a(item, root) or b(item, root)

        return first

    def both(self) -> Predicate:
        first = self.single()
        while self._take("&&"):
            left, right = first, self.single()

            def first(item: Json, root: Json, a: Predicate = left, b: Predicate = right) -> bool:
                return a(item, root) and b(item, root)

        return first

    def single(self) -> Predicate:
        if self._take("!"):
            inner = self.single()
            return lambda item, root: not inner(item, root)
        if self._take("("):
            inside = self.either()
            if not self._take(")"):
                raise InvalidFilter("a parenthesis is not closed")
            return inside
        left = self.operand()
        sign = self._peek()
        if sign not in ("==", "!=", "<", "<=", ">", ">=", "=~", "in", "nin", "size", "empty"):
            return lambda item, root: left(item, root) is not _ABSENT
        self._take(sign)
        right = self.operand()
        return lambda item, root: _compare(sign, left(item, root), right(item, root))

    def operand(self) -> Operand:
        self._space()
        rest = self.text[self.at :]
        if rest.startswith(("@", "$")):
            return self._path()
        if rest.startswith(("'", '"', "/")):
            return self._quoted(rest[0])
        if number := _NUMBER.match(rest):
            self.at += number.end()
            value = (
                float(number.group()) if number.group(1) or number.group(2) else int(number.group())
            )
            return lambda item, root: value
        if rest.startswith("["):
            return self._list()
        for word, constant in _WORDS.items():
            if rest.startswith(word):
                self.at += len(word)
                return _constant(constant)
        raise InvalidFilter(f"'{rest[:20]}' is not understood in a filter")

    def _path(self) -> Operand:
        start, depth = self.at, 0
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "[":
                depth += 1
            elif character == "]":
                if not depth:
                    break
                depth -= 1
            elif not depth and character in " =!<>&|),":
                break
            self.at += 1
        text = self.text[start : self.at]
        find = self.parse(text)
        from_item = text.startswith("@")

        def value(item: Json, root: Json) -> Json:
            try:
                return find(item if from_item else root)
            except LookupError:
                return _ABSENT

        return value

    def _quoted(self, quote: str) -> Operand:
        end = self.at + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise InvalidFilter("a quote is not closed")
        value = self.text[self.at + 1 : end]
        self.at = end + 1
        if quote != "/":
            value = re.sub(r"\\(.)", r"\1", value)
        elif self.text.startswith("i", self.at):
            self.at += 1
            value = f"(?i){value}"
        return lambda item, root: value

    def _list(self) -> Operand:
        self.at += 1
        members: list[Operand] = []
        while True:
            self._space()
            if self.text.startswith("]", self.at):
                self.at += 1
                return lambda item, root: [each(item, root) for each in members]
            members.append(self.operand())
            self._space()
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise InvalidFilter("a bracket is not closed")

    def _space(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def _peek(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        return found.group(1) if found else ""

    def _take(self, token: str) -> bool:
        found = _TOKEN.match(self.text, self.at)
        if not found or found.group(1) != token:
            return False
        self.at = found.end()
        return True


def _constant(value: Json) -> Operand:
    return lambda item, root: value


def _compare(sign: str, left: Json, right: Json) -> bool:
    if left is _ABSENT or right is _ABSENT:
        return sign == "!="
    match sign:
        case "==":
            return same(left, right)
        case "!=":
            return not same(left, right)
        case "in" | "nin":
            inside = isinstance(right, list) and any(same(left, each) for each in right)
            return inside == (sign == "in")
        case "=~":
            return isinstance(left, str) and _matches(str(right), left)
        case "size":
            return isinstance(left, list | str) and len(left) == right
        case "empty":
            return isinstance(left, list | str) and (not left) == right
        case _:
            return _is_ordered(left, right) and _ORDERS[sign](left, right)


def _matches(pattern: str, text: str) -> bool:
    try:
        return matches_whole(pattern, text)
    except TimeoutError:
        cause = f"The regular expression '{pattern}' of a filter takes too long."
        raise StatesError(errors.RUNTIME, cause) from None
    except ValueError as error:
        raise StatesError(errors.RUNTIME, str(error)) from None


def same(left: Json, right: Json) -> bool:
    """Return whether two values are equal as JSON: true is not 1, 1 is 1.0."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def _is_ordered(left: Json, right: Json) -> bool:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))
