"""How long one JSONata expression may take, its regular expressions included."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

MOST_STEPS = 500_000
"""Evaluations of parts of one expression; beyond, it counts as one that does not end."""

QUICK_STEPS = 3_000
"""The same, for one that somebody must not be kept waiting for: some ten milliseconds."""

DEEPEST = 1_000
"""Nested evaluations, of which each takes several of Python's calls."""

MOST_MADE = 20_000_000
"""Characters and items that the parts of one expression may make together."""

QUICK_MADE = 300_000
"""The same, for one that somebody must not be kept waiting for."""

SECONDS = 30.0
"""The processor's time for one expression: it alone bounds what is only read, not made."""

QUICK_SECONDS = 0.05
"""The same, for one that somebody must not be kept waiting for."""

REGEX_S = 5.0
"""Seconds that all matches of one expression's regular expressions may take together."""

QUICK_REGEX_S = 0.01
"""The same, for one that somebody must not be kept waiting for."""

#: How the library writes a reference to a group, for JSONata's ``$1``.
_REFERENCE = re.compile(r"\\g<(\d+)>")
_EMPTY = "D1004: Regular expression matches zero length string"
TOO_DEEP = (
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as"
    " tail-recursive"
)
"""What Step Functions says of expressions that are nested too deeply: it has no code."""
_TIME = "Expression evaluation timeout: Check for infinite loop"
_MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"


class EvaluationFailed(Exception):
    """An expression failed; the text is JSONata's own, with its code where there is one."""


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
        #: Characters and items that may still be made.
        self.left = MOST_MADE if is_patient else QUICK_MADE
        self._largest = self.left
        self._until = time.thread_time() + (SECONDS if is_patient else QUICK_SECONDS)
        self._regex_s = REGEX_S if is_patient else QUICK_REGEX_S
        #: The last text or list that a part gave: what gives the same one has not made it.
        self._last: Any = None
        #: Parts, by their ids, whose results are copied into one list before it is counted.
        self._joined: frozenset[int] = frozenset()

    def enter(self, expression: Any, input: Any, environment: Any) -> None:
        """Count a step."""
        self.steps += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise EvaluationFailed(TOO_DEEP)
        if self.steps > self._most:
            raise self.spent()
        self.look()

    def leave(self, expression: Any, input: Any, environment: Any, result: Any) -> None:
        """Count the end of a step, and what it has made."""
        self.depth -= 1
        if isinstance(result, str | list):
            is_read = result is self._last or _reads(expression, input)
            if not is_read or id(expression) in self._joined:
                self.make(len(result))
            self._last = result

    @contextmanager
    def joining(self, parts: Iterable[Any]) -> Iterator[None]:
        """Count the results of some parts even where they are only read."""
        before, self._joined = self._joined, frozenset(map(id, parts))
        try:
            yield
        finally:
            self._joined = before

    def look(self) -> None:
        """See that there is time left."""
        if time.thread_time() > self._until:
            raise self.spent()

    def read(self, value: Any) -> None:
        """See that a value may be read whole: what stands in it twice is read twice."""
        if weight(value, self._largest) > self._largest:
            raise self.spent(_MEMORY)
        self.look()

    def make(self, amount: int) -> None:
        """Count what is made, or is about to be: characters and items."""
        self.left -= amount
        if self.left < 0:
            raise self.spent(_MEMORY)

    def spent(self, words: str = _TIME) -> Exception:
        """Return the error of an evaluation that has used up its budget, in AWS's words."""
        return EvaluationFailed(words) if self.is_patient else TakesLong()

    @contextmanager
    def matching(self) -> Iterator[dict[str, Any]]:
        """Yield the limits of a match, and take off what it used."""
        if self._regex_s <= 0:
            raise self.spent()
        began = time.perf_counter()
        try:
            # Where time is no matter, other threads go on meanwhile.
            yield {"timeout": self._regex_s, "concurrent": self.is_patient}
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
        most: How many matches are replaced; 0 stands for all.
    """

    def __init__(self, pattern: Any, most: int = 0) -> None:
        self._pattern = pattern
        self._most = most

    def first(self, most: int) -> "Pattern":
        """Return the same expression, of which only the first matches are replaced."""
        return Pattern(self._pattern, most)

    def search(self, string: str) -> Any:
        """Find the first match."""
        with budget().matching() as limits:
            return self._pattern.search(string, **limits)

    def finditer(self, string: str) -> Iterator[Any]:
        """Find all matches, as they are asked for."""
        at = 0
        while at <= len(string):
            with budget().matching() as limits:
                found = self._pattern.search(string, at, **limits)
            if found is None:
                return
            yield found
            at = found.end() + (found.end() == found.start())

    def sub(self, repl: Any, string: str, count: int = 0) -> str:
        """Replace matches."""
        make = self._expanding(repl) if isinstance(repl, str) else _counted(repl)
        with budget().matching() as limits:
            text: str = self._pattern.sub(make, string, count or self._most, **limits)
        return text

    def _expanding(self, by: str) -> Callable[[Any], str]:
        """Return what makes the text that stands for a match."""
        template = _REFERENCE.sub(self._existing, by)
        named = [int(digits) for digits in _REFERENCE.findall(template)]

        def make(match: Any) -> str:
            if match.end() == match.start():
                raise ValueError(_EMPTY)
            budget().make(len(template) + sum(len(match[each] or "") for each in named))
            return str(match.expand(template))

        return make

    def _existing(self, reference: re.Match[str]) -> str:
        """Return a reference to the group that is meant: ``$12`` is ``$1`` and 2 if it has one."""
        digits = reference[1]
        for end in range(len(digits), 0, -1):
            if int(digits[:end]) <= self._pattern.groups:
                return rf"\g<{digits[:end]}>{digits[end:]}"
        return digits[1:]

    def split(self, string: str, maxsplit: int = 0) -> list[str]:
        """Split at matches."""
        with budget().matching() as limits:
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


def _reads(expression: Any, input: Any) -> bool:
    """Return whether a part of an expression gives what is there already."""
    if getattr(expression, "predicate", None) or getattr(expression, "group", None):
        return False
    kind = getattr(expression, "type", None)
    # A name makes a list of what it finds in a list.
    return kind in ("variable", "string") or (kind == "name" and not isinstance(input, list))


def _counted(make: Callable[[Any], str]) -> Callable[[Any], str]:
    def counted(match: Any) -> str:
        text = make(match)
        budget().make(len(text))
        return text

    return counted


def weight(value: Any, most: int) -> int:
    """Return how many characters and items a value has in all, as it would be written.

    What stands in it twice counts twice. It stops counting beyond ``most``.
    """
    total = 0
    waiting = [value]
    while waiting and total <= most:
        each = waiting.pop()
        total += len(each) + 1 if isinstance(each, str) else 1
        if isinstance(each, dict):
            total += sum(len(name) for name in each if isinstance(name, str))
            waiting += each.values()
        elif isinstance(each, list | tuple):
            if len(each) > most - total:
                return most + 1
            waiting += each
    return total


def budget() -> Budget:
    """Return what this thread's evaluation may use."""
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
