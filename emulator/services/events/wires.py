"""What buses are wired to: the targets of their rules."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.events.state import Events
from emulator.services.wiring import Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    kind, _, name = resource.partition("/")
    return {"event-bus": "bus"}.get(kind, kind.replace("-", " ")), name


async def wires(parts: Parts, events: Events) -> list[Wire]:
    """Return the wires of all rules: from the bus, or from the rule itself if it has a schedule."""
    lanes = await events.outbox.by_lane()
    found = []
    for rule in events.all_rules():
        bus = rule.bus
        schedule = rule.body.get("schedule") or ""
        bus_arn = f"arn:aws:events:{bus.region}:{bus.account}:event-bus/{bus.name}"
        for target in rule.body["targets"]:
            waiting, retrying = lanes.get(f"{rule.arn} {target['Id']}", (0, 0))
            found.append(
                Wire(
                    source=rule.arn if schedule else bus_arn,
                    target=target["Arn"],
                    by="schedule" if schedule else "rule",
                    name="" if schedule else rule.body["name"],
                    note=schedule,
                    is_on=rule.body["state"] != "DISABLED",
                    waiting=waiting,
                    retrying=retrying,
                    dead_letters=(target.get("DeadLetterConfig") or {}).get("Arn") or "",
                )
            )
    return found
