"""Inputs of enrichments and targets: what a template makes of an event. Pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from emulator.sources.paths import MISSING, find, steps_of

_PLACEHOLDER = re.compile(r"<(\$[^<>]*|aws\.pipes\.[a-z.-]+)>")
#: Members of records that hold JSON in a text, whose inside paths may name.
_TEXTS = ("body", "data")


class TemplateError(ValueError):
    """A template makes no JSON of an event."""


def looked_into(event: Any) -> Any:
    """Return an event as paths see it: with JSON that stands in a text as what it says."""
    if not isinstance(event, Mapping):
        return event
    return {**event, **{name: _inside(event[name], name) for name in _TEXTS if name in event}}


def _inside(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        text = b64decode(value, validate=True) if name == "data" else value.encode()
        found = orjson.loads(text)
    except (ValueError, Base64Error):
        return value
    return found if isinstance(found, (dict, list)) else value


def resolved(value: Any, event: Any) -> Any:
    """Return a parameter of a target: what its path finds in an event, or itself."""
    if isinstance(value, str) and value.startswith("$") and steps_of(value):
        found = find(value, looked_into(event))
        return None if found is MISSING else found
    return value


def applied(template: str | None, event: Any, known: Mapping[str, Any]) -> Any:
    """Return what a template makes of an event; without one, the event.

    Args:
        template: JSON with placeholders, or a text with such.
        event: A record, or what the enrichment made of it.
        known: What ``<aws.pipes.…>`` stand for.

    Raises:
        TemplateError: It makes no JSON, though it looks like some.
    """
    if not template:
        return event
    seen = looked_into(event)
    made, at, is_quoted = [], 0, False
    for match in _PLACEHOLDER.finditer(template):
        before = template[at : match.start()]
        is_quoted ^= _quotes(before) % 2 == 1
        made += [before, _written(_value(match[1], event, seen, known), is_quoted)]
        at = match.end()
    text = "".join([*made, template[at:]])
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if text.lstrip().startswith(("{", "[", '"')):
            raise TemplateError(f"the template makes no JSON of this event: {error}") from error
        return text


@lru_cache(maxsize=512)
def _quotes(text: str) -> int:
    return len(re.sub(r"\\.", "", text).split('"')) - 1


def _value(name: str, event: Any, seen: Any, known: Mapping[str, Any]) -> Any:
    if name.startswith("$"):
        return find(name, seen)
    if name in ("aws.pipes.event", "aws.pipes.event.json"):
        return event
    return known.get(name, MISSING)


def _written(value: Any, is_quoted: bool) -> str:
    """Return a value as it stands in a template's place."""
    if value is MISSING:
        return "" if is_quoted else '""'
    text = orjson.dumps(value).decode()
    if not is_quoted:
        return text
    return text[1:-1] if isinstance(value, str) else orjson.dumps(text).decode()[1:-1]


def is_template(text: str) -> bool:
    """Say whether every path of a template is one."""
    return all(
        not name.startswith("$") or steps_of(name) is not None
        for name in _PLACEHOLDER.findall(text)
    )
