"""Documents that share what has not changed: a change copies only the path to it.

So a deployment's snapshot costs nothing, and what the disk did not take was never shown.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = dict[str, Any]

_ALPHABET = string.ascii_lowercase + string.digits
_KEY_ALPHABET = string.ascii_letters + string.digits


def put(document: Mapping[str, Any], keys: Sequence[str], value: Any) -> Document:
    """Return a document with ``value`` at the path ``keys``; what lies between is made."""
    first, *rest = keys
    inner = put(document.get(first) or {}, rest, value) if rest else value
    return {**document, first: inner}


def drop(document: Mapping[str, Any], keys: Sequence[str]) -> Document:
    """Return a document without what is at the path ``keys``."""
    first, *rest = keys
    if first not in document:
        return dict(document)
    if rest:
        return {**document, first: drop(document[first], rest)}
    return {key: value for key, value in document.items() if key != first}


def pick(request: Mapping[str, Any], names: Iterable[str]) -> Document:
    """Return the members of a request that have a value; empty maps are none."""
    return {
        name: request[name]
        for name in names
        if request.get(name) is not None and request[name] != {}
    }


def new_id(length: int = 6) -> str:
    """Return an identifier as API Gateway makes them; it guards nothing."""
    return "".join(random.choices(_ALPHABET, k=length))


def new_key(length: int = 40) -> str:
    """Return the value of an API key."""
    return "".join(random.SystemRandom().choices(_KEY_ALPHABET, k=length))
