"""Pages of the timeline as bytes: a line of JSON, then events and answers; compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.model.errors import StorageError
from emulator.telemetry.timeline.history import Bodies, Records
from emulator.telemetry.timeline.records import (
    PLAIN_LENGTH,
    EnvironmentRecord,
    InvocationRecord,
    dump_environment,
    dump_invocation,
    load_environment,
    load_invocation,
    read_plain,
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
    environments: list[dict[str, Any]], invocations: Records, bodies: Iterable[Sequence[Any]]
) -> bytes:
    """Return records as bytes.

    Args:
        environments: What :func:`freeze` returned.
        invocations: The invocations.
        bodies: (id, event, answer) of those of them that have them.
    """
    parts: list[bytes] = []
    lengths = []
    for id, event, answer in bodies:
        parts += (event, answer or b"")
        lengths.append((id, len(event), None if answer is None else len(answer)))
    head = {
        "environments": environments,
        "first_id": invocations.first_id,
        "invocations": [
            dump_invocation(each) if isinstance(each, InvocationRecord) else each
            for each in invocations.rows
        ],
        "bodies": lengths,
    }
    return zlib.compress(b"".join((orjson.dumps(head), b"\n", *parts)), 1)


def unpack(content: bytes) -> Page:
    """Return the records that :func:`pack` was given.

    Raises:
        StorageError: These bytes are no page.
    """
    try:
        head, _, rest = zlib.decompress(content).partition(b"\n")
        values = orjson.loads(head)
        page = Page([load_environment(each) for each in values["environments"]])
        environments = {each.id: each for each in page.environments}
        for id, row in enumerate(values["invocations"], values["first_id"]):
            plain = len(row) == PLAIN_LENGTH
            page.invocations.append(
                read_plain(id, tuple(row), environments) if plain else load_invocation(row)
            )
        at = 0
        for id, event, answer in values["bodies"]:
            middle, end = at + event, at + event + (answer or 0)
            page.bodies[id] = Bodies(rest[at:middle], None if answer is None else rest[middle:end])
            at = end
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise StorageError(f"a page of the timeline is damaged: {error}") from error
    return page
