"""What functions are wired to: event source mappings, destinations, dead letters."""

from __future__ import annotations

from typing import Any

from emulator.registry.function import Function
from emulator.services.context import Parts
from emulator.services.wiring import Waiting, Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    return "function", resource.removeprefix("function:")


async def wires(parts: Parts, state: Any) -> list[Wire]:
    """Return the wires of all functions, into them and out of them."""
    found = [
        Wire(
            source=mapping["EventSourceArn"],
            target=mapping["FunctionArn"],
            by="mapping",
            note="filtered" if (mapping.get("FilterCriteria") or {}).get("Filters") else "",
            is_on=bool(mapping["Enabled"]),
            dead_letters=_on_failure(mapping),
        )
        for *_, mapping in parts.registry.mappings.all()
        if mapping.get("EventSourceArn")
    ]
    for function in parts.registry.all():
        found += _leaving(function)
    return found


def _on_failure(mapping: dict[str, Any]) -> str:
    destination = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
    return str(destination.get("Destination") or "")


def _leaving(function: Function) -> list[Wire]:
    """Return the wires out of a function: destinations of asynchronous events, dead letters."""
    arn = function.latest.function_arn
    found = []
    for config in function.attached.event_invoke.values():
        for member, note in (("OnSuccess", "on success"), ("OnFailure", "on failure")):
            target = ((config.destinations or {}).get(member) or {}).get("Destination")
            if target:
                found.append(Wire(source=arn, target=target, by="destination", note=note))
    dead = (function.latest.settings.get("DeadLetterConfig") or {}).get("TargetArn")
    if dead:
        found.append(Wire(source=arn, target=dead, by="dead letters"))
    return found


def waiting(parts: Parts, state: Any, arn: str) -> Waiting | None:
    """Return the asynchronous events of a function that wait; None: none ever did."""
    backlog = parts.asynchronous.backlog(arn)
    if backlog is None:
        return None
    return Waiting(backlog.waiting + backlog.running, backlog.retrying)
