"""How long one JSONata expression may take, its regular expressions included."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST_STEPS = 500_000
"""Evaluations of parts of one expression; beyond, it counts as one that does not end."""

QUICK_STEPS = 3_000
"""The same, for one that somebody must not be kept waiting for: some ten milliseconds."""

DEEPEST = 1_000
"""Nested evaluations, of which each takes several of Python's calls."""

REGEX_S = 5.0
"""Seconds that all matches of one expression's regular expressions may take together."""

QUICK_REGEX_S = 0.01
"""The same, for one that somebody must not be kept waiting for."""

#: How the library writes a reference to a group, for JSONata's ``$1``.
_REFERENCE = re.compile(r"\\g<(\d+)>")
_EMPTY = "D1004: Regular expression matches zero length string"
_DEPTH = "D1011: Stack overflow error: Check for non-terminating recursive function."
_TIME = "D1012: Expression evaluation timeout: Check for infinite loop"


class EvaluationFailed(Exception):
    """An expression failed; the text is JSONata's own, with its code."""


class TakesLong(Exception):
    """An expression takes longer than it may here; elsewhere, it may have the result."""


class Budget:
    """What one evaluation may use.

    Args:
        is_patient: It may take as long as AWS allows; otherwise as long as a loop may stand still.
    """

    def __init__(self, *, is_patient: bool) -> None:
        self.is_patient = is_patient
        self.steps = 0
        self.depth = 0
        self._most = MOST_STEPS if is_patient else QUICK_STEPS
        self._regex_s = REGEX_S if is_patient else QUICK_REGEX_S

    def enter(self, expression: Any, input: Any, environment: Any) -> None:
        """Count a step."""
        self.steps += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise EvaluationFailed(_DEPTH)
        if self.steps > self._most:
            raise self.spent()

    def leave(self, expression: Any, input: Any, environment: Any, result: Any) -> None:
        """Count the end of a step."""
        self.depth -= 1

    def spent(self) -> Exception:
        """Return the error of an evaluation that has used up its budget."""
        return EvaluationFailed(_TIME) if self.is_patient else TakesLong()

    @contextmanager
    def matching(self) -> Iterator[dict[str, Any]]:
        """Yield the limits of a match, and take off what it used."""
        began = time.perf_counter()
        try:
            # Where time is no matter, other threads go on meanwhile.
            yield {"timeout": max(self._regex_s, 1e-6), "concurrent": self.is_patient}
        except TimeoutError:
            raise self.spent() from None
        finally:
            self._regex_s -= time.perf_counter() - began


class _Current(threading.local):
    budget: Budget | None = None


_current = _Current()


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Let the matches of this thread use a budget."""
    before, _current.budget = _current.budget, budget
    try:
        yield
    finally:
        _current.budget = before


class Pattern:
    """A regular expression of JSONata: its matches are bounded in time, as Python's are not.

    Args:
        pattern: The compiled expression.
    """

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern

    def search(self, string: str) -> Any:
        """Find the first match."""
        with _budget().matching() as limits:
            return self._pattern.search(string, **limits)

    def finditer(self, string: str) -> Iterator[Any]:
        """Find all matches, as they are asked for."""
        at = 0
        while at <= len(string):
            with _budget().matching() as limits:
                found = self._pattern.search(string, at, **limits)
            if found is None:
                return
            yield found
            at = found.end() + (found.end() == found.start())

    def sub(self, repl: Any, string: str, count: int = 0) -> str:
        """Replace matches."""
        make = repl
        if isinstance(repl, str):
            template = _REFERENCE.sub(self._existing, repl)

            def make(match: Any) -> str:
                if match.end() == match.start():
                    raise ValueError(_EMPTY)
                return str(match.expand(template))

        with _budget().matching() as limits:
            text: str = self._pattern.sub(make, string, count, **limits)
        return text

    def _existing(self, reference: re.Match[str]) -> str:
        """Return a reference to the group that is meant: ``$12`` is ``$1`` and 2 if it has one."""
        digits = reference[1]
        for end in range(len(digits), 0, -1):
            if int(digits[:end]) <= self._pattern.groups:
                return rf"\g<{digits[:end]}>{digits[end:]}"
        return digits[1:]

    def split(self, string: str, maxsplit: int = 0) -> list[str]:
        """Split at matches."""
        with _budget().matching() as limits:
            parts: list[str] = self._pattern.split(string, maxsplit, **limits)
        return parts


def matches_whole(pattern: str, text: str) -> bool:
    """Return whether a regular expression of a JSONPath filter matches a whole text.

    Raises:
        TimeoutError: It takes longer than a loop may stand still.
        ValueError: It is no regular expression.
    """
    import regex  # few filters have one

    try:
        return regex.fullmatch(pattern, text, timeout=QUICK_REGEX_S * 10) is not None
    except regex.error as error:
        raise ValueError(f"the regular expression /{pattern}/ is none: {error}") from None


def _budget() -> Budget:
    return _current.budget or Budget(is_patient=True)


def compile_pattern(pattern: str, flags: Any) -> Pattern:
    """Return a regular expression, for JSONata's parser.

    Raises:
        ValueError: It is none.
    """
    import regex  # few expressions have one

    wanted = regex.VERSION0
    if flags.case_insensitive:
        wanted |= regex.IGNORECASE
    if flags.multiline:
        wanted |= regex.MULTILINE
    try:
        return Pattern(regex.compile(pattern, wanted))
    except regex.error as error:
        raise ValueError(f"the regular expression /{pattern}/ is none: {error}") from None
