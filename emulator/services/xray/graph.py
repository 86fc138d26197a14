"""The services that took part in traces, and which of them called which.

As on AWS, the function and Lambda itself are two services, the one who calls the first of them is a
"client", and what a subsegment has called without a segment of its own stands there, too.
"""

from __future__ import annotations

from typing import Any

from emulator.services.xray.statistics import Tally
from emulator.telemetry.traces import tree

#: Name and type of a service.
_Key = tuple[str, str]


class _Service:
    def __init__(self, number: int, key: _Key) -> None:
        self.number, self.key = number, key
        self.tally = Tally()
        self.edges: dict[_Key, Tally] = {}
        self.is_root = False
        self.account = ""


def services(traces: list[list[tree.Node]]) -> list[dict[str, Any]]:
    """Return the services of traces, as the API has them.

    Args:
        traces: The trees of each.
    """
    found: dict[_Key, _Service] = {}

    def service(key: _Key) -> _Service:
        if key not in found:
            found[key] = _Service(len(found), key)
        return found[key]

    for roots in traces:
        for root in roots:
            for _, node in root.walk():
                _count(node, service)
    return [_shown(each, found) for each in found.values()]


def _count(node: tree.Node, service: Any) -> None:
    key = _key(node)
    if key is None:
        return
    called: _Service = service(key)
    called.tally.add(node)
    account = (node.document.get("aws") or {}).get("account_id")
    called.account = called.account or str(account or "")
    caller = node.parent
    while caller is not None and not caller.is_segment:
        caller = caller.parent
    if caller is not None:
        by = _key(caller)
    else:
        called.is_root = True
        by = (node.document["name"], "client")
    if by is not None and by != key:
        calling: _Service = service(by)
        if by[1] == "client":
            calling.tally.start = min(calling.tally.start, node.start)
            calling.tally.end = max(calling.tally.end, node.end)
            calling.is_root, called.is_root = True, False
        calling.edges.setdefault(key, Tally()).add(node)


def _key(node: tree.Node) -> _Key | None:
    """Return the service of a node; None for what is a part of another one."""
    if node.is_segment:
        return node.document["name"], tree.kind(node)
    if node.document.get("namespace") not in ("aws", "remote"):
        return None
    if any(each.is_segment for each in node.children):
        return None  # who was called has told of it
    names = (node.document.get("aws") or {}).get("table_name")
    return str(names or node.document["name"]), tree.kind(node)


def _shown(service: _Service, every: dict[_Key, _Service]) -> dict[str, Any]:
    name, kind = service.key
    tally = service.tally
    shown: dict[str, Any] = {
        "ReferenceId": service.number,
        "Name": name,
        "Names": [name],
        "Root": service.is_root or None,
        "AccountId": service.account or None,
        "Type": kind or None,
        "State": "unknown" if kind in ("client", "remote") else "active",
        "StartTime": tally.start,
        "EndTime": tally.end,
        "Edges": [_edge(every[key], edge) for key, edge in service.edges.items()],
    }
    if kind != "client":
        shown["SummaryStatistics"] = tally.shown()
        shown["DurationHistogram"] = shown["ResponseTimeHistogram"] = tally.histogram()
    return {key: value for key, value in shown.items() if value is not None}


def _edge(called: _Service, edge: Tally) -> dict[str, Any]:
    return {
        "ReferenceId": called.number,
        "StartTime": edge.start,
        "EndTime": edge.end,
        "SummaryStatistics": edge.shown(),
        "ResponseTimeHistogram": edge.histogram(),
        "Aliases": [],
    }
