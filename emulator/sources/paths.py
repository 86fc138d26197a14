"""JSON paths of event services: names, array indices and wildcards.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

#: What a path finds where there is nothing.
MISSING = object()
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"]+) | \[(?P<index>\d+)\] | \[(?P<star>\*)\]
    | \['(?P<quoted>[^']*)'\] | \["(?P<double>[^"]*)"\]""",
    re.VERBOSE,
)
#: A step that takes all there is.
_ALL = None


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[str | int | None, ...] | None:
    """Return the steps of a path; None: it is no path."""
    if not path.startswith("$"):
        return None
    found: list[str | int | None] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        name = match["name"] or match["quoted"] or match["double"]
        if match["index"] is not None:
            found.append(int(match["index"]))
        else:
            found.append(_ALL if match["star"] or name == "*" else name or "")
        at = match.end()
    return tuple(found)


def find(path: str, document: Any) -> Any:
    """Return what a path finds in a document: a list behind a wildcard, ``MISSING`` for nothing."""
    steps = steps_of(path)
    if steps is None:
        return MISSING
    found = [document]
    for step in steps:
        found = [value for each in found for value in _step(each, step)]
    if _ALL in steps:
        return found
    return found[0] if found else MISSING


def _step(value: Any, step: str | int | None) -> list[Any]:
    if step is _ALL:
        if isinstance(value, list):
            return value
        return list(value.values()) if isinstance(value, dict) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []
