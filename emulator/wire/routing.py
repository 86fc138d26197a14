"""REST routes: method, path, query parameters and headers → operation and path labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.model import Operation, ServiceModel

#: How many requests' routes are remembered.
_REMEMBERED = 256
_LONGEST_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Route:
    operation: Operation
    labels: tuple[str, ...]
    #: Query parameters with a fixed value, e.g. ``List=ALL``.
    fixed: frozenset[str]
    #: Names of the query parameters and headers that the operation requires. They tell apart
    #: operations that share method, path and fixed parameters: a copy in S3 is a put with a
    #: header more.
    parameters: frozenset[str]
    headers: frozenset[str]

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The rank: routes with a smaller one are tried first."""
        needed = len(self.parameters) + len(self.headers)
        return -len(self.fixed), -needed, self.operation.deprecated


@dataclass(slots=True)
class _Node:
    segments: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: _Node | None = None
    #: Per method, the routes by rank.
    routes: dict[str, list[_Route]] = field(default_factory=dict)


#: An operation and the labels of its path.
_Meaning = tuple[Operation, Mapping[str, str]]
#: The operations that a request may mean, each with the headers that it requires.
_Found = list[tuple[frozenset[str], _Meaning]]


class Router:
    """A trie over path segments. A literal segment wins over a label."""

    def __init__(self, model: ServiceModel) -> None:
        self._root = _Node()
        self._unknown = model.deviations.unknown_route
        #: Most requests are like one before.
        self._find = lru_cache(_REMEMBERED)(self._find_routes)
        for operation in model.operations.values():
            self._add(model, operation)

    def _add(self, model: ServiceModel, operation: Operation) -> None:
        path, _, query = operation.uri.partition("?")
        node, labels = self._root, []
        for segment in path.strip("/").split("/"):
            if not segment.startswith("{"):
                node = node.segments.setdefault(segment, _Node())
                continue
            name = segment.strip("{}")
            if name.endswith("+"):
                node.greedy = node = node.greedy or _Node()
            else:
                node.label = node = node.label or _Node()
            labels.append(name.rstrip("+"))
        fixed = frozenset(query.split("&")) if query else frozenset()
        parameters = _required(model, operation, "querystring")
        headers = frozenset(name.lower() for name in _required(model, operation, "header"))
        routes = node.routes.setdefault(operation.method, [])
        routes.append(_Route(operation, tuple(labels), fixed, parameters, headers))
        routes.sort(key=lambda route: route.rank)

    def match(self, method: str, raw_path: str, query: str, headers: Mapping[str, str]) -> _Meaning:
        """Find the operation and the labels of its path.

        Args:
            method: The HTTP method, in capitals.
            raw_path: The path as it came, still percent-encoded: an encoded slash belongs to
                its label (ARNs).
            query: The raw query string.
            headers: By names in lower case.

        Raises:
            AwsError: ``UnknownOperationException`` (404): no such route;
                ``SerializationException`` (400): a label is not UTF-8.
        """
        # Long requests are not remembered: they may have any length.
        short = len(raw_path) + len(query) <= _LONGEST_REMEMBERED
        find = self._find if short else self._find_routes
        found = find(method, raw_path, query)
        if len(found) == 1:
            return found[0][1]
        for needed, meaning in found:
            if needed.issubset(headers):
                return meaning
        # No operation has all that it requires: the least demanding one says what is missing.
        return min(found, key=lambda each: len(each[0]))[1]

    def _find_routes(self, method: str, raw_path: str, query: str) -> _Found:
        """Find the operations that a request may mean, whatever its headers."""
        segments = raw_path.lstrip("/").split("/")
        node, labels = self._root, list[str]()
        for index, segment in enumerate(segments):
            following = node.segments.get(segment)
            if following is None:
                last = index == len(segments) - 1
                if last and index and not segment and method in node.routes:
                    break  # older SDKs end some paths with a slash, and AWS accepts both
                if node.label is not None and segment:
                    following = node.label
                    labels.append(segment)
                elif node.greedy is not None:
                    node = node.greedy
                    # A greedy label may be followed by one segment: {arn+}/policy.
                    suffix = node.segments.get(segments[-1]) if not last else None
                    labels.append("/".join(segments[index : -1 if suffix else None]))
                    node = suffix or node
                    break
                else:
                    raise self._no_route(method, raw_path)
            node = following
        parameters = query.split("&") if query else []
        given = {parameter.partition("=")[0] for parameter in parameters}
        routes = [
            route
            for route in node.routes.get(method, ())
            # "?acl" may come as "?acl=", too.
            if all(each in parameters or f"{each}=" in parameters for each in route.fixed)
        ]
        if not routes:
            raise self._no_route(method, raw_path)
        routes = [route for route in routes if len(route.fixed) == len(routes[0].fixed)]
        named = [route for route in routes if f"x-id={route.operation.name}" in parameters]
        complete = [route for route in routes if route.parameters.issubset(given)]
        texts = [_decode(label) for label in labels]
        return [
            (route.headers, (route.operation, dict(zip(route.labels, texts, strict=True))))
            for route in named or complete or routes[-1:]
        ]

    def _no_route(self, method: str, path: str) -> AwsError:
        if self._unknown is not None:
            code, message, status = self._unknown
            return AwsError(code, message, status=status)
        text = f"No operation answers {method} {path}."
        return AwsError("UnknownOperationException", text, status=404)


def _required(model: ServiceModel, operation: Operation, location: str) -> frozenset[str]:
    """Return the wire names of an operation's required members in one location."""
    shape = model.shapes[operation.input] if operation.input else {}
    members = [shape["members"][name] for name in shape.get("required", ())]
    return frozenset(
        member["locationName"] for member in members if member.get("location") == location
    )


def _decode(value: str) -> str:
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise values.malformed("The request path is not UTF-8.") from None
