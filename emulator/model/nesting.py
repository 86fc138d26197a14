"""How deep documents are nested. Python's own limit differs between its releases."""

from __future__ import annotations

import json
from typing import Any

#: Levels of a document that somebody wrote: deeper ones could be parsed but not written.
_DEEPEST = 500


def read_json(text: str) -> Any:
    """Return what a text says as JSON.

    Raises:
        ValueError: It is no JSON, or is nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if is_deeper(value, _DEEPEST):
        raise ValueError("it is nested too deeply")
    return value


def is_deeper(value: Any, most: int) -> bool:
    """Say whether ``value``, as parsed, has lists and mappings on more than ``most`` levels."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(most):
        if not level:
            return False
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (dict, list))
        ]
    return bool(level)
