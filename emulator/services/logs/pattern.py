"""The language of filter patterns: terms, and conditions on JSON.

::

    ERROR "not found"        both; a term that is more than letters and digits stands in quotes
    ?ERROR ?WARN             one of them
    %E[0-9]+%                a regular expression
    [ip, ..., status = 5*]   fields that spaces part
    ERROR -timeout           the one without the other
    { $.level = "error" && ($.code >= 500 || $.user.id NOT EXISTS) }

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any, NoReturn

import orjson

from emulator.services.logs.fields import compile_fields
from emulator.services.logs.lookup import invalid
from emulator.services.logs.regex import compile_regex
from emulator.services.tokens import split

Matches = Callable[[str], bool]
#: A condition on a parsed message.
Condition = Callable[[Any], bool]

_TERM = re.compile(r"\s*([?-]?)(?:\"((?:[^\"\\]|\\.)*)\"|%([^%]*)%|([^\s\"]+))(?=\s|$)", re.DOTALL)
_BARE = re.compile(r"\w+")
_TOKEN = re.compile(
    r"\s*(?:(?P<path>\$(?:\.[\w-]+|\[(?:\d+|'[^']*')\])*)"
    r"|%(?P<regex>[^%]*)%"
    r"|\"(?P<string>(?:[^\"\\]|\\.)*)\""
    r"|(?P<operator>&&|\|\||!=|<=|>=|=|<|>|\(|\))"
    r"|(?P<word>[^\s()=<>!&|\"]+))",
    re.DOTALL,
)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']*)'\]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: Stands for a path without a value.
_ABSENT = object()
#: How deep parentheses may be nested.
_DEPTH = 32


def compile_pattern(pattern: str) -> Matches:
    """Return a function that says whether a message matches.

    Raises:
        AwsError: InvalidParameterException: it is no pattern, or of a kind that is not served.
    """
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        return _json(text)
    if text.startswith("["):
        return compile_fields(text)
    return _terms(text)


def _terms(text: str) -> Matches:
    terms: dict[str, list[Matches]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise invalid("Invalid filter pattern: a quotation mark is missing.")
        sign, quoted, expression, bare = match.groups()
        if bare is not None and not _BARE.fullmatch(bare):
            raise invalid(f"Invalid character(s) in term '{bare}'")
        if expression is not None:
            terms[sign].append(_searched(expression))
        else:
            terms[sign].append(_contained(_unescaped(quoted) if quoted is not None else bare))
        at = match.end()
    every, some, none = terms[""], terms["?"], terms["-"]

    def matches(message: str) -> bool:
        # Beside required terms, optional ones decide nothing.
        return (
            all(term(message) for term in every)
            and (bool(every) or not some or any(term(message) for term in some))
            and not any(term(message) for term in none)
        )

    return matches


def _contained(term: str) -> Matches:
    return lambda message: term in message


def _searched(expression: str) -> Matches:
    return compile_regex(expression)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _json(text: str) -> Matches:
    if not text.endswith("}"):
        _bad("it does not end in }")
    condition = _Parser(text[1:-1]).whole()

    def matches(message: str) -> bool:
        try:
            value = orjson.loads(message)
        except ValueError:
            return False
        return isinstance(value, (dict, list)) and condition(value)

    return matches


def _bad(reason: str) -> NoReturn:
    raise invalid(f"Invalid filter pattern: {reason}.")


class _Parser:
    """Conditions by recursive descent: ``||`` binds less than ``&&``, parentheses most."""

    def __init__(self, text: str) -> None:
        self._tokens = split(text, _TOKEN, _bad)
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        condition = self._any()
        if self._at < len(self._tokens):
            _bad(f"{self._tokens[self._at][1]!r} is not expected")
        return condition

    def _take(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            _bad("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accepts(self, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == ("operator", text)
        self._at += found
        return found

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._accepts("||"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._accepts("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)

    def _one(self) -> Condition:
        if self._accepts("("):
            self._depth += 1
            if self._depth > _DEPTH:
                _bad("its parentheses are too deep")
            condition = self._any()
            self._depth -= 1
            if not self._accepts(")"):
                _bad("a closing parenthesis is missing")
            return condition
        kind, text = self._take()
        if kind != "path":
            _bad(f"{text!r} is no selector, which begins with $")
        steps = read_path(text)
        test = self._test()
        return lambda value: test(select(value, steps))

    def _test(self) -> Condition:
        """Return a test of a selected value."""
        kind, text = self._take()
        if kind == "operator" and text in ("=", "!="):
            equal = self._equality()
            if text == "=":
                return equal
            return lambda value: value is not _ABSENT and not equal(value)
        if kind == "operator" and text in _ORDER:
            kind, number = self._take()
            if kind != "word" or not _NUMBER.fullmatch(number):
                _bad(f"{number!r} is no number")
            limit, compare = float(number), _ORDER[text]
            return lambda value: _is_number(value) and compare(value, limit)
        words = f"{text} {self._take()[1]}".upper() if kind == "word" else ""
        if words == "NOT EXISTS":
            return lambda value: value is _ABSENT
        if words in ("IS NULL", "IS TRUE", "IS FALSE"):
            wanted = {"NULL": None, "TRUE": True, "FALSE": False}[words[3:]]
            return lambda value: value is wanted
        return _bad(f"{text!r} is no comparison")

    def _equality(self) -> Condition:
        kind, text = self._take()
        if kind == "word" and _NUMBER.fullmatch(text):
            number = float(text)
            return lambda value: _is_number(value) and value == number
        if kind == "regex":
            search = compile_regex(text)
            return lambda value: isinstance(value, str) and search(value)
        if kind not in ("string", "word"):
            _bad(f"{text!r} is no value")
        wanted = _unescaped(text) if kind == "string" else text
        if "*" not in wanted:
            return lambda value: value == wanted
        # Only the asterisk is a wildcard; fnmatch's other characters stand for themselves.
        escaped = re.sub(r"([\[?])", r"[\1]", re.sub(r"\*+", "*", wanted))
        fits = re.compile(translate(escaped)).match
        return lambda value: isinstance(value, str) and fits(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_path(text: str) -> list[int | str]:
    """Return the steps of a path: ``$.items[0].name``."""
    return [int(index) if index else name or quoted for name, index, quoted in _STEP.findall(text)]


def select(value: Any, steps: list[int | str]) -> Any:
    """Return the value at a path; a value of no type of JSON if there is none."""
    for step in steps:
        if isinstance(step, str):
            value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
        elif isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return _ABSENT
    return value
