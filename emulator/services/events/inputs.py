"""What a target is handed: the event, a part of it, a constant, or what a template makes of it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from emulator.services.events.envelope import Event
from emulator.services.events.errors import invalid
from emulator.sources.paths import MISSING, find, steps_of

_PREDEFINED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event",
        "aws.events.event.json",
        "aws.events.event.ingestion-time",
    }
)
_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
_MOST_PATHS = 100


class InputError(ValueError):
    """The template makes no JSON of this event."""


def payload(target: Mapping[str, Any], event: Event, rule_name: str, rule_arn: str) -> bytes:
    """Return what a target is handed for an event.

    Raises:
        InputError: Its template makes no JSON of this event.
    """
    if target.get("Input") is not None:
        return bytes(target["Input"].encode())
    path, transformer = target.get("InputPath"), target.get("InputTransformer")
    if path is not None:
        found = find(path, event.document)
        return orjson.dumps(None if found is MISSING else found)
    if transformer is None:
        return event.text
    return _transformed(transformer, event, rule_name, rule_arn)


# -- templates ------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A text of a template, or a placeholder in it."""

    text: str
    is_placeholder: bool
    #: Within a text in quotes.
    is_quoted: bool


def _parts(template: str) -> Iterator[_Part]:
    is_quoted, at = False, 0
    for match in _PLACEHOLDER.finditer(template):
        before = template[at : match.start()]
        is_quoted ^= _quotes(before) % 2 == 1
        yield _Part(before, False, is_quoted)
        yield _Part(match[1], True, is_quoted)
        at = match.end()
    yield _Part(template[at:], False, False)


def _quotes(text: str) -> int:
    """Return how many quotes that are not escaped a text has."""
    return len(re.sub(r"\\.", "", text).split('"')) - 1


@lru_cache(maxsize=512)
def _compiled(template: str) -> tuple[_Part, ...]:
    return tuple(_parts(template))


def _transformed(
    transformer: Mapping[str, Any], event: Event, rule_name: str, rule_arn: str
) -> bytes:
    template: str = transformer["InputTemplate"]
    is_text = not template.lstrip().startswith(("{", "["))
    found = {
        name: find(path, event.document)
        for name, path in (transformer.get("InputPathsMap") or {}).items()
    }
    found |= {"aws.events.rule-arn": rule_arn, "aws.events.rule-name": rule_name}
    moment = datetime.fromtimestamp(event.received, UTC)
    found["aws.events.event.ingestion-time"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    made = "".join(
        _written(_value(part.text, found, event), part.is_quoted, is_text)
        if part.is_placeholder
        else part.text
        for part in _compiled(template)
    )
    if not is_text:
        try:
            return orjson.dumps(orjson.loads(made))
        except orjson.JSONDecodeError as error:
            raise InputError(f"the template makes no JSON of this event: {error}") from error
    return made.encode()


def _value(name: str, found: Mapping[str, Any], event: Event) -> Any:
    if name == "aws.events.event":
        return {key: value for key, value in event.document.items() if key != "detail"}
    if name == "aws.events.event.json":
        return event.document
    return found.get(name, MISSING)


def _written(value: Any, is_quoted: bool, is_text: bool) -> str:
    """Return a value as it stands in a template's place.

    Args:
        value: It.
        is_quoted: The place is within quotes.
        is_text: The template is a text, whose quotes no value must end.
    """
    if value is MISSING:
        return "" if is_quoted else '""'
    text = orjson.dumps(value).decode()
    if not is_quoted:
        return text
    if isinstance(value, str):
        return text[1:-1]
    return text.replace('"', "") if is_text else text


# -- checking -------------------------------------------------------------------------------------


def check(target: Mapping[str, Any]) -> None:
    """Check how a target wants its input.

    Raises:
        AwsError: ValidationException.
    """
    id, text, path = target["Id"], target.get("Input"), target.get("InputPath")
    if text is not None:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise invalid(f"JSON syntax error in input for target {id}.") from error
    if path is not None and steps_of(path) is None:
        raise invalid(f"Invalid InputPath for target {id}.")
    transformer = target.get("InputTransformer")
    if transformer is not None:
        _check_transformer(id, transformer)


def _check_transformer(id: str, transformer: Mapping[str, Any]) -> None:
    paths, template = transformer.get("InputPathsMap") or {}, transformer["InputTemplate"]
    if len(paths) > _MOST_PATHS:
        raise invalid(f"InputPathsMap for target {id} has more than {_MOST_PATHS} entries.")
    for name, path in paths.items():
        if name.lower().startswith("aws"):
            raise invalid(f"InputPathsMap for target {id} contains the reserved key {name}.")
        if steps_of(path) is None:
            raise invalid(f"Invalid InputPathsMap for target {id}: {path} is no path.")
    for name in _PLACEHOLDER.findall(template):
        if name not in paths and name not in _PREDEFINED:
            raise invalid(f"InputTemplate for target {id} contains invalid placeholder {name}.")
    _check_template(id, template)


def _check_template(id: str, template: str) -> None:
    """Check that a template makes JSON, or lines of texts in quotes, of simple values."""
    sample = "".join(
        ("1" if part.is_quoted else "null") if part.is_placeholder else part.text
        for part in _compiled(template)
    )
    is_text = not sample.lstrip().startswith(("{", "["))
    for line in sample.splitlines() if is_text else [sample]:
        try:
            if line.strip():
                orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise invalid(
                f'Invalid InputTemplate for target {id} : [Source: (String)"{sample}"; '
                f"line: {error.lineno}, column: {error.colno}]."
            ) from error
