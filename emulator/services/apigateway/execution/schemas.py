"""Bodies, held against the schemas of models (JSON Schema, draft 4)."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any


def violations(schema: str, body: bytes) -> list[str]:
    """Return what of a body does not fit a schema, without bounds on the time it takes.

    Args:
        schema: As JSON.
        body: As it was sent; an empty one is an object.
    """
    try:
        value = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return ["Invalid JSON"]
    try:
        return [_sentence(each) for each in _validator(schema).iter_errors(value)]
    except (RecursionError, re.error):
        return ["nested too deeply"]


def _sentence(error: Any) -> str:
    """Return a violation as the validator of AWS words the usual ones."""
    if error.validator == "required":
        missing = [each for each in error.validator_value if each not in error.instance]
        return f"object has missing required properties ({json.dumps(missing)})"
    return str(error.message)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    # With the first body that is checked.
    from jsonschema import Draft4Validator
    from referencing import Registry
    from referencing.exceptions import NoSuchResource

    def nothing(uri: str) -> Any:
        # A schema of somebody's is never fetched.
        raise NoSuchResource(uri)

    registry: Any = Registry(retrieve=nothing)  # type: ignore[call-arg]
    return Draft4Validator(json.loads(schema), registry=registry)
