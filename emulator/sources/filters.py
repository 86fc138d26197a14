"""The filters that decide which records a mapping's function gets.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from emulator.sources.patterns import InvalidPattern, Pattern


def is_pattern(text: str) -> bool:
    """Say whether a text is an event pattern."""
    try:
        Pattern(text)
    except InvalidPattern:
        return False
    return True


def filter_of(criteria: Mapping[str, Any] | None) -> Filter | None:
    """Return the filter of a mapping's ``FilterCriteria``; None lets everything pass."""
    filters = (criteria or {}).get("Filters")
    return Filter([each["Pattern"] for each in filters]) if filters else None


class Filter:
    """Several patterns; a record passes if one of them matches.

    Args:
        patterns: Texts for which :func:`is_pattern` is true.
    """

    def __init__(self, patterns: list[str]) -> None:
        self._patterns = [Pattern(text) for text in patterns]

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record passes.

        A JSON body is parsed first. A pattern for JSON matches no plain text, and a pattern for
        plain text matches no JSON.
        """
        body = record["body"]
        parsed = _parse(body)
        event = {**record, "body": body if parsed is None else parsed}
        for pattern in self._patterns:
            looks_into = any(path.startswith("body.") for path in pattern.paths)
            as_text = "body" in pattern.paths
            if (looks_into and parsed is None) or (as_text and parsed is not None):
                continue
            if pattern.matches(event):
                return True
        return False


def _parse(text: str) -> Any:
    """Return the object or list that a JSON text holds; None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, (dict, list)) else None
