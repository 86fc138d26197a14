"""The patterns of the models, compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from emulator.wire.java_regex import Inexpressible, to_python

#: The longest value (characters) that is matched against a pattern with several repeats, where the
#: model has no maximum: the time may grow with a power of the length.
LONGEST = 4096

#: Expressions whose time doubles with each character of a hostile value, and others that match
#: the same values in linear time.
_LINEAR = {
    r"[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
}


def matcher(pattern: str, longest: int | None) -> Callable[[str], bool] | None:
    """Return a predicate: the whole value matches. None if Python cannot express the pattern.

    A value over the maximum is not matched against a pattern with several repeats, and counts as
    matching: the maximum says what is wrong with it.

    Args:
        pattern: A pattern of the model, in Java's syntax.
        longest: The most characters a value may have, if there is such a bound.
    """
    try:
        matches = translate(pattern).fullmatch
    except Inexpressible:
        return None
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
        Inexpressible: Python has nothing like it.
    """
    for slow, fast in _LINEAR.items():
        pattern = pattern.replace(slow, fast)
    try:
        return re.compile(to_python(pattern), re.ASCII)
    except (re.error, OverflowError) as error:
        raise Inexpressible(f"{pattern}: {error}") from None
