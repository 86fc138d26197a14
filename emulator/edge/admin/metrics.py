"""Figures for Prometheus, in its text format or OpenMetrics'."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

import emulator
from emulator.edge.admin.views import PREFIX
from emulator.services.context import Parts
from emulator.telemetry.prometheus import exposition
from emulator.telemetry.prometheus.counts import MOST_FUNCTIONS, OTHERS, Counts
from emulator.telemetry.prometheus.exposition import Family, Labels

_STARTED = time.time()


def add(app: FastAPI, parts: Parts) -> None:
    """Add the route."""
    counts: list[Counts] = []

    @app.get(f"{PREFIX}/metrics", summary="Figures for Prometheus")
    async def metrics(request: Request) -> PlainTextResponse:
        """Return what functions, environments and the emulator itself come to.

        Counting begins with the first request: what the timeline knows of before is counted then.
        """
        if not counts:
            timeline = parts.timeline
            before = () if timeline is None else timeline.history.snapshot()
            counts.append(Counts(parts.lifecycle, before))
        families = [*counts[0].families(), *_environments(parts), *_process(parts)]
        is_open_metrics = "application/openmetrics-text" in request.headers.get("accept", "")
        text = exposition.write(families, is_open_metrics=is_open_metrics)
        kind = exposition.OPEN_METRICS if is_open_metrics else exposition.TEXT
        return PlainTextResponse(text, headers={"content-type": kind})


def _environments(parts: Parts) -> list[Family]:
    """Return what the pools have now."""
    states: Counter[tuple[str, str]] = Counter()
    busy = 0
    for environment in parts.pools.environments.values():
        name = environment.version.name
        known = len({function for function, _ in states}) < MOST_FUNCTIONS
        states[name if known else OTHERS, environment.state.value] += 1
        busy += environment.in_flight
    samples: list[tuple[Labels, float]] = [
        ({"function": name, "state": state}, float(count))
        for (name, state), count in sorted(states.items())
    ]
    return [
        Family("localfaas_environments", "gauge", "Environments, by their state.", samples),
        Family(
            "localfaas_concurrent_invocations", "gauge", "Calls that run now.", [({}, float(busy))]
        ),
        Family(
            "localfaas_functions",
            "gauge",
            "Functions that there are.",
            [({}, float(len(parts.registry.all())))],
        ),
    ]


def _process(parts: Parts) -> list[Family]:
    """Return what the emulator's own process takes."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    labels = {"version": emulator.__version__, "driver": parts.driver.name}
    families = [
        Family("localfaas_build_info", "gauge", "Version and driver.", [(labels, 1.0)]),
        Family(
            "process_cpu_seconds",
            "counter",
            "CPU time of the emulator's process.",
            [({}, usage.ru_utime + usage.ru_stime)],
        ),
        Family(
            "process_start_time_seconds",
            "gauge",
            "When this was first loaded, seconds since the epoch.",
            [({}, _STARTED)],
        ),
    ]
    memory = _resident_bytes(usage)
    families.append(
        Family(
            "process_resident_memory_bytes",
            "gauge",
            "Memory of the emulator's process.",
            [({}, float(memory))],
        )
    )
    return families


def _resident_bytes(usage: resource.struct_rusage) -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        # The most there was: what other systems say without a library. KB but on macOS.
        return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
