"""Drift: how a resource differs from what its template says, by what its service tells of it.

Only what a template says is compared, and of that what the service tells in the same form: what
cannot be compared is left out, rather than said to differ.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from emulator.stack import schemas

#: Properties that services tell in forms of their own, or together with what a stack adds.
_APART = ("Tags",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A property that is other than its template says."""

    #: "/Environment/Variables/STAGE".
    path: str
    expected: Any
    #: None where there is none.
    actual: Any

    @property
    def kind(self) -> str:
        """Return REMOVE or NOT_EQUAL."""
        return "REMOVE" if self.actual is None else "NOT_EQUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What could be compared of a resource."""

    expected: Mapping[str, Any]
    actual: Mapping[str, Any]
    differences: tuple[Difference, ...]


class _Incomparable(Exception):
    """A service tells a property in another form than templates have."""


def compare(kind: str, properties: Mapping[str, Any], told: Mapping[str, Any]) -> Comparison:
    """Compare a resource's properties with what its service tells of it.

    Args:
        kind: The resource's type.
        properties: As the template has them, worked out.
        told: The members of the service's answer; their names match in any case.
    """
    members = {name.lower(): value for name, value in told.items()}
    schema = schemas.find(kind)
    properties = _told(properties, schema.write_only if schema is not None else ())
    expected: dict[str, Any] = {}
    actual: dict[str, Any] = {}
    found: list[Difference] = []
    for name in sorted(properties.keys() - set(_APART)):
        if name.lower() not in members:
            continue
        wanted = properties[name]
        differences: list[Difference] = []
        try:
            seen = _seen(wanted, members[name.lower()], f"/{name}", differences)
        except _Incomparable:
            continue
        expected[name] = wanted
        if seen is not None:
            actual[name] = seen
        found += differences
    return Comparison(expected=expected, actual=actual, differences=tuple(found))


def _told(properties: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Return properties without those that no service tells, wherever they are."""
    found = {}
    for name, value in properties.items():
        inner = [each.partition(".")[2] for each in hidden if each.partition(".")[0] == name]
        if "" in inner:
            continue
        found[name] = _told(value, inner) if inner and isinstance(value, Mapping) else value
    return found


def _seen(wanted: Any, told: Any, path: str, found: list[Difference]) -> Any:
    """Return what a service tells in the form of what is wanted; note where the two differ.

    Raises:
        _Incomparable: It has another form.
    """
    if told is None or wanted is None:
        if wanted is not None:
            found.append(Difference(path=path, expected=wanted, actual=None))
        return told
    if isinstance(wanted, (Mapping, list)) and isinstance(told, str):
        told = _parsed(told)
    if isinstance(wanted, Mapping):
        return _seen_members(wanted, told, path, found)
    if isinstance(wanted, list):
        return _seen_items(wanted, told, path, found)
    if isinstance(told, (Mapping, list)):
        raise _Incomparable
    if _text(wanted) == _text(told) or _is_moment(wanted, told):
        return wanted
    found.append(Difference(path=path, expected=wanted, actual=told))
    return told


def _seen_members(
    wanted: Mapping[str, Any], told: Any, path: str, found: list[Difference]
) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        raise _Incomparable
    members = {str(name).lower(): value for name, value in told.items()}
    shown = {}
    for name, value in wanted.items():
        seen = _seen(value, members.get(str(name).lower()), f"{path}/{name}", found)
        if seen is not None:
            shown[name] = seen
    return shown


def _seen_items(wanted: list[Any], told: Any, path: str, found: list[Difference]) -> list[Any]:
    if not isinstance(told, list):
        raise _Incomparable
    if len(wanted) != len(told):
        if wanted and told and isinstance(wanted[0], Mapping) != isinstance(told[0], Mapping):
            raise _Incomparable
        found.append(Difference(path=path, expected=wanted, actual=told))
        return told
    inside: list[Difference] = []
    # Services keep no order of what has none: in the order of the texts both are the same.
    pairs = zip(sorted(wanted, key=_order), sorted(told, key=_order), strict=True)
    shown = [_seen(one, other, f"{path}/{at}", inside) for at, (one, other) in enumerate(pairs)]
    if not inside:
        return wanted
    found += inside
    return shown


def _order(value: Any) -> str:
    if isinstance(value, Mapping):
        value = {str(name).lower(): item for name, item in value.items()}
    return json.dumps(value, sort_keys=True, default=str).lower()


def _parsed(text: str) -> Any:
    """Return what JSON says: policies are texts, percent-encoded by some services."""
    try:
        return json.loads(unquote(text) if text.startswith("%7B") else text)
    except ValueError:
        raise _Incomparable from None


def _is_moment(wanted: Any, told: Any) -> bool:
    """Say whether a date is the moment that a service tells in seconds."""
    if not isinstance(wanted, str) or isinstance(told, bool) or not isinstance(told, (int, float)):
        return False
    with suppress(ValueError):
        date = datetime.fromisoformat(wanted)
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp() == told
    return False


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text.lower() if text in ("True", "False") else text
