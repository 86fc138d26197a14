"""What is wired to what: which resources send events to which, and what waits on the way.

A service tells of its own in ``wires.py``: ``wires(parts, state)``, ``title(resource)`` (what the
end of an ARN is called, and its name) and, where events wait, ``waiting(parts, state, arn)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from emulator.services.context import Parts
    from emulator.services.service import Service
    from emulator.services.spec import OptionalModule


_RESOURCE = re.compile(r"(?P<kind>[A-Za-z-]+)(?P<mark>[/:])(?P<rest>.+)", re.DOTALL)


class Services(Protocol):
    """All services; :class:`emulator.services.table.Table` has them."""

    @property
    def services(self) -> Sequence[Service]:
        """All of them, in order."""
        ...

    def having(self, module: OptionalModule, arn_name: str) -> Service | None:
        """Return the service of an ARN, if its folder has a module."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Events of one resource that go to another."""

    #: ARNs, or a URL.
    source: str
    target: str
    #: "subscription", "rule", "schedule", "pipe", "mapping", "destination", "notification",
    #: "dead letters".
    by: str
    #: The rule's name, say.
    name: str = ""
    #: Which events, or when.
    note: str = ""
    #: Off: nothing is sent.
    is_on: bool = True
    #: Deliveries on their way that have not failed yet, and that have.
    waiting: int = 0
    retrying: int = 0
    #: Where goes what can't be delivered; "" for nowhere.
    dead_letters: str = ""


class Waiting(NamedTuple):
    """What waits at a resource, and what there was tried before and waits to be tried again."""

    waiting: int
    retrying: int


async def flow(parts: Parts, table: Services, account: str | None = None) -> dict[str, Any]:
    """Return all wires and what they connect, as the admin API shows it.

    Args:
        parts: The emulator's.
        table: The services.
        account: Only the wires of this account.
    """
    wires: list[Wire] = []
    for service in table.services:
        # What was never opened has no wires.
        if "wires" in service.spec.modules and service.is_open:
            wires += await service.module("wires").wires(parts, service.state)
    shown = [
        each for each in wires if account in (None, _account(each.source), _account(each.target))
    ]
    arns = sorted({arn for each in shown for arn in (each.source, each.target)})
    dead = {each.target for each in shown if each.by == "dead letters"}
    dead |= {each.dead_letters for each in shown if each.dead_letters}
    nodes = [await _node(parts, table, arn, is_dead=arn in dead) for arn in arns]
    return {
        "nodes": nodes,
        "wires": sorted((asdict(each) for each in shown), key=_order),
        "waiting": sum(each["waiting"] for each in nodes) + sum(each.waiting for each in shown),
        "retrying": sum(each["retrying"] for each in nodes) + sum(each.retrying for each in shown),
        "dead": sum(each["dead"] for each in nodes),
    }


def _order(wire: Mapping[str, Any]) -> tuple[str, str, str]:
    return wire["source"], wire["by"], wire["target"]


def _account(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""


def title_of(service: str, resource: str) -> tuple[str, str]:
    """Return what a resource is called whose service does not say it, and its name.

    Args:
        service: Its name in ARNs.
        resource: The end of the ARN: "stateMachine:orders", "table/orders/stream/2026-…".
    """
    match = _RESOURCE.match(resource)
    if match is None:
        return service, resource
    name = match["rest"].split("/")[0] if match["mark"] == "/" else match["rest"]
    words = re.sub("([a-z])([A-Z])", r"\1 \2", match["kind"]).replace("-", " ").lower()
    return words, name.removesuffix(":*")


async def _node(parts: Parts, table: Services, arn: str, *, is_dead: bool) -> dict[str, Any]:
    found = Waiting(0, 0)
    fields = arn.split(":", 5)
    if len(fields) < 6:
        kind, name = "endpoint", arn
    else:
        kind, name = title_of(fields[2], fields[5])
        service = table.having("wires", fields[2])
        if service is not None:
            module = service.module("wires")
            kind, name = module.title(fields[5])
            if service.is_open and hasattr(module, "waiting"):
                found = module.waiting(parts, service.state, arn) or found
    return {
        "arn": arn,
        "kind": kind,
        "name": name,
        "waiting": 0 if is_dead else found.waiting,
        "retrying": found.retrying,
        "dead": found.waiting if is_dead else 0,
    }


def tree(flow: Mapping[str, Any]) -> list[str]:
    """Return a flow as lines of text: from where events begin to where they end."""
    nodes = {each["arn"]: each for each in flow["nodes"]}
    leaving: dict[str, list[Mapping[str, Any]]] = {}
    for wire in flow["wires"]:
        leaving.setdefault(wire["source"], []).append(wire)
    targets = {each["target"] for each in flow["wires"]}
    roots = [arn for arn in leaving if arn not in targets]
    lines: list[str] = []
    drawn: set[str] = set()
    for root in roots:
        lines += _branch(root, nodes, leaving, drawn)
    # Circles have no beginning: any of their members is one.
    for arn in leaving:
        if arn not in drawn:
            lines += _branch(arn, nodes, leaving, drawn)
    return lines


def _branch(
    arn: str,
    nodes: Mapping[str, Mapping[str, Any]],
    leaving: Mapping[str, list[Mapping[str, Any]]],
    drawn: set[str],
) -> list[str]:
    lines = [_label(nodes[arn])]
    # (wire, what stands before its line, whether it is the last of its source)
    drawn.add(arn)
    stack = _children(leaving.get(arn, ()), "")
    while stack:
        wire, before, is_last = stack.pop()
        target = wire["target"]
        again = target in drawn and target in leaving
        line = f"{before}{'└─' if is_last else '├─'} {_way(wire)} → {_label(nodes[target])}"
        lines.append(line + (" (see above)" if again else ""))
        if not again:
            drawn.add(target)
            deeper = before + ("   " if is_last else "│  ")
            stack += _children(leaving.get(target, ()), deeper)
    return lines


def _children(
    wires: Iterable[Mapping[str, Any]], before: str
) -> list[tuple[Mapping[str, Any], str, bool]]:
    found = list(wires)
    return [(each, before, each is found[-1]) for each in reversed(found)]


def _label(node: Mapping[str, Any]) -> str:
    counts = [f"{node[name]:,} {name}" for name in ("waiting", "retrying", "dead") if node[name]]
    return f"{node['kind']} {node['name']}" + (f" [{', '.join(counts)}]" if counts else "")


def _way(wire: Mapping[str, Any]) -> str:
    said = " ".join(each for each in (wire["by"], wire["name"]) if each)
    if wire["note"]:
        said += f" ({wire['note']})"
    if not wire["is_on"]:
        said += ", off"
    counts = [f"{wire[name]:,} {name}" for name in ("waiting", "retrying") if wire[name]]
    return said + (f" [{', '.join(counts)}]" if counts else "")
