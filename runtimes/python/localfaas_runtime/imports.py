"""Measures the imports of INIT, as ``python -X importtime`` does; only where it is asked for."""

from __future__ import annotations

import json
import sys
import threading
import time

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Imports that are told of: the most expensive ones, with all that they are nested in.
_MOST = 200
#: Imports that take less are left out, milliseconds.
_LEAST_MS = 0.1


class Tracer:
    """Times every import of the main thread between :meth:`begin` and :meth:`end`."""

    def __init__(self) -> None:
        # The interpreter itself looks this function up for every module it has not loaded yet.
        self._machinery: Any = sys.modules["_frozen_importlib"]
        self._find: Callable[..., Any] = self._machinery._find_and_load
        self._thread = threading.get_ident()
        #: Each import: name, place of what it is nested in, start, total, time of those in it.
        self._imports: list[list[Any]] = []
        self._open: list[int] = []

    def begin(self) -> None:
        self._began = time.perf_counter()
        self._machinery._find_and_load = self._timed

    def _timed(self, name: str, import_: Any) -> Any:
        if name in sys.modules or threading.get_ident() != self._thread:
            return self._find(name, import_)
        place = len(self._imports)
        parent = self._open[-1] if self._open else None
        start = time.perf_counter()
        self._imports.append([name, parent, start, 0.0, 0.0])
        self._open.append(place)
        try:
            return self._find(name, import_)
        finally:
            self._open.pop()
            total = time.perf_counter() - start
            self._imports[place][3] = total
            if parent is not None:
                self._imports[parent][4] += total

    def end(self) -> bytes:
        """Measure no more; returns what was measured, as JSON."""
        total = time.perf_counter() - self._began
        self._machinery._find_and_load = self._find
        dearest = sorted(
            (place for place, each in enumerate(self._imports) if each[3] * 1000 >= _LEAST_MS),
            key=lambda place: -self._imports[place][3],
        )
        # What an import is nested in takes at least as long, so that it is among them, too.
        kept = sorted(dearest[:_MOST])
        places = {place: at for at, place in enumerate(kept)}
        told = []
        for place in kept:
            name, parent, start, took, inside = self._imports[place]
            told.append(
                {
                    "module": name,
                    "parent": None if parent is None else places[parent],
                    "start_ms": round((start - self._began) * 1000, 3),
                    "total_ms": round(took * 1000, 3),
                    "self_ms": round((took - inside) * 1000, 3),
                }
            )
        return json.dumps({"total_ms": round(total * 1000, 3), "imports": told}).encode()
