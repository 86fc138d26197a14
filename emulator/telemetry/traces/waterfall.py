"""Traces for people: a list of them, and one as rows in time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from emulator.telemetry.traces import tree
from emulator.telemetry.traces.store import Trace, TraceStore

#: Rows of one trace; what is left out is counted.
MOST_ROWS = 2000
#: The worst comes last.
_STATUSES = ("ok", "error", "throttle", "fault")


def rows(trace: Trace) -> list[dict[str, Any]]:
    """Return the segments and subsegments of a trace, each below what called it.

    Times are milliseconds since the trace's first moment.
    """
    roots = tree.build(tree.merge(trace.documents()))
    nodes = [each for root in roots for each in root.walk()]
    if not nodes:
        return []
    start = min(node.start for _, node in nodes)
    found = []
    for depth, node in nodes[:MOST_ROWS]:
        document = node.document
        aws = document.get("aws") or {}
        found.append(
            {
                "id": document["id"],
                "parent_id": node.parent.document["id"] if node.parent else None,
                "depth": depth,
                "name": document["name"],
                "kind": tree.kind(node),
                "is_segment": node.is_segment,
                "start_ms": round((node.start - start) * 1000, 3),
                "duration_ms": round((node.end - node.start) * 1000, 3),
                "in_progress": bool(document.get("in_progress")),
                "status": tree.status(document),
                "detail": _detail(node),
                "request_id": str(aws.get("request_id") or "") or None,
                "annotations": {
                    key: value
                    for key, value in (document.get("annotations") or {}).items()
                    if isinstance(value, str | bool | int | float)
                },
            }
        )
    return found


def _detail(node: tree.Node) -> str:
    """Return what a row says beside its name: an operation and its resource, a URL, an error."""
    document = node.document
    parts: list[str] = []
    aws, http = document.get("aws") or {}, document.get("http") or {}
    if aws.get("operation"):
        parts.append(str(aws["operation"]))
    names = aws.get("resource_names")
    if isinstance(names, list) and names and str(names[0]) != document["name"]:
        parts.append(str(names[0]).rpartition("/")[2].rpartition(":")[2])
    request, response = http.get("request") or {}, http.get("response") or {}
    if request.get("method"):
        parts.append(f"{request['method']} {request.get('url') or ''}".strip())
    if request and response.get("status"):
        parts.append(str(response["status"]))
    cause = document.get("cause")
    exceptions = cause.get("exceptions") if isinstance(cause, dict) else None
    for each in exceptions if isinstance(exceptions, list) else ():
        if isinstance(each, dict):
            parts.append(": ".join(str(each[key]) for key in ("type", "message") if each.get(key)))
            break
    return " ".join(parts)


def summary(trace: Trace) -> dict[str, Any]:
    """Return what a list says of a trace."""
    segments = tree.merge(trace.documents())
    roots = tree.build(segments)
    nodes = [node for root in roots for _, node in root.walk()]
    start = min((node.start for node in nodes), default=0.0)
    end = max((node.end for node in nodes), default=start)
    worst = max((tree.status(node.document) for node in nodes), key=_STATUSES.index, default="ok")
    entry = next((root for root in roots if root.is_segment), roots[0] if roots else None)
    linked = {
        str(each["trace_id"])
        for node in nodes
        for each in node.document.get("links") or ()
        if isinstance(each, dict) and each.get("trace_id") not in (None, trace.id)
    }
    return {
        "id": trace.id,
        "start": start,
        "duration_ms": round((end - start) * 1000, 3),
        "status": worst,
        "name": entry.document["name"] if entry else "",
        "kind": tree.kind(entry) if entry else "",
        "services": list(dict.fromkeys(node.document["name"] for node in nodes if node.is_segment)),
        "segments": len(segments),
        "spans": len(nodes),
        "linked": sorted(linked),
    }


def listed(
    store: TraceStore, *, limit: int, function: str | None = None, account: str | None = None
) -> list[dict[str, Any]]:
    """Return the latest traces, newest first.

    Args:
        store: All there are.
        limit: How many.
        function: Only those in which a function or another service of this name took part.
        account: Only those of an account.
    """
    chosen: Iterable[Trace] = store.newest_first()
    if account is not None:
        chosen = (each for each in chosen if any(place[0] == account for place in each.places))
    summaries = (summary(each) for each in chosen)
    if function is not None:
        summaries = (each for each in summaries if function in each["services"])
    return list(islice(summaries, limit))


def find(store: TraceStore, named: str) -> Trace | None:
    """Return a trace by its id, by the end of its id, or by the request id of one of its calls."""
    found = store.find(named)
    if found is not None or len(named) < 6:
        return found
    for trace in store.newest_first():
        if trace.id.endswith(named) or trace.has_request(named):
            return trace
    return None
