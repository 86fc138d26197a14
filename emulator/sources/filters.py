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


def filter_of(criteria: Mapping[str, Any] | None, content: str = "body") -> Filter | None:
    """Return the filter of a mapping's ``FilterCriteria``; None lets everything pass.

    Args:
        criteria: As the API has them.
        content: The member of records that may be JSON in a text; "" for none.
    """
    filters = (criteria or {}).get("Filters")
    return Filter([each["Pattern"] for each in filters], content) if filters else None


class Filter:
    """Several patterns; a record passes if one of them matches.

    Args:
        patterns: Texts for which :func:`is_pattern` is true.
        content: The member of records that may be JSON in a text; "" for none.
    """

    def __init__(self, patterns: list[str], content: str = "body") -> None:
        self._patterns = [Pattern(text) for text in patterns]
        self._content = content

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record passes.

        A content in JSON is parsed first. A pattern for JSON matches no plain text, and a pattern
        for plain text matches no JSON.
        """
        name = self._content
        if not name:
            return any(pattern.matches(record) for pattern in self._patterns)
        body = record[name]
        parsed = _parse(body)
        event = {**record, name: body if parsed is None else parsed}
        for pattern in self._patterns:
            looks_into = any(path.startswith(f"{name}.") for path in pattern.paths)
            as_text = name in pattern.paths
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
