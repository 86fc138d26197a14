"""Intrinsic functions: `States.Format('Hello, {}', $.name)`.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .. import errors
from ..errors import StatesError
from ..json_text import Json, write
from .intrinsic_functions import FUNCTIONS, IntrinsicFailure, format_text
from .jsonpath import InvalidPath, Path, PathMissing, evaluate, parse_path
from .scope import Scope

DEEPEST = 10
"""How deep calls may be nested."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_NAME = re.compile(r"States\.([A-Za-z0-9]+)\(")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


class InvalidCall(ValueError):
    """The text is no call of an intrinsic function."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number, a boolean, null.

    Args:
        raw: Of a string: its text with the escapes.
    """

    value: Json
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call, parsed."""

    text: str
    name: str
    arguments: "tuple[Literal | Path | Call, ...]"


def run(call: Call, scope: Scope) -> Json:
    """Return what a call gives.

    Raises:
        StatesError: States.IntrinsicFailure; States.Runtime where a path leads nowhere.
    """
    values = [_value(each, call, scope) for each in call.arguments]
    try:
        if call.name == "Format":
            template = call.arguments[0]
            raw = template.raw if isinstance(template, Literal) else None
            return format_text(values, raw)
        return FUNCTIONS[call.name].run(values, scope.moment.chance)
    except IntrinsicFailure as error:
        problem = str(error)
    except UnicodeError:
        problem = "The string is no text in Unicode"
    cause = f"The function '{call.text}' had the following error: {problem}"
    raise StatesError(errors.INTRINSIC_FAILURE, cause)


def paths_of(call: Call) -> list[Path]:
    """Return all paths in a call."""
    found: list[Path] = []
    for each in call.arguments:
        if isinstance(each, Path):
            found.append(each)
        elif isinstance(each, Call):
            found += paths_of(each)
    return found


@lru_cache(maxsize=4096)
def parse_call(text: str) -> Call:
    """Return a parsed call.

    Raises:
        InvalidCall: It is none, the function is unknown, or it takes another number of arguments.
    """
    reader = _Reader(text)
    call = reader.call(0)
    reader.space()
    if reader.at != len(text):
        raise InvalidCall("there is text after the call")
    return call


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def call(self, depth: int) -> Call:
        begins = self.at
        name = _NAME.match(self.text, self.at)
        if not name or depth >= DEEPEST:
            raise InvalidCall("a call is States.Function(…)")
        self.at = name.end()
        arguments: list[Any] = []
        self.space()
        if self._take(")"):
            return self._checked(begins, name.group(1), arguments)
        while True:
            arguments.append(self._argument(depth))
            self.space()
            if self._take(")"):
                return self._checked(begins, name.group(1), arguments)
            if not self._take(","):
                raise InvalidCall("a comma is missing")

    def space(self) -> None:
        while self.text.startswith((" ", "\t", "\n", "\r"), self.at):
            self.at += 1

    def _checked(self, begins: int, name: str, arguments: list[Any]) -> Call:
        function = FUNCTIONS.get(name)
        if function is None:
            raise InvalidCall(f"there is no function States.{name}")
        most = function.most if function.most is not None else len(arguments)
        if not function.fewest <= len(arguments) <= most:
            raise InvalidCall(f"States.{name} takes another number of arguments")
        return Call(self.text[begins : self.at], name, tuple(arguments))

    def _argument(self, depth: int) -> "Literal | Path | Call":
        self.space()
        rest = self.text[self.at :]
        if rest.startswith("'"):
            return self._string()
        if rest.startswith("States."):
            return self.call(depth + 1)
        if rest.startswith("$"):
            return self._path()
        if number := _NUMBER.match(rest):
            self.at += number.end()
            is_float = number.group(1) or number.group(2)
            return Literal(float(number.group()) if is_float else int(number.group()))
        for word, value in _WORDS.items():
            if rest.startswith(word):
                self.at += len(word)
                return Literal(value)
        raise InvalidCall(f"'{rest[:20]}' is no argument")

    def _string(self) -> Literal:
        start = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] != "'":
            self.at += 2 if self.text[self.at] == "\\" else 1
        if self.at >= len(self.text):
            raise InvalidCall("a quote is not closed")
        raw = self.text[start : self.at]
        self.at += 1
        return Literal(re.sub(r"\\([\\'{}])", r"\1", raw), raw)

    def _path(self) -> Path:
        start, depth, quote = self.at, 0, ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if quote:
                quote = "" if character == quote else quote
            elif character in "'\"":
                quote = character
            elif character in "[(":
                depth += 1
            elif character in "])" and depth:
                depth -= 1
            elif character in ",)" and not depth:
                break
            self.at += 1
        try:
            return parse_path(self.text[start : self.at].strip())
        except InvalidPath as error:
            raise InvalidCall(str(error)) from None

    def _take(self, character: str) -> bool:
        if self.text.startswith(character, self.at):
            self.at += 1
            return True
        return False


def _value(argument: "Literal | Path | Call", call: Call, scope: Scope) -> Json:
    if isinstance(argument, Literal):
        return argument.value
    if isinstance(argument, Call):
        return run(argument, scope)
    try:
        return evaluate(argument, scope)
    except PathMissing:
        cause = (
            f"The function '{call.text}' had the following error: The JsonPath argument for the"
            f" field '{argument.text}' could not be found in the input '{write(scope.data)}'"
        )
        raise StatesError(errors.RUNTIME, cause) from None
