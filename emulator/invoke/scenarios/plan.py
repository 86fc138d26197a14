"""The plan of a scenario: a TOML file.

::

    [[fault]]
    function = "orders"    # without it, or "*": every function
    call = 3               # the third call; [2, 5] two of them; every = 10: each tenth
    do = "throttle"

    [[fault]]
    probability = 0.1      # a tenth of the calls; the seed decides which
    do = "kill"
    after_ms = 20

    [[fault]]
    start = 2              # the second start of an environment
    do = "init-timeout"

Which call a fault meets depends on the plan, the seed and the number of the call alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from emulator.model.errors import ConfigurationError

#: What can be done to a call, and the further keys that say how.
DEEDS: Mapping[str, frozenset[str]] = {
    "throttle": frozenset(),
    "kill": frozenset({"after_ms"}),
    "out-of-memory": frozenset({"after_ms"}),
    "twice": frozenset(),
    "late": frozenset({"seconds"}),
    "jump": frozenset({"seconds"}),
    "init-timeout": frozenset(),
}
#: What is done to the start of an environment, not to a call.
_AT_STARTS = frozenset({"init-timeout"})
_NEEDED = {"late": "seconds", "jump": "seconds"}
_WHEN = ("call", "start", "every", "probability")
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*fault[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to some calls of a function, or to some starts of its environments."""

    #: Its place in the plan, from 0.
    number: int
    #: A function's name, or "*".
    function: str
    deed: str
    #: The numbers of calls or starts, from 1; empty: see the others.
    at: tuple[int, ...] = ()
    #: Each so many; 0: see the others.
    every: int = 0
    #: The share of them.
    probability: float = 0.0
    after_s: float = 0.0
    seconds: float = 0.0

    @property
    def at_starts(self) -> bool:
        """Whether it meets the starts of environments."""
        return self.deed in _AT_STARTS

    def meets(self, function: str, number: int, seed: int) -> bool:
        """Say whether it happens to the ``number``-th call (or start) of a function."""
        if self.function not in ("*", function):
            return False
        if self.at:
            return number in self.at
        if self.every:
            return number % self.every == 0
        drawn = Random(f"{seed} {self.number} {function} {number}").random()
        return drawn < self.probability


def load(path: Path) -> tuple[Fault, ...]:
    """Return the faults of the plan in a file.

    Raises:
        ConfigurationError: It can't be read or is no plan; the text names line and column.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"can't read the scenario {path}: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[Fault, ...]:
    """Return the faults of a plan.

    Args:
        text: The plan.
        name: What it is called in errors.

    Raises:
        ConfigurationError: It is no plan; the text names line and column.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = re.sub(r" \(at (line \d+, column \d+)\)$", r"\n\1", str(error))
        message, _, place = said.rpartition("\n")
        raise ConfigurationError(f"{name}: {place or 'the end'}: {message}") from error
    for key in document:
        if key != "fault" or not isinstance(document[key], list):
            at = re.search(rf"^[ \t]*(?:\[+[ \t]*)?({re.escape(key)})", text, re.MULTILINE)
            place = _place(text, at.start(1) if at else 0)
            raise ConfigurationError(f"{name}: {place}: a plan has [[fault]] tables, not {key!r}")
    starts = [match.start() for match in _HEADER.finditer(text)]
    faults = document.get("fault", [])
    if not faults:
        raise ConfigurationError(f"{name}: line 1, column 1: the plan has no [[fault]]")
    return tuple(
        _Reader(text, name, starts, number).fault(given) for number, given in enumerate(faults)
    )


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


class _Reader:
    """Reads one table of a plan."""

    def __init__(self, text: str, name: str, starts: Sequence[int], number: int) -> None:
        self._text, self._name, self._number = text, name, number
        self._start = starts[number] if number < len(starts) else 0
        self._end = starts[number + 1] if number + 1 < len(starts) else len(text)

    def _wrong(self, key: str, message: str) -> ConfigurationError:
        """Return an error at a key's value, or at the table where it has no such key."""
        pattern = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*=[ \t]*", re.MULTILINE)
        found = pattern.search(self._text, self._start, self._end) if key else None
        place = _place(self._text, found.end() if found else self._start)
        return ConfigurationError(f"{self._name}: {place}: {message}")

    def fault(self, given: Mapping[str, Any]) -> Fault:
        deed = given.get("do", "nothing")
        if not isinstance(deed, str) or deed not in DEEDS:
            raise self._wrong("do", f"do is one of {', '.join(DEEDS)}, not {deed!r}")
        unit = "start" if deed in _AT_STARTS else "call"
        known = {"do", "function", unit, "every", "probability", *DEEDS[deed]}
        for key in given:
            if key not in known:
                raise self._wrong(key, f"{deed} has no {key}: it has {', '.join(sorted(known))}")
        when = [key for key in _WHEN if key in given]
        if len(when) != 1:
            raise self._wrong(
                when[1] if when else "", f"a fault has one of {unit}, every and probability"
            )
        needed = _NEEDED.get(deed)
        if needed is not None and needed not in given:
            raise self._wrong("do", f"{deed} needs {needed}")
        function = given.get("function", "*")
        if not isinstance(function, str) or not function:
            raise self._wrong("function", "function is a name, or *")
        return Fault(
            number=self._number,
            function=function,
            deed=deed,
            at=self._numbers(given, unit),
            every=self._numbers(given, "every")[0] if "every" in given else 0,
            probability=self._amount(given, "probability", 1.0),
            after_s=self._amount(given, "after_ms", 900_000.0) / 1000,
            seconds=self._amount(given, "seconds", 10 * 365 * 86400.0),
        )

    def _numbers(self, given: Mapping[str, Any], key: str) -> tuple[int, ...]:
        value = given.get(key, [])
        values = value if isinstance(value, list) and key != "every" else [value]
        if key not in given:
            return ()
        whole = all(isinstance(each, int) and not isinstance(each, bool) for each in values)
        if not values or not whole or min(values) < 1:
            many = "" if key == "every" else ", or a list of them"
            raise self._wrong(key, f"{key} is a whole number from 1 on{many}")
        return tuple(values)

    def _amount(self, given: Mapping[str, Any], key: str, most: float) -> float:
        value = given.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, f"{key} is a number")
        if not 0 <= value <= most:
            raise self._wrong(key, f"{key} is a number from 0 to {most:g}")
        return float(value)
