"""Which route a request means. Pure, and as quick with a thousand routes as with ten.

The most specific path wins: a literal segment before a parameter, a parameter before a greedy one.
Among the routes of a path, the method itself wins over ANY. ``$default`` takes what is left.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

DEFAULT = "$default"
_ANY = "ANY"
Route = Mapping[str, Any]


class Match(NamedTuple):
    """The route of a request."""

    route: Route
    parameters: dict[str, str]


class _Node:
    """A segment of paths, and what may follow it."""

    __slots__ = ("greedy", "here", "literals", "parameter")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        #: Routes that end here, and those whose rest is greedy, by method.
        self.here: dict[str, Route] = {}
        self.greedy: dict[str, Route] = {}


class Router:
    """Finds the route of requests.

    Args:
        routes: With their ``RouteKey``: "GET /pets/{id}", or "$default".
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._default: Route | None = None
        for route in routes:
            if route["RouteKey"] == DEFAULT:
                self._default = route
            else:
                self._add(route)

    def _add(self, route: Route) -> None:
        method, _, path = str(route["RouteKey"]).partition(" ")
        node = self._root
        for segment in path[1:].split("/"):
            if segment.endswith("+}"):
                node.greedy[method] = route
                return
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.here[method] = route

    def find(self, method: str, raw_path: str) -> Match | None:
        """Return the route of a request; None if it has none.

        Args:
            method: In upper case.
            raw_path: Still percent-encoded, without the stage.
        """
        segments = raw_path[1:].split("/")
        if "%" in raw_path:
            segments = [unquote(each) for each in segments]
        route = _find(self._root, segments, 0, method) or self._default
        if route is None:
            return None
        return Match(route, _parameters(route["RouteKey"], segments))


def _find(node: _Node, segments: list[str], at: int, method: str) -> Route | None:
    """Return the most specific route below a node that has a method."""
    if at == len(segments):
        return node.here.get(method) or node.here.get(_ANY)
    segment = segments[at]
    literal = node.literals.get(segment)
    found = _find(literal, segments, at + 1, method) if literal is not None else None
    if found is None and node.parameter is not None and segment:
        found = _find(node.parameter, segments, at + 1, method)
    if found is None and node.greedy and segment:
        found = node.greedy.get(method) or node.greedy.get(_ANY)
    return found


def _parameters(route_key: str, segments: list[str]) -> dict[str, str]:
    if "{" not in route_key:
        return {}
    found = {}
    for number, segment in enumerate(route_key.partition(" ")[2][1:].split("/")):
        if segment.endswith("+}"):
            found[segment[1:-2]] = "/".join(segments[number:])
        elif segment.startswith("{"):
            found[segment[1:-1]] = segments[number]
    return found
