"""Invocations as rows and lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.cli.tables import NOTHING
from emulator.cli.terminal import local_time

COLUMNS = (
    *("TIME", "FUNCTION", "STATUS", "DURATION", "BILLED", "MEMORY", "INIT", "RESTORE"),
    *("COLD", "REQUEST", "WHY"),
)
#: Of them are details: left out where no row has a value, and written below where it is narrow.
DETAILS = 5


def qualified(record: Mapping[str, Any]) -> str:
    """Return a function's name, with its version where that is not $LATEST."""
    version = record["version"]
    return str(record["function"]) + ("" if version == "$LATEST" else f":{version}")


def milliseconds(value: float | None) -> str:
    """Return a duration for people; "-" if there is none."""
    if value is None:
        return NOTHING
    return f"{value:.2f} ms" if value < 100 else f"{value:,.0f} ms"


def row(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an invocation as a row of :data:`COLUMNS`."""
    ran = record["started"] is not None
    status = record["status"]
    if record["error_type"] and status == "error":
        status += f" ({record['error_type']})"
    why = record["why"]["sentence"] if record["why"] else record["reason"]
    return (
        local_time(int(record["requested"] * 1000)),
        qualified(record),
        status,
        milliseconds(record["duration_ms"]) if ran else NOTHING,
        f"{record['billed_ms']:,.0f} ms" if ran else NOTHING,
        f"{record['used_mb']}/{record['memory_mb']} MB" if ran else NOTHING,
        milliseconds(record["init_ms"]),
        milliseconds(record["restore_ms"]),
        "cold" if record["cold"] else NOTHING,
        record["request_id"],
        why + (" (simulated)" if record["simulated_ms"] else "") or NOTHING,
    )


def line(record: Mapping[str, Any]) -> str:
    """Return an invocation as one line, without its time."""
    name = f"{qualified(record)} {record['request_id']}"
    if record["started"] is None:
        return f"{name} {record['status']}: {record['reason']}"
    parts = [
        f"{record['status']} in {milliseconds(record['duration_ms'])}",
        f"billed {record['billed_ms']:,.0f} ms",
    ]
    if record["cold"]:
        parts.append(f"cold: {record['why']['sentence']}")
    return f"{name} {', '.join(parts)}"
