"""What a filter pattern takes out of messages that match: values of fields and of JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from emulator.services.logs.fields import compile_names
from emulator.services.logs.pattern import read_path, select

#: Values by what the pattern calls them: "$.latency", "$size".
Extract = Callable[[str], dict[str, str]]

_PATH = re.compile(r"\$(?:\.[\w-]+|\[(?:\d+|'[^']*')\])+")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|%[^%]*%")


def compile_extract(pattern: str) -> Extract:
    """Return what takes a pattern's values out of a message; the pattern has to be one."""
    text = pattern.strip()
    if text.startswith("["):
        return compile_names(text)
    if not text.startswith("{"):
        return lambda message: {}
    paths = {path: read_path(path) for path in _PATH.findall(_QUOTED.sub("", text))}

    def extract(message: str) -> dict[str, str]:
        value = _parsed(message)
        found = {path: shown(select(value, steps)) for path, steps in paths.items()}
        return {path: text for path, text in found.items() if text is not None}

    return extract


def compile_value(selector: str, pattern: str) -> Callable[[str], str | None]:
    """Return what finds the value of a selector ("$.latency", "$size") in a message."""
    if pattern.strip().startswith("["):
        extract = compile_names(pattern.strip())
        return lambda message: extract(message).get(selector)
    steps = read_path(selector)
    return lambda message: shown(select(_parsed(message), steps))


def _parsed(message: str) -> Any:
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError:
        return None


def shown(value: Any) -> str | None:
    """Return a value as text; None for what is none: lists, objects, null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}" if isinstance(value, (int, float)) else None
