"""What ``ps --watch`` shows: environments and the last invocations, as they change."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.cli import invocation_rows
from emulator.cli.invocation_rows import milliseconds, qualified
from emulator.cli.tables import NOTHING, Row, layout
from emulator.cli.terminal import age, local_time, make_safe

_COLUMNS = ("ENVIRONMENT", "FUNCTION", "STATE", "AGE", "CALLS", "INIT", "STARTED BECAUSE")
#: Invocations below the environments.
_LAST = 10


class Watched:
    """Environments and invocations, from the timeline's documents (docs/timeline.md)."""

    def __init__(self) -> None:
        self._environments: dict[str, dict[str, Any]] = {}
        self._last: deque[Mapping[str, Any]] = deque(maxlen=_LAST)
        self._running: Sequence[Mapping[str, Any]] = ()
        self._seen = 0
        self._calls = self._cold = 0

    def start(self, document: Mapping[str, Any]) -> None:
        """Begin with what there is."""
        self._environments.clear()
        self._last.clear()
        self._seen = 0
        self._note_environments(document)
        self._last.extend(document["invocations"])
        self._seen = max((each["id"] for each in self._last), default=0)

    def merge(self, document: Mapping[str, Any]) -> list[str]:
        """Take in what has changed, and return it as lines, oldest first."""
        lines = self._note_environments(document)
        for each in document["invocations"]:
            if each["id"] <= self._seen:
                continue
            self._seen = each["id"]
            self._last.append(each)
            self._calls += 1
            self._cold += each["cold"]
            lines.append((each["ended"], invocation_rows.line(each)))
        return [f"{local_time(int(at * 1000))} {make_safe(line)}" for at, line in sorted(lines)]

    def _note_environments(self, document: Mapping[str, Any]) -> list[tuple[float, str]]:
        self._running = document["running"]
        lines: list[tuple[float, str]] = []
        for each in document["environments"]:
            before = self._environments.get(each["id"])
            lines += _changes(before, each)
            if each["state"] == "stopped":
                self._environments.pop(each["id"], None)
            else:
                self._environments[each["id"]] = each
        return lines

    def screen(self, now: float, width: int, height: int) -> list[str]:
        """Return the lines of a screen."""
        busy = {each["environment"] for each in self._running if each["started"] is not None}
        waiting = sum(each["started"] is None for each in self._running)
        count = len(self._environments)
        head = [
            local_time(int(now * 1000))[:8],
            f"{count} environment{'s' * (count != 1)}, {len(busy)} busy",
            f"{self._calls:,} calls since this began, {self._cold:,} cold",
        ]
        if waiting:
            head.insert(2, f"{waiting} waiting")
        rows: list[Row] = [
            (
                each["id"][:12],
                qualified(each),
                "busy" if each["id"] in busy else each["state"].replace("busy", "idle"),
                age(max(0.0, now - each["requested"])),
                str(each["invokes"]),
                milliseconds(each["restore_ms"] or each["init_ms"]),
                each["why"]["sentence"],
            )
            for each in self._environments.values()
        ]
        lines = [" · ".join(head), ""]
        lines += layout(_COLUMNS, rows, width, details=1) if rows else ["no environments"]
        if self._last:
            rows = [_without_request(invocation_rows.row(each)) for each in reversed(self._last)]
            columns = _without_request(invocation_rows.COLUMNS)
            lines += ["", *layout(columns, rows, width, details=invocation_rows.DETAILS - 1)]
        if len(lines) > height:
            lines = [*lines[: height - 1], f"… {len(lines) - height + 1} more lines"]
        return lines


def _without_request(row: Row) -> tuple[str, ...]:
    """Return a row of invocations without the request id, which takes half a line."""
    return (*row[:-2], row[-1])


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[tuple[float, str]]:
    name = f"{qualified(after)} {after['id'][:12]}"
    lines = []
    if before is None:
        lines.append((after["requested"], f"{name} starts: {after['why']['sentence']}"))
    old = "starting" if before is None else before["state"]
    state = after["state"].replace("busy", "idle")
    if state == old.replace("busy", "idle"):
        return lines
    last = after["phases"][-1] if after["phases"] else None
    at = after["requested"] if last is None else last["end"] or last["start"]
    if state == "stopped":
        cause, reason = after["ended_cause"] or NOTHING, after["ended_reason"] or ""
        why = reason if cause in reason else f"{cause}, {reason}" if reason else cause
        lines.append((after["ended"] or at, f"{name} ended: {why}"))
    elif state == "idle" and old == "starting":
        took = milliseconds(after["restore_ms"] or after["init_ms"])
        word = "restored" if after["restore_ms"] is not None else "INIT"
        lines.append((at, f"{name} is ready: {word} {took}"))
    elif state == "reset":
        lines.append((at, f"{name} reset: {last['detail'] if last else NOTHING}"))
    elif state != "stopping":
        lines.append((at, f"{name} {state}"))
    return lines
