"""Reads expressions: ``SUM([e1, e2]) / FILL(METRICS("m"), 0) > 5``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from emulator.services.cloudwatch.expressions import functions
from emulator.services.cloudwatch.expressions.values import (
    ExpressionError,
    Scope,
    Value,
    combined,
    lines,
)
from emulator.services.tokens import split

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^()\[\],<>!]))",
    re.DOTALL,
)
_ID = re.compile(r"[a-z]\w*", re.ASCII)
#: How deep an expression may be nested.
_DEPTH = 32
_COMPARISONS: dict[str, Callable[[float, float], float]] = {
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
}
_SUMS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
}
_PRODUCTS: dict[str, Callable[[float, float], float]] = {
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
#: Computes a value.
Node = Callable[[Scope], Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Attributes:
        compute: Returns its value, or raises an ExpressionError.
        names: The queries it needs, by their ids.
        searches: The arguments of its SEARCHes.
        uses_metrics: It has METRICS, which are all metrics among the queries.
    """

    compute: Node
    names: frozenset[str]
    searches: tuple[tuple[str, str, int], ...]
    uses_metrics: bool


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: It is none, or has a function that is not served.
    """
    if re.match(r"\s*SELECT\s", text, re.IGNORECASE):
        raise ExpressionError("localfaas does not serve Metrics Insights queries (SELECT)")
    parser = _Parser(text)
    node = parser.whole()
    return Expression(node, frozenset(parser.names), tuple(parser.searches), parser.uses_metrics)


def _bad(reason: str) -> NoReturn:
    raise ExpressionError(reason)


class _Parser:
    """By recursive descent; each method is what binds a little more than the one before."""

    def __init__(self, text: str) -> None:
        self._tokens = split(text, _TOKEN, _bad)
        self._at = 0
        self._depth = 0
        self.names: set[str] = set()
        self.searches: list[tuple[str, str, int]] = []
        self.uses_metrics = False

    def whole(self) -> Node:
        node = self._any()
        if self._at < len(self._tokens):
            _bad(f"{self._tokens[self._at][1]!r} is not expected")
        return node

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _accepts(self, *signs: str) -> str:
        kind, text = self._peek()
        if kind != "text" and text in signs:
            self._at += 1
            return text
        return ""

    def _expect(self, sign: str) -> None:
        if not self._accepts(sign):
            found = self._peek()[1]
            _bad(f"{sign!r} is missing" + (f" before {found!r}" if found else " at the end"))

    def _any(self) -> Node:
        # Every nesting passes here.
        self._depth += 1
        if self._depth > _DEPTH:
            _bad("it is nested too deeply")
        node = self._all()
        while self._accepts("||", "OR"):
            node = _two(node, self._all(), lambda a, b: float(bool(a) or bool(b)))
        self._depth -= 1
        return node

    def _all(self) -> Node:
        node = self._compared()
        while self._accepts("&&", "AND"):
            node = _two(node, self._compared(), lambda a, b: float(bool(a) and bool(b)))
        return node

    def _compared(self) -> Node:
        node = self._sum()
        while sign := self._accepts(*_COMPARISONS):
            node = _two(node, self._sum(), _COMPARISONS[sign])
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._accepts(*_SUMS):
            node = _two(node, self._product(), _SUMS[sign])
        return node

    def _product(self) -> Node:
        node = self._signed()
        while sign := self._accepts(*_PRODUCTS):
            node = _two(node, self._signed(), _PRODUCTS[sign])
        return node

    def _signed(self) -> Node:
        is_negative = False
        while sign := self._accepts("-", "+"):
            is_negative ^= sign == "-"
        node = self._power()
        return _two(node, lambda scope: -1.0, _PRODUCTS["*"]) if is_negative else node

    def _power(self) -> Node:
        node = self._one()
        if self._accepts("^"):
            self._depth += 1
            if self._depth > _DEPTH:
                _bad("it is nested too deeply")
            exponent = self._signed()
            self._depth -= 1
            return _two(node, exponent, lambda a, b: a**b)
        return node

    def _one(self) -> Node:
        if self._accepts("("):
            node = self._any()
            self._expect(")")
            return node
        if self._accepts("["):
            nodes = self._arguments("]")
            return lambda scope: lines(node(scope) for node in nodes)
        kind, text = self._peek()
        if not kind:
            _bad("it ends too early")
        self._at += 1
        if kind == "number":
            constant = float(text)
            return lambda scope: constant
        if kind != "name":
            _bad(f"{text!r} is not expected")
        if self._accepts("("):
            return self._call(text)
        if not _ID.fullmatch(text):
            _bad(f"{text!r} is neither a function's nor a query's name")
        self.names.add(text)
        return lambda scope: scope.find(text)

    def _arguments(self, closing: str) -> list[Node]:
        nodes: list[Node] = []
        if self._accepts(closing):
            return nodes
        while True:
            nodes.append(self._any())
            if self._accepts(closing):
                return nodes
            self._expect(",")

    def _call(self, name: str) -> Node:
        if name == "SEARCH":
            return self._search()
        if name == "METRICS":
            self.uses_metrics = True
            kind, text = self._peek()
            wanted = ""
            if kind == "text":
                self._at += 1
                wanted = text[1:-1]
            self._expect(")")
            return lambda scope: functions.metrics(scope, wanted)
        words: list[str] = []
        nodes: list[Node] = []
        if not self._accepts(")"):
            while True:
                if word := self._word():
                    words.append(word)
                else:
                    nodes.append(self._any())
                if self._accepts(")"):
                    break
                self._expect(",")
        return functions.call(name, nodes, words)

    def _word(self) -> str:
        """Take a word that is an argument; "": there is none, or it is a function's name."""
        kind, text = self._peek()
        following = self._tokens[self._at + 1 :][:1]
        if kind != "name" or text not in functions.WORDS or following == [("sign", "(")]:
            return ""
        self._at += 1
        return text

    def _search(self) -> Node:
        given: list[str] = []
        for at in range(3):
            kind, text = self._peek()
            if kind != ("number" if at == 2 else "text"):
                _bad("SEARCH takes a search expression, a statistic and a period")
            self._at += 1
            given.append(text if at == 2 else re.sub(r"\\(.)", r"\1", text[1:-1]))
            if at < 2 and not self._accepts(","):
                break
        self._expect(")")
        if len(given) < 2:
            _bad("SEARCH takes a search expression, a statistic and a period")
        key = (given[0], given[1], int(float(given[2])) if len(given) > 2 else 0)
        self.searches.append(key)
        return lambda scope: scope.searches[key]


def _two(one: Node, other: Node, change: Callable[[float, float], float]) -> Node:
    return lambda scope: combined(one(scope), other(scope), change)
