"""What a function imports in its INIT phase, and how long that takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

#: The variable that asks our runtimes to measure. They take it out before the function can see it.
TRACE_IMPORTS = "LOCALFAAS_TRACE_IMPORTS"
#: What a runtime may tell, bytes.
LARGEST = 256 * 1024
#: Imports kept of it, and characters of a module's name.
_MOST, _LONGEST = 200, 200


class Import(NamedTuple):
    """One module that was loaded."""

    module: str
    #: The place in the list of the import that it is nested in; None for none.
    parent: int | None
    #: Since the runtime began to load the function.
    start_ms: float
    #: With all that it imports itself.
    total_ms: float
    #: Without.
    self_ms: float


class Imports(NamedTuple):
    """The imports of one INIT phase, in the order in which they began."""

    #: What loading the function took, all in all.
    total_ms: float
    imports: tuple[Import, ...]

    def dearest(self, count: int) -> list[Import]:
        """Return the imports that take the longest themselves."""
        return sorted(self.imports, key=lambda each: -each.self_ms)[:count]

    def depth(self, each: Import) -> int:
        """Return how many imports ``each`` is nested in."""
        depth, parent = 0, each.parent
        while parent is not None:
            depth, parent = depth + 1, self.imports[parent].parent
        return depth


def read(body: bytes) -> Imports | None:
    """Return what a runtime tells, or None where it is nothing that can be used.

    Args:
        body: JSON. A function can write it as well as its runtime, so nothing in it is believed.
    """
    if len(body) > LARGEST:
        return None
    try:
        told = orjson.loads(body)
        found: list[Import] = []
        for each in told["imports"][:_MOST]:
            parent = each["parent"]
            if parent is not None and not (type(parent) is int and 0 <= parent < len(found)):
                return None
            found.append(
                Import(
                    str(each["module"])[:_LONGEST],
                    parent,
                    _duration(each["start_ms"]),
                    _duration(each["total_ms"]),
                    _duration(each["self_ms"]),
                )
            )
        return Imports(_duration(told["total_ms"]), tuple(found))
    except (KeyError, TypeError, ValueError):
        return None


def _duration(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e9:
        raise ValueError("no duration")
    return float(value)
