"""REST routes: method, path and constant query parameters → operation and path labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.model import Operation

#: Requests whose operation is remembered.
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class _Route:
    operation: Operation
    labels: tuple[str, ...]
    #: Query parameters the template fixes, e.g. ``List=ALL``.
    fixed: frozenset[str]


@dataclass(slots=True)
class _Node:
    segments: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: _Node | None = None
    #: Per method, the routes with the most fixed parameters first.
    routes: dict[str, list[_Route]] = field(default_factory=dict)


class Router:
    """A trie over path segments. A literal segment wins over a label."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        #: Most requests are like one before.
        self.match = lru_cache(_REMEMBERED)(self._match)
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
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
        routes = node.routes.setdefault(operation.method, [])
        routes.append(_Route(operation, tuple(labels), fixed))
        routes.sort(key=lambda route: -len(route.fixed))

    def _match(self, method: str, raw_path: str, query: str) -> tuple[Operation, Mapping[str, str]]:
        """Find the operation and the labels of its path.

        Args:
            method: The HTTP method, in capitals.
            raw_path: The path as it came, still percent-encoded: an encoded slash belongs to
                its label (ARNs).
            query: The raw query string.

        Raises:
            AwsError: ``UnknownOperationException`` (404): no such route;
                ``SerializationException`` (400): a label is not UTF-8.
        """
        segments = raw_path.lstrip("/").split("/")
        if len(segments) > 1 and not segments[-1]:
            segments.pop()  # older SDKs end some paths with a slash, and AWS takes both
        node, values = self._root, []
        for index, segment in enumerate(segments):
            following = node.segments.get(segment)
            if following is None:
                if node.label is not None and segment:
                    following = node.label
                    values.append(segment)
                elif node.greedy is not None:
                    node = node.greedy
                    values.append("/".join(segments[index:]))
                    break
                else:
                    raise _unknown(method, raw_path)
            node = following
        for route in node.routes.get(method, ()):
            if not route.fixed or route.fixed.issubset(query.split("&")):
                return route.operation, dict(zip(route.labels, map(_decode, values), strict=True))
        raise _unknown(method, raw_path)


def _decode(value: str) -> str:
    if "%" not in value:
        return value
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise values.malformed("The request path is not UTF-8.") from None


def _unknown(method: str, path: str) -> AwsError:
    return AwsError(
        "UnknownOperationException", f"No operation answers {method} {path}.", status=404
    )
