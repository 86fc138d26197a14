"""Changes by patch operations: one engine, and a table of fields for each kind of resource.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from emulator.model.errors import AwsError
from emulator.services.apigateway.documents import Document, drop, put
from emulator.services.apigateway.errors import bad_request, not_found

#: Reads the value of an operation.
Read = Callable[[str | None, str], Any]


def text(value: str | None, path: str) -> Any:
    """A text; an empty one is none."""
    return value or None


def boolean(value: str | None, path: str) -> bool:
    """True or false; no value is false (recorded)."""
    return (value or "").lower() == "true"


def number(value: str | None, path: str) -> int | None:
    """A whole number; nothing is none."""
    if not value:
        return None
    try:
        return int(value or "")
    except ValueError:
        raise bad_request(f"Invalid patch value {value} specified for {path}") from None


def decimal(value: str | None, path: str) -> float | None:
    """A number; nothing is none."""
    if not value:
        return None
    try:
        return float(value or "")
    except ValueError:
        raise bad_request(f"Invalid patch value {value} specified for {path}") from None


def matching(pattern: str) -> Read:
    """Return what reads a text of a pattern; nothing is none."""

    def read(value: str | None, path: str) -> str | None:
        if value and not re.fullmatch(pattern, value):
            raise bad_request(f"Invalid patch value {value} specified for {path}")
        return value or None

    return read


def one_of(*choices: str) -> Read:
    """Return what reads one of some words; nothing is none."""
    return matching("|".join(map(re.escape, choices)))


#: Which TLS an API or a domain name takes.
SECURITY_POLICY = matching(r"TLS_1_[02]|SecurityPolicy_\w+")


class Field(NamedTuple):
    """What of a resource can be changed.

    ``/{name}`` at the end of a path stands for the keys of a map or the elements of a list.
    """

    path: str
    operations: str = "replace"
    read: Read = text
    #: A list: its elements stand in the path, or are the value.
    is_list: bool = False
    #: Says that a key of a map is not there.
    missing: str = "Invalid parameter name specified"

    @property
    def keys(self) -> list[str]:
        """Where it is in the resource's document."""
        return [each for each in self.path.split("/") if each and not each.startswith("{")]

    @property
    def is_map(self) -> bool:
        """Whether its path ends with a key or an element."""
        return self.path.endswith("}")

    def match(self, path: str) -> str | None:
        """Return the key that a path names ("" for none); None if it means another field."""
        if not self.is_map:
            return "" if path == self.path else None
        base = self.path.rpartition("/")[0]
        if self.is_list and path == base:
            return ""
        if not path.startswith(base + "/") or path == base + "/":
            return None
        return unescaped(path[len(base) + 1 :])


def unescaped(part: str) -> str:
    """Return a part of a JSON pointer: "~1" is a slash."""
    return part.replace("~1", "/").replace("~0", "~")


def apply(
    document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]], fields: Sequence[Field]
) -> Document:
    """Return a resource after patch operations.

    Args:
        document: The resource.
        operations: As the caller has sent them.
        fields: What can be changed.

    Raises:
        AwsError: One of them is not for this resource, or its value is none.
    """
    changed = dict(document)
    for each in operations or ():
        operation, path = each.get("op") or "", each.get("path") or ""
        field, key = find(operation, path, fields)
        changed = _change(changed, field, key, operation, path, each.get("value"))
    return changed


def find(operation: str, path: str, fields: Iterable[Field]) -> tuple[Field, str]:
    """Return the field that an operation changes, and the key its path names.

    Raises:
        AwsError: There is none.
    """
    for field in fields:
        key = field.match(path)
        if key is not None and operation in field.operations.split():
            return field, key
    raise unsupported(
        operation, path, [f.path for f in fields if operation in f.operations.split()]
    )


def unsupported(operation: str, path: str, paths: Sequence[str]) -> AwsError:
    """Return the error for an operation on what it can't change."""
    choice = f"Must be one of: [{', '.join(paths)}]"
    hint = choice if paths else "Please choose supported operations"
    return bad_request(f"Invalid patch path  '{path}' specified for op '{operation}'. {hint}")


def _change(
    document: Document, field: Field, key: str, operation: str, path: str, value: str | None
) -> Document:
    if field.is_list:
        return _change_list(document, field, key, operation, value)
    keys = [*field.keys, key] if field.is_map else field.keys
    if operation == "remove":
        return _removed(document, keys, field)
    new = field.read(value, path)
    if field.is_map and new is None:
        new = ""
    return _without_empty(drop(document, keys) if new is None else put(document, keys, new), keys)


def _removed(document: Document, keys: list[str], field: Field) -> Document:
    if field.is_map:
        held: Any = document
        for key in keys[:-1]:
            held = held.get(key) or {}
        if keys[-1] not in held:
            raise not_found(field.missing)
    return _without_empty(drop(document, keys), keys)


def _without_empty(document: Document, keys: list[str]) -> Document:
    """An empty map is none: answers don't have it."""
    if len(keys) > 1 and document.get(keys[0]) == {}:
        return drop(document, keys[:1])
    return document


def _change_list(
    document: Document, field: Field, key: str, operation: str, value: str | None
) -> Document:
    held: Any = document
    for name in field.keys:
        held = held.get(name) or {}
    items = list(held or [])
    # An index means the element there.
    named = items[int(key)] if re.fullmatch(r"\d+", key) and int(key) < len(items) else key
    element = unescaped(named or value or "")
    if operation == "remove":
        items = [each for each in items if each != element]
    elif operation == "replace" and unescaped(named) in items:
        # What is put in the place of another comes last.
        items = [each for each in items if each != unescaped(named)] + [value or ""]
    elif operation == "replace" and not key:
        items = [value] if value else []
    elif element not in items:
        items.append(element)
    return put(document, field.keys, items)
