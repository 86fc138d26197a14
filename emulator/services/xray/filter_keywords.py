"""The keywords and operators of filter expressions.

https://docs.aws.amazon.com/xray/latest/devguide/aws-xray-interface-console.html#xray-console-filters
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from emulator.services.xray.summaries import Summary, machines
from emulator.telemetry.traces import tree

#: Says whether a trace, or a node of one, is meant.
Test = Callable[[Summary, "tree.Node | None"], bool]
#: The values that a keyword has in a trace, or in one of its nodes.
Values = Callable[[Summary, "tree.Node | None"], Iterable[Any]]


def _marked(flag: str) -> Test:
    def test(summary: Summary, node: tree.Node | None) -> bool:
        return summary.has(flag) if node is None else node.document.get(flag) is True

    return test


def _ok(summary: Summary, node: tree.Node | None) -> bool:
    if node is not None:
        return tree.status(node.document) == "ok"
    return not any(summary.has(flag) for flag in ("error", "fault", "throttle"))


#: Keywords that are true or false.
FLAGS: dict[str, Test] = {
    "ok": _ok,
    "error": _marked("error"),
    "throttle": _marked("throttle"),
    "fault": _marked("fault"),
    "partial": lambda summary, node: summary.is_partial,
    "inferred": lambda summary, node: any(
        each.document.get("inferred") is True for each in nodes_of(summary, node)
    ),
    "remote": lambda summary, node: any(
        each.document.get("namespace") == "remote" for each in nodes_of(summary, node)
    ),
    "first": lambda summary, node: node is None or node is summary.entry,
    "root": lambda summary, node: node is None or node.parent is None,
    "last": lambda summary, node: node is None or not node.children,
}


def nodes_of(summary: Summary, node: tree.Node | None) -> list[tree.Node]:
    """Return the nodes that a keyword looks at."""
    return summary.nodes if node is None else [node]


def annotation(key: str) -> Values:
    """Return the values of an annotation."""

    def values(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
        return (
            value
            for name, value, of in summary.annotations()
            if name == key and (node is None or of.segment is node.segment)
        )

    return values


def _response_time(summary: Summary, node: tree.Node | None) -> Iterator[float]:
    yield summary.response_time if node is None else node.end - node.start


def _http(part: str, name: str) -> Values:
    def values(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
        for each in nodes_of(summary, node):
            found = ((each.document.get("http") or {}).get(part) or {}).get(name)
            if found is not None:
                yield found

    return values


def _member(name: str) -> Values:
    def values(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
        for each in nodes_of(summary, node):
            if each.document.get(name) is not None:
                yield each.document[name]

    return values


def _messages(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
    for each in nodes_of(summary, node):
        cause = each.document.get("cause")
        listed = cause.get("exceptions") if isinstance(cause, dict) else None
        for exception in listed if isinstance(listed, list) else ():
            if isinstance(exception, dict):
                yield exception.get("message")


def _kinds(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
    return (tree.kind(each) for each in nodes_of(summary, node))


def _machines(name: str) -> Values:
    return lambda summary, node: machines(nodes_of(summary, node), name)


def _resource_ids(summary: Summary, node: tree.Node | None) -> Iterator[Any]:
    for each in nodes_of(summary, node):
        listed = (each.document.get("aws") or {}).get("resource_names")
        yield from listed if isinstance(listed, list) else ()


#: Keywords with values.
VALUES: dict[str, Values] = {
    "responsetime": _response_time,
    "duration": lambda summary, node: [summary.duration if node is None else node.end - node.start],
    "http.status": _http("response", "status"),
    "http.url": _http("request", "url"),
    "http.method": _http("request", "method"),
    "http.useragent": _http("request", "user_agent"),
    "http.clientip": _http("request", "client_ip"),
    "user": lambda summary, node: [
        user for user, of in summary.users() if node is None or of.segment is node.segment
    ],
    "name": _member("name"),
    "type": _kinds,
    "instance.id": _machines("instance_id"),
    "availabilityzone": _machines("availability_zone"),
    "resource.arn": _member("resource_arn"),
    "resource.id": _resource_ids,
    "message": _messages,
}


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    return bool(value == wanted)


def _less(value: Any, wanted: Any) -> bool:
    return _comparable(value, wanted) and value < wanted


def _more(value: Any, wanted: Any) -> bool:
    return _comparable(value, wanted) and value > wanted


def _comparable(value: Any, wanted: Any) -> bool:
    return isinstance(value, int | float) and isinstance(wanted, float)


def _texts(
    compare: Callable[[str, str], bool],
) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: (
        isinstance(value, str) and isinstance(wanted, str) and compare(value, wanted)
    )


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _equal,
    "!=": lambda value, wanted: not _equal(value, wanted),
    "<": _less,
    ">": _more,
    "<=": lambda value, wanted: not _more(value, wanted) and _comparable(value, wanted),
    ">=": lambda value, wanted: not _less(value, wanted) and _comparable(value, wanted),
    "CONTAINS": _texts(lambda value, wanted: wanted in value),
    "BEGINSWITH": _texts(str.startswith),
    "ENDSWITH": _texts(str.endswith),
}
