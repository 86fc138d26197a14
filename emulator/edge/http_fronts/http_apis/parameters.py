"""Parameter mappings: headers, query and path of a request, headers and status of a response. Pure.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

_VARIABLE = re.compile(
    r"\$\{?((?:request|response|context|stageVariables)(?:\.[A-Za-z0-9_\-\[\]]+)+)\}?"
)
#: Characters that stay as they are in paths.
SAFE = "/%:@!$&'()*+,;=~"
#: What HTTP takes for the status of an answer.
_STATUS = re.compile(r"[2-5]\d\d", re.ASCII)
#: Characters that no header may have.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_INDEX = re.compile(r"\[(\d+)\]")
#: Returns what a variable means, by its name without "$"; None if it means nothing.
Values = Callable[[str], "str | None"]


class _Step(NamedTuple):
    """One change: what to do with which header or parameter, and the text it gets."""

    action: str
    place: str
    name: str
    text: str


class Changed(NamedTuple):
    """What a request to an integration has."""

    headers: list[tuple[str, str]]
    query: str
    raw_path: str


class RequestMapping:
    """Changes requests on their way to an integration.

    Args:
        given: By what is changed: "append:header.name", "overwrite:path", ….
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._steps = [_step(key, text) for key, text in given.items()]

    def apply(
        self, headers: list[tuple[str, str]], query: str, raw_path: str, values: Values
    ) -> Changed:
        """Return a request's headers, query and path as they are changed."""
        parameters = parse_qsl(query, keep_blank_values=True)
        changed_query = False
        for step in self._steps:
            text = fill(step.text, values)
            if step.place == "header":
                headers = _changed(headers, step, text)
            elif step.place == "querystring":
                parameters = _changed(parameters, step, text)
                changed_query = True
            elif step.place == "path" and text is not None:
                raw_path = quote(f"/{text.removeprefix('/')}", safe=SAFE)
        return Changed(headers, urlencode(parameters) if changed_query else query, raw_path)


class ResponseMapping:
    """Changes responses of one status on their way to the client."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._steps = [_step(key, text) for key, text in given.items()]

    def apply(
        self, status: int, headers: list[tuple[bytes, bytes]], values: Values
    ) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return a response's status and headers as they are changed."""
        texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        for step in self._steps:
            text = fill(step.text, values)
            if step.place == "header":
                texts = _changed(texts, step, text)
            elif step.place == "statuscode" and text is not None and _STATUS.fullmatch(text):
                status = int(text)
        return status, [(n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in texts]


def response_mappings(given: Mapping[str, Any]) -> dict[str, ResponseMapping]:
    """Return the changes of responses, by status."""
    return {status: ResponseMapping(steps) for status, steps in given.items()}


def fill(text: str, values: Values) -> str | None:
    """Return a text with its variables replaced; None where it is one that means nothing."""
    whole = _VARIABLE.fullmatch(text)
    if whole is not None:
        return values(whole[1])
    return _VARIABLE.sub(lambda match: values(match[1]) or "", text)


def _step(key: str, text: str) -> _Step:
    action, _, target = key.partition(":")
    place, _, name = target.partition(".")
    return _Step(action, place, name.lower() if place == "header" else name, text)


def _changed(pairs: list[tuple[str, str]], step: _Step, text: str | None) -> list[tuple[str, str]]:
    """Return headers or parameters after a step."""
    if text is not None and step.place == "header":
        text = _CONTROL.sub(" ", text).strip()
    others = [pair for pair in pairs if pair[0] != step.name]
    if step.action == "remove":
        return others
    if text is None:
        return pairs
    if step.action == "overwrite":
        return [*others, (step.name, text)]
    return [*pairs, (step.name, text)]


def in_document(body: bytes, path: list[str]) -> str | None:
    """Return what stands at a path of a JSON document, as text; None if nothing does.

    Args:
        body: The document.
        path: Names, which may end with ``[0]``.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for part in path:
        name = part.partition("[")[0]
        if name:
            found = found.get(name) if isinstance(found, dict) else None
        for index in _INDEX.findall(part):
            at = int(index)
            found = found[at] if isinstance(found, list) and at < len(found) else None
    if found is None:
        return None
    return found if isinstance(found, str) else json.dumps(found, separators=(",", ":"))
