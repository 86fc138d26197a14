"""Invocations that wait or run now, as the timeline's documents show them."""

from __future__ import annotations

from typing import Any

from emulator.edge.admin.timeline.documents import version_of, why
from emulator.pool.environment import Environment
from emulator.pool.in_flight import InFlight
from emulator.services.context import Parts
from emulator.telemetry.timeline.recorder import WaitingInvocation
from emulator.telemetry.timeline.records import VersionInfo, version_info
from emulator.telemetry.timeline.timeline import Timeline

_UNKNOWN = (
    "id ended duration_ms billed_ms restore_ms simulated_ms total_ms used_mb answer_bytes cost_usd"
).split()


def running(parts: Parts, timeline: Timeline) -> list[dict[str, Any]]:
    """Return all invocations that wait or run, oldest first."""
    found = [_waiting(each) for each in timeline.recorder.waiting.values()]
    in_flight: set[str] = set()
    for environment in parts.pools.environments.values():
        for each in environment.running:
            in_flight.add(each.request_id)
            found.append(_running(parts, environment, each))
    # An invocation that has just stopped waiting and runs now is in both lists.
    found = [
        each for each in found if each["status"] == "running" or each["request_id"] not in in_flight
    ]
    return sorted(found, key=lambda each: each["requested"])


def _waiting(waiting: WaitingInvocation) -> dict[str, Any]:
    return {
        **_open(waiting.version, waiting.request_id),
        "environment": waiting.environment_id or None,
        "requested": waiting.at,
        "started": None,
        "status": "starting" if waiting.environment_id else "queued",
        "tenant_id": waiting.tenant_id,
    }


def _running(parts: Parts, environment: Environment, in_flight: InFlight) -> dict[str, Any]:
    now, monotonic = parts.clock.now(), parts.clock.monotonic()
    invocation = in_flight.invocation
    started = now - (monotonic - in_flight.started_s)
    requested = now - (monotonic - (invocation.requested_s or in_flight.started_s))
    return {
        **_open(version_info(in_flight.version), in_flight.request_id),
        "environment": environment.id,
        "requested": requested,
        "started": started,
        "status": "running",
        "cold": in_flight.cold is not None,
        "why": why(in_flight.cold),
        "init_ms": environment.init_ms if in_flight.cold is not None else None,
        "waited_ms": (started - requested) * 1000,
        "event_bytes": len(invocation.payload),
        "tenant_id": invocation.tenant_id,
    }


def _open(version: VersionInfo, request_id: str) -> dict[str, Any]:
    return dict.fromkeys(_UNKNOWN) | {
        **version_of(version),
        "request_id": request_id,
        "cold": True,
        "why": None,
        "error_type": "",
        "reason": "",
        "init_ms": None,
        "waited_ms": None,
        "memory_mb": version.memory_mb,
        "event_bytes": None,
        "initialization_type": None,
        "phases": [],
    }
