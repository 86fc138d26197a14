"""What a trace comes to: times, results, annotations, and which services took part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from emulator.telemetry.traces import tree
from emulator.telemetry.traces.store import Trace

Document = dict[str, Any]


def span(segments: list[Document]) -> tuple[float, float]:
    """Return when the first segment began and the last one ended."""
    starts = [float(each["start_time"]) for each in segments] or [0.0]
    ends = [float(each.get("end_time") or each["start_time"]) for each in segments] or [0.0]
    return min(starts), max(*ends, *starts)


class Summary:
    """A trace, looked at as a whole. Its parts are worked out when they are asked for."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @cached_property
    def segments(self) -> list[Document]:
        """Its segments, with all subsegments inside them."""
        return tree.merge(self.trace.documents())

    @cached_property
    def roots(self) -> list[tree.Node]:
        """Its trees."""
        return tree.build(self.segments)

    @cached_property
    def nodes(self) -> list[tree.Node]:
        """All segments and subsegments."""
        return [node for root in self.roots for _, node in root.walk()]

    @cached_property
    def entry(self) -> tree.Node | None:
        """The segment that the trace begins with; None for a trace without one."""
        return next((each for each in self.roots if each.is_segment), None)

    @cached_property
    def duration(self) -> float:
        """Seconds from its first to its last moment."""
        start, end = span(self.segments)
        return end - start

    @cached_property
    def response_time(self) -> float:
        """Seconds that its first caller waited."""
        return self.entry.end - self.entry.start if self.entry else self.duration

    @cached_property
    def is_partial(self) -> bool:
        """Whether something in it has not ended yet."""
        return any(each.document.get("in_progress") for each in self.nodes)

    def has(self, flag: str) -> bool:
        """Say whether a segment has "error", "fault" or "throttle"."""
        return any(each.document.get(flag) is True for each in self.nodes)

    @cached_property
    def http(self) -> Document:
        """The first request that it is about, as documents have it."""
        for node in self.nodes:
            if node.is_segment and (node.document.get("http") or {}).get("request"):
                return dict(node.document["http"])
        return dict((self.entry.document.get("http") if self.entry else None) or {})

    def annotations(self) -> Iterator[tuple[str, Any, tree.Node]]:
        """Yield key, value and node of each annotation."""
        for node in self.nodes:
            for key, value in (node.document.get("annotations") or {}).items():
                if isinstance(value, str | bool | int | float):
                    yield key, value, node

    def users(self) -> Iterator[tuple[str, tree.Node]]:
        """Yield each user, and the node that names it."""
        for node in self.nodes:
            if isinstance(node.document.get("user"), str):
                yield node.document["user"], node

    def service_id(self, node: tree.Node) -> dict[str, Any]:
        """Return how the API names the service that a node's segment is of."""
        segment = node.segment
        account = str((segment.get("aws") or {}).get("account_id") or self._account)
        kind = segment.get("origin")
        named = {"Name": segment["name"], "Names": [segment["name"]], "AccountId": account}
        return named | ({"Type": kind} if isinstance(kind, str) else {})

    @property
    def _account(self) -> str:
        return next(iter(self.trace.places))[0]

    def shown(self) -> dict[str, Any]:
        """Return it as GetTraceSummaries has it."""
        start, _ = span(self.segments)
        segments = [node for node in self.nodes if node.is_segment]
        return {
            "Id": self.trace.id,
            "StartTime": start,
            "Duration": round(self.duration, 3),
            "ResponseTime": round(self.response_time, 3),
            "HasFault": self.has("fault"),
            "HasError": self.has("error"),
            "HasThrottle": self.has("throttle"),
            "IsPartial": self.is_partial,
            "Http": self._shown_http(),
            "Annotations": self._shown_annotations(),
            "Users": [
                {"UserName": user, "ServiceIds": [self.service_id(node)]}
                for user, node in self.users()
            ],
            "ServiceIds": _unique(self.service_id(node) for node in segments),
            "ResourceARNs": [
                {"ARN": arn}
                for arn in dict.fromkeys(
                    str(each.document["resource_arn"])
                    for each in segments
                    if "resource_arn" in each.document
                )
            ],
            "InstanceIds": [{"Id": each} for each in machines(self.nodes, "instance_id")],
            "AvailabilityZones": [
                {"Name": each} for each in machines(self.nodes, "availability_zone")
            ],
            "EntryPoint": self.service_id(self.entry) if self.entry else None,
            "FaultRootCauses": self._causes("fault"),
            "ErrorRootCauses": self._causes("error"),
            "ResponseTimeRootCauses": [],
            "Revision": len(self.trace.entries),
        }

    def _shown_http(self) -> dict[str, Any]:
        request, response = self.http.get("request") or {}, self.http.get("response") or {}
        found = {
            "HttpURL": request.get("url"),
            "HttpStatus": response.get("status"),
            "HttpMethod": request.get("method"),
            "UserAgent": request.get("user_agent"),
            "ClientIp": request.get("client_ip"),
        }
        status = found["HttpStatus"]
        if type(status) is not int:
            found["HttpStatus"] = None
        return {
            name: value if name == "HttpStatus" else str(value)
            for name, value in found.items()
            if value is not None
        }

    def _shown_annotations(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for key, value, node in self.annotations():
            if isinstance(value, bool):
                shown: dict[str, Any] = {"BooleanValue": value}
            elif isinstance(value, str):
                shown = {"StringValue": value}
            else:
                shown = {"NumberValue": float(value)}
            listed = found.setdefault(key, [])
            service = self.service_id(node)
            same = next((each for each in listed if each["AnnotationValue"] == shown), None)
            if same is None:
                listed.append({"AnnotationValue": shown, "ServiceIds": [service]})
            elif service not in same["ServiceIds"]:
                same["ServiceIds"].append(service)
        return found

    def _causes(self, flag: str) -> list[dict[str, Any]]:
        """Return the deepest nodes that failed, each with the way that leads there."""
        found = []
        for node in self.nodes:
            failed = node.document.get(flag) is True
            if not failed or any(each.document.get(flag) is True for each in node.children):
                continue
            way = [node]
            while way[-1].parent is not None:
                way.append(way[-1].parent)
            found.append(
                {"Services": self._way(way[::-1]), "ClientImpacting": way[-1] is self.entry}
            )
        return found

    def _way(self, way: list[tree.Node]) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = []
        for node in way:
            if not services or node.is_segment:
                inferred = node.segment.get("inferred") is True
                services.append({**self.service_id(node), "EntityPath": [], "Inferred": inferred})
            remote = node.document.get("namespace") in ("aws", "remote")
            entity = {"Name": node.document["name"], "Exceptions": _exceptions(node.document)}
            services[-1]["EntityPath"].append(entity | {"Remote": remote})
        return services


def machines(nodes: Iterable[tree.Node], name: str) -> list[str]:
    """Return what documents say of the machines that they are from."""
    found = [(each.document.get("aws") or {}).get("ec2") for each in nodes]
    values = [each.get(name) for each in found if isinstance(each, dict)]
    return list(dict.fromkeys(each for each in values if isinstance(each, str)))


def _exceptions(document: Document) -> list[dict[str, Any]]:
    cause = document.get("cause")
    listed = cause.get("exceptions") if isinstance(cause, dict) else None
    return [
        {"Name": str(each.get("type") or ""), "Message": str(each.get("message") or "")}
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    ]


def _unique(every: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in every:
        if each not in found:
            found.append(each)
    return found
