"""Compiles the patterns of the service models."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from emulator.model.lazy import LazyModule

if TYPE_CHECKING:
    from emulator.wire import java_regex
else:
    java_regex = LazyModule("emulator.wire.java_regex")

#: The longest value (characters) to match against a pattern with several repeats if the model has
#: no maximum: the time may grow with a power of the length.
LONGEST = 4096

#: From expressions whose time doubles with each character of a hostile value to expressions that
#: match the same values in linear time.
_LINEAR = {
    r"[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
}


def matcher(pattern: str, longest: int | None) -> Callable[[str], bool]:
    """Return a function that tells if a whole value matches; its first call compiles the pattern.

    A value over the maximum is too slow to match against a pattern with several repeats. It
    counts as matching, because the check of the maximum refuses it. So does every value where
    Python lacks the pattern's syntax.

    Args:
        pattern: A pattern of the model, in Java's syntax.
        longest: The most characters a value may have, if there is such a bound.
    """
    compiled: Callable[[str], bool] | None = None

    def matches(value: str) -> bool:
        nonlocal compiled
        if compiled is None:
            compiled = _compile(pattern, longest)
        return compiled(value)

    return matches


def _compile(pattern: str, longest: int | None) -> Callable[[str], bool]:
    try:
        matches = translate(pattern).fullmatch
    except java_regex.Inexpressible:
        return lambda _: True
    if not has_many_repeats(pattern):
        return lambda value: matches(value) is not None
    bound = LONGEST if longest is None else longest
    return lambda value: len(value) > bound or matches(value) is not None


def has_many_repeats(pattern: str) -> bool:
    """Say whether a pattern's time may grow faster than the length of a value."""
    return len(re.findall(r"[*+]|\{\d+,\d*\}", re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "", pattern))) > 1


@cache
def translate(pattern: str) -> re.Pattern[str]:
    """Compile a Java pattern.

    Raises:
        Inexpressible: Python's patterns have no equivalent.
    """
    for slow, fast in _LINEAR.items():
        pattern = pattern.replace(slow, fast)
    try:
        return re.compile(java_regex.to_python(pattern), re.ASCII)
    except (re.error, OverflowError) as error:
        raise java_regex.Inexpressible(f"{pattern}: {error}") from None
