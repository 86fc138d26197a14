"""Which resource a path means: the most specific one.

A part of a path that is written out goes before a variable, and that before a greedy one.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote


class Match(NamedTuple):
    """A resource, and the variables of its path, as they were sent."""

    resource: Mapping[str, Any]
    parameters: dict[str, str]


class _Node:
    __slots__ = ("fixed", "greedy", "resource", "variable")

    def __init__(self) -> None:
        self.resource: Mapping[str, Any] | None = None
        self.fixed: dict[str, _Node] = {}
        #: The variable's name, and what is below it.
        self.variable: tuple[str, _Node] | None = None
        self.greedy: tuple[str, Mapping[str, Any]] | None = None


class Routes:
    """The resources of an API that have methods, as a tree: a match costs a step for each part."""

    def __init__(self, resources: Iterable[Mapping[str, Any]]) -> None:
        self._root = _Node()
        for resource in resources:
            if resource.get("methods"):
                self._add(resource)

    def _add(self, resource: Mapping[str, Any]) -> None:
        node = self._root
        for part in [each for each in resource["path"].split("/") if each]:
            if part.endswith("+}"):
                node.greedy = (part[1:-2], resource)
                return
            if part.startswith("{"):
                if node.variable is None:
                    node.variable = (part[1:-1], _Node())
                node = node.variable[1]
            else:
                node = node.fixed.setdefault(part, _Node())
        node.resource = resource

    def match(self, path: str) -> Match | None:
        """Return the resource that a path means; None for none.

        Args:
            path: Below the stage, still percent-encoded, with one slash in front.
        """
        trimmed = path.strip("/")
        parts = trimmed.split("/") if trimmed else []
        return _match(self._root, parts, 0, {})


def _match(node: _Node, parts: list[str], at: int, found: dict[str, str]) -> Match | None:
    if at == len(parts):
        if node.resource is not None:
            return Match(node.resource, found)
        return None
    part = parts[at]
    below = node.fixed.get(part) or node.fixed.get(unquote(part))
    if below is not None:
        deeper = _match(below, parts, at + 1, found)
        if deeper is not None:
            return deeper
    if node.variable is not None and part:
        name, below = node.variable
        deeper = _match(below, parts, at + 1, {**found, name: part})
        if deeper is not None:
            return deeper
    if node.greedy is not None:
        name, resource = node.greedy
        return Match(resource, {**found, name: "/".join(parts[at:])})
    return None
