"""Compare what a function did with its ``expected.json``.

An expectation is JSON that stands for itself, but for two kinds of strings: ``re:…`` is a regular
expression that must be found, and ``any:`` matches anything.

::

    {"status": 200, "function_error": null, "payload": …, "log": ["re:^START ", …]}

``log`` lists lines that must occur in this order, others between them allowed; a string that is
no expression must be a part of its line. ``sequence`` holds several such steps, done one after
the other, each with an ``event`` of its own if not that of ``event.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one invocation came to."""

    status: int
    function_error: str | None
    payload: Any
    #: Lines of the log, oldest first.
    log: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One invocation of a sample and what is expected of it."""

    event: Any
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample function's folder, read."""

    name: str
    steps: list[Step] = field(default_factory=list)


_KEYS = {"status", "function_error", "payload", "log", "event"}


def samples(root: Path) -> Iterator[Sample]:
    """Yield the samples below ``root``: the folders with an ``expected.json``."""
    for path in sorted(root.glob("*/expected.json")):
        event = json.loads((path.parent / "event.json").read_text("utf-8"))
        expected = json.loads(path.read_text("utf-8"))
        parts = expected.get("sequence", [expected])
        for part in parts:
            unknown = set(part) - _KEYS
            assert not unknown, f"{path} has unknown members: {sorted(unknown)}"
        yield Sample(
            name=path.parent.name,
            steps=[Step(event=part.get("event", event), expected=part) for part in parts],
        )


def check(expected: Mapping[str, Any], outcome: Outcome) -> list[str]:
    """Return how ``outcome`` differs from what is expected, one sentence each; none is good."""
    return [
        *differences(expected["status"], outcome.status, "status"),
        *differences(expected["function_error"], outcome.function_error, "function_error"),
        *differences(expected["payload"], outcome.payload, "payload"),
        *missing_lines(expected.get("log", ()), outcome.log),
    ]


def differences(expected: Any, actual: Any, where: str) -> list[str]:
    """Return how ``actual`` differs from ``expected``, each difference with its path."""
    if isinstance(expected, str):
        return _text(expected, actual, where)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        found = [f"{where}.{key} is missing" for key in expected if key not in actual]
        found += [f"{where}.{key} is not expected" for key in actual if key not in expected]
        for key in expected:
            if key in actual:
                found += differences(expected[key], actual[key], f"{where}.{key}")
        return found
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return [f"{where} has {len(actual)} items, not {len(expected)}"]
        pairs = enumerate(zip(expected, actual, strict=True))
        return [line for at, (e, a) in pairs for line in differences(e, a, f"{where}[{at}]")]
    # 1 == True == 1.0 in Python, and JSON tells them apart but for numbers.
    same_kind = isinstance(expected, bool) == isinstance(actual, bool)
    return [] if same_kind and expected == actual else [f"{where} is {actual!r}, not {expected!r}"]


def missing_lines(expected: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return the first expected line that does not come, in order, among ``lines``."""
    rest = iter(lines)
    for pattern in expected:
        if not any(_line(pattern, line) for line in rest):
            return [f"log has no line {pattern!r} where it is due: {list(lines)!r}"]
    return []


def _text(expected: str, actual: Any, where: str) -> list[str]:
    if expected == "any:":
        return []
    if expected.startswith("re:"):
        if isinstance(actual, str) and re.search(expected[3:], actual):
            return []
        return [f"{where} is {actual!r}, which {expected[3:]!r} does not match"]
    return [] if expected == actual else [f"{where} is {actual!r}, not {expected!r}"]


def _line(pattern: str, line: str) -> bool:
    if pattern.startswith("re:"):
        return re.search(pattern[3:], line) is not None
    return pattern in line
