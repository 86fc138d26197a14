"""Splits the small languages that services have into tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

#: A token: which group of the pattern it is, and its text.
Token = tuple[str, str]


def split(text: str, pattern: re.Pattern[str], refuse: Callable[[str], NoReturn]) -> list[Token]:
    """Return the tokens of ``text``.

    Args:
        text: All of it must be tokens.
        pattern: Matches one token, with a named group for each kind.
        refuse: Raises the service's own error for a reason.
    """
    tokens: list[Token] = []
    text = text.strip()
    place = 0
    while place < len(text):
        match = pattern.match(text, place)
        if match is None:
            refuse(f"nothing can be made of {text[place:][:20]!r}")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        place = match.end()
    return tokens
