"""Regular expressions in filter patterns: the few that CloudWatch Logs has, without groups.

Python's engine tries one way after the other, which may take for ever: ``a?a?a?…aaa``. It searches
where there are few ways; elsewhere all of them are followed at once, in a time that grows as the
message does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.services.logs.lookup import invalid

_LONGEST = 256
#: What may stand in one: letters, digits, some signs, and what an escape stands for.
_ALLOWED = re.compile(r"(?:[\w\s:#=@/;,.^$?\[\]{}|*+\-<>'\"!&~`]|\\.)*", re.DOTALL)
_PART = re.compile(
    r"(?P<one>\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|"
    r"\\[^bBAZNUux0-9]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[|^$*+?])"
    r"(?P<times>[*+?]|\{(?:\d+|\d*,\d*)\})?(?:(?<=[*+?}])\?)?",
    re.DOTALL,
)
#: How often parts may be written out; steps that a search may take in Python's engine.
_MOST_PARTS, _MOST_STEPS = 1000, 100_000
#: Characters of which is remembered which parts they suit.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Part:
    """What suits one character, and how often it has to and may be there (None: endlessly)."""

    one: str
    least: int
    most: int | None

    @property
    def places(self) -> int:
        """How often it is written out: for a part without an end, once more than it has to be."""
        return self.least + 1 if self.most is None else self.most


@dataclass(frozen=True, slots=True)
class _Way:
    """One of the expressions that ``|`` parts."""

    parts: tuple[_Part, ...]
    at_start: bool
    at_end: bool


def compile_regex(text: str) -> Callable[[str], bool]:
    """Return a function that says whether a text has a place that matches.

    Raises:
        AwsError: InvalidParameterException: it is none that CloudWatch Logs takes.
    """
    if not text or len(text) > _LONGEST or not _ALLOWED.fullmatch(text):
        raise invalid(f"Invalid regular expression in filter pattern: {text}")
    try:
        search = re.compile(text, re.ASCII).search
        ways = list(_ways(text))
    except (re.error, OverflowError, ValueError) as error:
        said = f"Invalid regular expression in filter pattern: {text}: {error}"
        raise invalid(said) from error
    if sum(part.places for way in ways for part in way.parts) > _MOST_PARTS:
        raise invalid(f"Invalid regular expression in filter pattern, too many repetitions: {text}")
    follow: list[_AllAtOnce] = []

    def found(message: str) -> bool:
        if _steps(ways, len(message)) <= _MOST_STEPS:
            return search(message) is not None
        if not follow:
            follow.append(_AllAtOnce(ways))
        return follow[0].search(message)

    return found


def _ways(text: str) -> Iterator[_Way]:
    """Yield what ``|`` parts.

    Raises:
        ValueError: It has what CloudWatch Logs has not: anchors within, borders of words.
    """
    at = 0
    while True:
        at_start = text.startswith("^", at)
        at += at_start
        parts = []
        while (match := _PART.match(text, at)) is not None:
            parts.append(_Part(match["one"], *_times(match["times"])))
            at = match.end()
        at_end = text.startswith("$", at)
        at += at_end
        yield _Way(tuple(parts), at_start, at_end)
        if at == len(text):
            return
        if text[at] != "|":
            raise ValueError(f"{text[at : at + 2]} can't stand at position {at}")
        at += 1


def _times(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, 1
    if not text.startswith("{"):
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[text]
    least, comma, most = text[1:-1].partition(",")
    if not comma:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None


def _steps(ways: list[_Way], length: int) -> int:
    """Return how many ways there are at most to lay an expression over a text, from each place."""
    total = 0
    for way in ways:
        steps = 1 if way.at_start else length + 1
        for part in way.parts:
            if part.most != part.least:
                room = length + 1
                steps *= room if part.most is None else min(room, part.most - part.least + 1)
        total += steps
    return total


class _AllAtOnce:
    """Follows all ways through a text at once: a bit says that its part may come next.

    Source: G. Navarro, M. Raffinot: "Flexible Pattern Matching in Strings" (2002), section 5.5.
    """

    def __init__(self, ways: list[_Way]) -> None:
        ones: list[str] = []
        self._again = self._always = self._at_start = self._ends = self._last_ends = may_lack = 0
        for way in ways:
            first = 1 << len(ones)
            if way.at_start:
                self._at_start |= first
            else:
                self._always |= first
            for part in way.parts:
                for number in range(part.places):
                    may_lack |= (number >= part.least) << len(ones)
                    ones.append(part.one)
                if part.most is None:
                    self._again |= 1 << (len(ones) - 1)
            if way.at_end:
                self._last_ends |= 1 << len(ones)
            else:
                self._ends |= 1 << len(ones)
            ones.append("")  # its end
        self._bits: dict[str, int] = {}
        for number, one in enumerate(ones):
            if one:
                self._bits[one] = self._bits.get(one, 0) | 1 << number
        self._tests = [
            (re.compile(one, re.ASCII).fullmatch, bits) for one, bits in self._bits.items()
        ]
        self._known: dict[str, int] = {}
        #: By powers of two, where as many parts before may all be lacking.
        self._leaps: list[tuple[int, int]] = []
        leap, lacking = 1, may_lack << 1
        while lacking:
            self._leaps.append((leap, lacking))
            lacking &= lacking << leap
            leap *= 2

    def search(self, text: str) -> bool:
        """Say whether a text has a place that matches."""
        state = self._leapt(self._always | self._at_start)
        always = self._leapt(self._always)
        before_newline = len(text) - 1 if text.endswith("\n") else -1
        for number, char in enumerate(text):
            if state & self._ends or (number == before_newline and state & self._last_ends):
                return True
            suits = self._known.get(char)
            suited = state & (self._suits(char) if suits is None else suits)
            state = self._leapt(suited << 1 | suited & self._again) | always
        return bool(state & (self._ends | self._last_ends))

    def _leapt(self, state: int) -> int:
        """Return a state with what may come next because what is before it may be lacking."""
        for leap, lacking in self._leaps:
            state |= state << leap & lacking
        return state

    def _suits(self, char: str) -> int:
        """Return the parts that a character suits."""
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        suits = self._known[char] = sum(bits for fits, bits in self._tests if fits(char))
        return suits
