"""Phases of environments and invocations, as the timeline's documents show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.telemetry.timeline.records import EnvironmentRecord, InvocationRecord, Phase

#: Phases of a start that a caller waits for; then those of a start inside an invocation.
_STARTING = frozenset({"code", "boot", "extensions", "init", "restore"})
_RESTARTING = frozenset({"reboot", "reinit"})
#: An environment that had to be thawed lets its caller wait for longer than that.
_AT_ONCE_MS = 0.05


def show(phase: Phase) -> dict[str, Any]:
    """Return a phase as JSON."""
    return {
        "name": phase.name,
        "start": phase.start,
        "end": phase.end,
        "simulated": phase.simulated,
        "detail": phase.detail,
    }


def of_invocation(
    record: InvocationRecord, environment: EnvironmentRecord | None
) -> list[dict[str, Any]]:
    """Return an invocation's own waterfall.

    Args:
        record: The invocation.
        environment: Where it ran; None if it is not known any more, or there was none.
    """
    found = [] if environment is None else list(_waited_for(record, environment))
    shown = []
    if record.queued is not None:
        end = found[0].start if found else record.started or record.ended
        detail = "for room for an environment" if record.for_room else "for a busy environment"
        shown.append(Phase("queued", record.queued, max(end, record.queued), detail))
    shown += found
    if record.started is not None:
        begins = record.started
        if environment is not None:
            inside = list(_restart(record, environment))
            shown += inside
            begins = max([begins, *(each.end for each in inside if each.end is not None)])
        if record.simulated_call_ms:
            # It is held back before its runtime has it.
            until = min(begins + record.simulated_call_ms / 1000, record.ended)
            shown.append(Phase("invoke", begins, until, simulated=True))
            begins = until
        shown.append(Phase("invoke", begins, record.ended))
    return [show(each) for each in shown]


def _waited_for(record: InvocationRecord, environment: EnvironmentRecord) -> Iterator[Phase]:
    """Yield the phases of its environment that it waited for before it started."""
    if record.cold is None and record.waited_ms < _AT_ONCE_MS:
        return
    until = record.started or record.ended
    for phase in list(environment.phases):
        end = until if phase.end is None else phase.end
        if end < record.requested or phase.start > until:
            continue
        if phase.name in _STARTING and record.cold is not None:
            start = max(phase.start, record.requested)
            yield Phase(phase.name, start, min(end, until), phase.detail, phase.simulated)
        elif phase.name == "frozen" and record.cold is None and end > record.requested:
            yield Phase("thaw", record.requested, min(end, until))


def _restart(record: InvocationRecord, environment: EnvironmentRecord) -> Iterator[Phase]:
    """Yield the phases of a start inside the invocation."""
    if record.cold is None or record.started is None:
        return
    for phase in list(environment.phases):
        if phase.name in _RESTARTING and record.started <= phase.start <= record.ended:
            end = record.ended if phase.end is None else min(phase.end, record.ended)
            yield Phase(phase.name, phase.start, end, phase.detail, phase.simulated)
