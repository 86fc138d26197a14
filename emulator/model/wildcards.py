"""Texts with stars that stand for anything, matched in a time that grows as the text does."""

from __future__ import annotations

from collections.abc import Sequence


def consists_of(value: str, texts: Sequence[str]) -> bool:
    """Say whether a value is these texts in order, with anything between two of them.

    The first match of a text is as good as any: no other leaves more for those behind it.
    """
    first, *middle = texts
    if not middle:
        return value == first
    last = middle.pop()
    if not value.startswith(first):
        return False
    at, end = len(first), len(value) - len(last)
    for text in middle:
        found = value.find(text, at, end)
        if found < 0:
            return False
        at = found + len(text)
    return at <= end and value.endswith(last)
