"""What AWS publishes of each resource type: identifiers, and which properties can change.

``schemas.json.gz`` is an extract of CloudFormation's public registry schemas, made by
``python -m tests.tools.extract_schemas``. It is read at the first template.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One resource type. Names of nested properties are paths with dots."""

    #: What ``Ref`` is, for most types.
    primary: tuple[str, ...]
    #: What ``Fn::GetAtt`` knows.
    read_only: frozenset[str]
    #: What can be set only where the resource is made: a change replaces it.
    create_only: frozenset[str]
    #: As ``create_only``, but only for some changes.
    perhaps_create_only: frozenset[str]
    #: What no service tells: secrets, and what matters only where the resource is made.
    write_only: frozenset[str]
    required: tuple[str, ...]
    #: Whether its resources get CloudFormation's own tags.
    has_system_tags: bool
    #: All properties of the first level.
    properties: frozenset[str]


@lru_cache(maxsize=128)
def find(kind: str) -> Schema | None:
    """Return the schema of a resource type such as ``AWS::SQS::Queue``; None: AWS has none."""
    text = _text()
    begin = text.find(b'"%b":{' % kind.encode())
    if begin < 0 or '"' in kind:
        return None
    begin = text.index(b"{", begin)
    # A type is one object of lists of words, none of which has a brace.
    found: Mapping[str, list[str]] = orjson.loads(text[begin : text.index(b"}", begin) + 1])
    return Schema(
        primary=tuple(found.get("p", ())),
        read_only=frozenset(found.get("r", ())),
        create_only=frozenset(found.get("c", ())),
        perhaps_create_only=frozenset(found.get("m", ())),
        write_only=frozenset(found.get("w", ())),
        required=tuple(found.get("q", ())),
        has_system_tags="s" in found,
        properties=frozenset(found.get("a", ())),
    )


def kinds() -> list[str]:
    """Return the names of all resource types that AWS publishes."""
    return sorted(name.decode() for name in re.findall(rb'"([^"]+)":\{', _text()))


@cache
def _text() -> bytes:
    """Return the extract. Of its types a template needs a few: parsed, all take 4 MB."""
    return gzip.decompress(Path(__file__).with_name("schemas.json.gz").read_bytes())
