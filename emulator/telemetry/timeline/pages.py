"""Pages of the timeline as bytes: a line of JSON, then events and answers; compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.model.errors import StorageError
from emulator.telemetry.timeline.history import Bodies
from emulator.telemetry.timeline.records import (
    EnvironmentRecord,
    InvocationRecord,
    dump_environment,
    dump_invocation,
    load_environment,
    load_invocation,
)


@dataclass(slots=True)
class Page:
    """Records that are written together."""

    environments: list[EnvironmentRecord] = field(default_factory=list)
    invocations: list[InvocationRecord] = field(default_factory=list)
    bodies: dict[int, Bodies] = field(default_factory=dict)


def freeze(environments: Iterable[EnvironmentRecord]) -> list[dict[str, Any]]:
    """Return environments as they are now: they change while a page is packed elsewhere."""
    return [dump_environment(each) for each in environments]


def pack(
    environments: list[dict[str, Any]],
    invocations: Iterable[InvocationRecord],
    bodies: dict[int, Bodies],
) -> bytes:
    """Return records as bytes."""
    lengths = [
        [id, len(each.event), None if each.answer is None else len(each.answer)]
        for id, each in bodies.items()
    ]
    head = {
        "environments": environments,
        "invocations": [dump_invocation(each) for each in invocations],
        "bodies": lengths,
    }
    parts = [orjson.dumps(head), b"\n"]
    for each in bodies.values():
        parts += (each.event, each.answer or b"")
    return zlib.compress(b"".join(parts), 1)


def unpack(content: bytes) -> Page:
    """Return the records that :func:`pack` was given.

    Raises:
        StorageError: These bytes are no page.
    """
    try:
        head, _, rest = zlib.decompress(content).partition(b"\n")
        values = orjson.loads(head)
        page = Page(
            [load_environment(each) for each in values["environments"]],
            [load_invocation(each) for each in values["invocations"]],
        )
        at = 0
        for id, event, answer in values["bodies"]:
            middle, end = at + event, at + event + (answer or 0)
            page.bodies[id] = Bodies(rest[at:middle], None if answer is None else rest[middle:end])
            at = end
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise StorageError(f"a page of the timeline is damaged: {error}") from error
    return page
