"""Where the boxes and lines of a flow stand on the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Of a box, and between boxes; in pixels.
WIDTH, HEIGHT = 190, 46
_ACROSS, _DOWN = 120, 18
_MARGIN = 12
#: More boxes than this are a table's business.
MOST_BOXES = 400


@dataclass(frozen=True, slots=True)
class Box:
    """A resource."""

    node: Mapping[str, Any]
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """A wire, as a curve from one box to another."""

    wire: Mapping[str, Any]
    path: str
    #: Where its text stands.
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    """A flow as it is drawn."""

    boxes: list[Box]
    lines: list[Line]
    width: int
    height: int


def layout(nodes: Sequence[Mapping[str, Any]], wires: Sequence[Mapping[str, Any]]) -> Graph:
    """Return a flow from left to right: each box stands right of those that send to it.

    Args:
        nodes: The resources.
        wires: What goes from one to another.
    """
    arns = [each["arn"] for each in nodes]
    columns = _columns(arns, [(each["source"], each["target"]) for each in wires])
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for node in sorted(nodes, key=lambda each: columns[each["arn"]]):
        column = columns[node["arn"]]
        row = rows.get(column, 0)
        rows[column] = row + 1
        x = _MARGIN + column * (WIDTH + _ACROSS)
        boxes[node["arn"]] = Box(node, x, _MARGIN + row * (HEIGHT + _DOWN))
    lines = [_line(each, boxes[each["source"]], boxes[each["target"]]) for each in wires]
    return Graph(
        boxes=list(boxes.values()),
        lines=lines,
        width=2 * _MARGIN + WIDTH + max(rows, default=0) * (WIDTH + _ACROSS),
        height=2 * _MARGIN + max(rows.values(), default=0) * (HEIGHT + _DOWN),
    )


def _columns(arns: Sequence[str], wires: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return each resource's column: one more than the last of those that send to it.

    A wire that closes a circle does not count.
    """
    targets: dict[str, list[str]] = {}
    for source, target in wires:
        targets.setdefault(source, []).append(target)
    order: list[str] = []
    state: dict[str, int] = {}
    closing: set[tuple[str, str]] = set()
    for root in arns:
        stack = [(root, iter(targets.get(root, ())))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            arn, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                state[arn] = 2
                order.append(arn)
            elif following not in state:
                state[following] = 1
                stack.append((following, iter(targets.get(following, ()))))
            elif state[following] == 1:
                closing.add((arn, following))
    columns = dict.fromkeys(arns, 0)
    for arn in reversed(order):
        for target in targets.get(arn, ()):
            if (arn, target) not in closing:
                columns[target] = max(columns[target], columns[arn] + 1)
    return columns


def _line(wire: Mapping[str, Any], source: Box, target: Box) -> Line:
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    bend = max(40, abs(x2 - x1) // 2)
    path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
    return Line(wire, path, (x1 + x2) // 2, (y1 + y2) // 2 - 4)
