"""The part of JSONPath that mapping templates use.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

_STEP = re.compile(
    r"(?P<deep>\.\.)?\.?(?:(?P<name>[^.\[\]()'\"\s]+)|\[\s*(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\""
    r"|(?P<all>\*)|(?P<slice>-?\d*:-?\d*)|(?P<index>-?\d+)"
    r"|\?\(\s*@\.(?P<member>[\w.-]+)\s*(?:(?P<test>[=!<>]=?)\s*(?P<value>[^)]+?)\s*)?\))\s*\])"
)


class InvalidPath(ValueError):
    """A path cannot be read, or means too many values."""


#: The most values that a step of a path may lead to.
_MOST = 100_000


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[tuple[bool, str, str], ...]:
    """Return what a path does, step by step: deep or not, kind, argument."""
    text = path.strip()
    if not text.startswith("$"):
        text = f"$.{text}"
    at, found = 1, []
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or match.end() == at:
            raise InvalidPath(path)
        at = match.end()
        deep = match["deep"] is not None
        for kind in ("name", "one", "two", "slice", "index"):
            if match[kind] is not None:
                named = "name" if kind in ("one", "two") else kind
                step = "all" if match[kind] == "*" and kind == "name" else named
                found.append((deep, step, match[kind]))
        if match["all"]:
            found.append((deep, "all", ""))
        if match["member"]:
            found.append((deep, "filter", match[0]))
    return tuple(found)


def find(value: Any, path: str) -> Any:
    """Return what a path means; None where it means nothing, a list where it may mean several.

    Raises:
        InvalidPath: It is none.
    """
    steps = _steps(path)
    values = [value]
    several = False
    for deep, kind, argument in steps:
        several = several or deep or kind in ("all", "slice", "filter")
        starts = _bounded(each for one in values for each in _below(one)) if deep else values
        values = _bounded(each for one in starts for each in _step(one, kind, argument))
    if several:
        return values
    return values[0] if values else None


def _bounded(values: Iterator[Any]) -> list[Any]:
    """Return values as a list.

    Raises:
        InvalidPath: There are too many.
    """
    found = list(islice(values, _MOST + 1))
    if len(found) > _MOST:
        raise InvalidPath("it means too many values")
    return found


def _below(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _below(each)


def _step(value: Any, kind: str, argument: str) -> Iterator[Any]:
    if kind == "all":
        yield from (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
    elif kind == "name":
        if isinstance(value, dict) and argument in value:
            yield value[argument]
    elif isinstance(value, list):
        if kind == "index":
            number = int(argument)
            if -len(value) <= number < len(value):
                yield value[number]
        elif kind == "slice":
            begin, _, end = argument.partition(":")
            yield from value[int(begin) if begin else None : int(end) if end else None]
        else:
            yield from (each for each in value if _passes(each, argument))


def _passes(value: Any, text: str) -> bool:
    match = _STEP.match(text)
    if match is None:
        return False
    for name in match["member"].split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    if match["test"] is None:
        return True
    wanted = match["value"].strip("'\"")
    try:
        left, right = (
            (float(value), float(wanted)) if not isinstance(value, str) else (value, wanted)
        )
        tests = {
            "==": left == right, "!=": left != right, "<": left < right,  # type: ignore[operator]
            ">": left > right, "<=": left <= right, ">=": left >= right,  # type: ignore[operator]
        }  # fmt: skip
    except (TypeError, ValueError):
        return False
    return tests.get(match["test"], False)
