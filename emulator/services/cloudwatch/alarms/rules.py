"""Rules of composite alarms: ``(ALARM("a") OR ALARM(b)) AND NOT OK(c)``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: Returns the state of an alarm, by its name.
StateOf = Callable[[str], str]
#: Says whether the rule holds.
Holds = Callable[[StateOf], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\""
    r"|(?P<bare>[^\s\"()]+))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)(?![\w-])"
    r"|(?P<sign>[()]))",
    re.IGNORECASE,
)
_DEPTH = 32
_MOST_ELEMENTS, _MOST_CHILDREN = 500, 100


class RuleError(ValueError):
    """A rule that is none; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was read.

    Attributes:
        holds: Says whether it holds.
        children: The names of the alarms in it, in order.
    """

    holds: Holds
    children: tuple[str, ...]


@lru_cache(maxsize=256)
def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        RuleError: It is none.
    """
    parser = _Parser(text)
    holds = parser.whole()
    children = tuple(dict.fromkeys(parser.children))
    if len(children) > _MOST_CHILDREN:
        raise RuleError(f"AlarmRule must not contain more than {_MOST_CHILDREN} alarms")
    return Rule(holds, children)


def children_of(alarm: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the alarms in the rule of an alarm; none where no rule can be read."""
    if alarm["kind"] != "CompositeAlarm":
        return ()
    try:
        return parse_rule(alarm["fields"]["AlarmRule"]).children
    except RuleError:
        return ()


def name_of(text: str) -> str:
    """Return the name of an alarm that is given by its name or its ARN."""
    if text.startswith("arn:"):
        return text.partition(":alarm:")[2] or text
    return text


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = self._depth = 0
        self.children: list[str] = []
        text = text.strip()
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise RuleError(f"AlarmRule is invalid near {text[place:].strip()[:40]!r}")
            if match["state"]:
                self._tokens.append((match["state"].upper(), match["quoted"] or match["bare"]))
            else:
                self._tokens.append(("", (match["word"] or match["sign"]).upper()))
            place = match.end()
        if len(self._tokens) > _MOST_ELEMENTS:
            raise RuleError(f"AlarmRule must not contain more than {_MOST_ELEMENTS} elements")

    def whole(self) -> Holds:
        found = self._any()
        if self._at < len(self._tokens):
            raise RuleError(f"AlarmRule is invalid near {self._tokens[self._at][1]!r}")
        return found

    def _accepts(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == ("", word)
        self._at += found
        return found

    def _any(self) -> Holds:
        self._depth += 1
        if self._depth > _DEPTH:
            raise RuleError("AlarmRule is nested too deeply")
        some = [self._all()]
        while self._accepts("OR"):
            some.append(self._all())
        self._depth -= 1
        return lambda state: any(holds(state) for holds in some)

    def _all(self) -> Holds:
        every = [self._one()]
        while self._accepts("AND"):
            every.append(self._one())
        return lambda state: all(holds(state) for holds in every)

    def _one(self) -> Holds:
        is_negated = False
        while self._accepts("NOT"):
            is_negated = not is_negated
        found = self._plain()
        return (lambda state: not found(state)) if is_negated else found

    def _plain(self) -> Holds:
        if self._accepts("("):
            found = self._any()
            if not self._accepts(")"):
                raise RuleError("AlarmRule is invalid: a closing parenthesis is missing")
            return found
        if self._at == len(self._tokens):
            raise RuleError("AlarmRule is invalid: it ends too early")
        wanted, text = self._tokens[self._at]
        self._at += 1
        if wanted:
            name = name_of(text)
            self.children.append(name)
            return lambda state: state(name) == wanted
        if text in ("TRUE", "FALSE"):
            return lambda state: text == "TRUE"
        raise RuleError(f"AlarmRule is invalid near {text!r}")
