"""Search expressions: ``{AWS/Lambda,FunctionName} MetricName="Errors" orders``.

A word that stands for itself is searched for in namespace, name and dimensions, in any case; one in
quotation marks is the whole of one of them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.services.cloudwatch.expressions.values import ExpressionError
from emulator.services.cloudwatch.series import Series

Matches = Callable[[Series], bool]

_SCHEMA = re.compile(r"\s*\{([^}]*)\}")
_TOKEN = re.compile(r'\s*(?:(\(|\)|=)|"((?:[^"\\]|\\.)*)"|([^\s()="]+))', re.DOTALL)
_DEPTH = 32


def compile_search(text: str) -> Matches:
    """Return what says whether a metric is searched for.

    Raises:
        ExpressionError: It is no search expression.
    """
    checks: list[Matches] = []
    rest = text
    if match := _SCHEMA.match(text):
        namespace, *dimensions = (each.strip().strip('"') for each in match[1].split(","))
        wanted = set(dimensions)
        checks.append(
            lambda series: (
                series.namespace == namespace and {name for name, _ in series.dimensions} == wanted
            )
        )
        rest = text[match.end() :]
    if rest.strip():
        checks.append(_Parser(rest).whole())
    if not checks:
        raise ExpressionError("a search expression is empty")
    return lambda series: all(check(series) for check in checks)


class _Parser:
    def __init__(self, text: str) -> None:
        #: What each token is (sign, text or word), and it.
        self._tokens: list[tuple[str, str]] = []
        self._at = self._depth = 0
        text = text.strip()
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise ExpressionError("a quotation mark is missing in a search expression")
            sign, quoted, word = match.groups()
            if sign is not None:
                self._tokens.append(("sign", sign))
            elif quoted is not None:
                self._tokens.append(("text", re.sub(r"\\(.)", r"\1", quoted)))
            else:
                self._tokens.append(("word", word))
            place = match.end()

    def whole(self) -> Matches:
        found = self._any()
        if self._at < len(self._tokens):
            raise ExpressionError(f"{self._tokens[self._at][1]!r} is not expected in a search")
        return found

    def _is(self, *token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _any(self) -> Matches:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ExpressionError("a search expression is nested too deeply")
        some = [self._all()]
        while self._is("word", "OR"):
            some.append(self._all())
        self._depth -= 1
        return lambda series: any(check(series) for check in some)

    def _all(self) -> Matches:
        every = [self._one()]
        while self._at < len(self._tokens) and self._tokens[self._at] not in (
            ("word", "OR"),
            ("sign", ")"),
        ):
            self._is("word", "AND")
            every.append(self._one())
        return lambda series: all(check(series) for check in every)

    def _one(self) -> Matches:
        is_negated = False
        while self._is("word", "NOT"):
            is_negated = not is_negated
        found = self._plain()
        return (lambda series: not found(series)) if is_negated else found

    def _plain(self) -> Matches:
        if self._is("sign", "("):
            found = self._any()
            if not self._is("sign", ")"):
                raise ExpressionError("a closing parenthesis is missing in a search expression")
            return found
        kind, text = self._take()
        if not self._is("sign", "="):
            return _anywhere(text, whole=kind == "text")
        if self._is("sign", "("):
            self._at -= 1
            return self._values(text)
        value_kind, value = self._take()
        return _property(text, value, whole=value_kind == "text")

    def _values(self, name: str) -> Matches:
        """Read ``Name=("a" OR "b")``."""
        self._is("sign", "(")
        some: list[Matches] = []
        while not self._is("sign", ")"):
            kind, value = self._take()
            if (kind, value) != ("word", "OR"):
                some.append(_property(name, value, whole=kind == "text"))
        return lambda series: any(check(series) for check in some)

    def _take(self) -> tuple[str, str]:
        if self._at == len(self._tokens) or self._tokens[self._at][0] == "sign":
            raise ExpressionError("a search expression ends too early")
        self._at += 1
        return self._tokens[self._at - 1]


def _texts(series: Series) -> list[str]:
    pairs = [text for pair in series.dimensions for text in pair]
    return [series.namespace, series.name, *pairs]


def _fits(text: str, wanted: str, *, whole: bool) -> bool:
    return text == wanted if whole else wanted.lower() in text.lower()


def _anywhere(wanted: str, *, whole: bool) -> Matches:
    return lambda series: any(_fits(text, wanted, whole=whole) for text in _texts(series))


def _property(name: str, wanted: str, *, whole: bool) -> Matches:
    name = name.strip(":")
    if name == "MetricName":
        return lambda series: _fits(series.name, wanted, whole=whole)
    if name == "Namespace":
        return lambda series: _fits(series.namespace, wanted, whole=whole)
    return lambda series: any(
        its == name and _fits(value, wanted, whole=whole) for its, value in series.dimensions
    )
