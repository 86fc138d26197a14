"""What pipes wire: their sources, enrichments and targets."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.pipes.state import Pipes
from emulator.services.wiring import Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    return "pipe", resource.removeprefix("pipe/")


async def wires(parts: Parts, pipes: Pipes) -> list[Wire]:
    """Return the wires of all pipes: into them, and out of them."""
    found = []
    for *_, pipe in pipes.table.all():
        fields, arn = pipe["fields"], pipe["arn"]
        is_on = fields["DesiredState"] == "RUNNING"
        filters = (fields["SourceParameters"].get("FilterCriteria") or {}).get("Filters")
        note = "filtered" if filters else ""
        found.append(Wire(source=fields["Source"], target=arn, by="pipe", note=note, is_on=is_on))
        if fields.get("Enrichment"):
            enrichment = fields["Enrichment"]
            found.append(Wire(source=arn, target=enrichment, by="enrichment", is_on=is_on))
        found.append(Wire(source=arn, target=fields["Target"], by="target", is_on=is_on))
    return found
