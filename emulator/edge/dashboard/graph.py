"""Where the boxes and lines of a flow stand on the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

#: Of a box, and between boxes; in pixels.
WIDTH, HEIGHT = 190, 46
_ACROSS, _DOWN = 120, 18
_MARGIN = 12
#: What stands in a column: a box (its ARN), or a point of a line (its number, and the column).
Place = str | tuple[int, int]
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

    Where a line goes past a column, it has a place of its own there: it passes behind no box.

    Args:
        nodes: The resources.
        wires: What goes from one to another.
    """
    by_arn = {each["arn"]: each for each in nodes}
    columns = _columns(list(by_arn), [(each["source"], each["target"]) for each in wires])
    #: Places: boxes by their ARNs, and points of lines by the line's number and the column.
    places: dict[int, list[Place]] = {}
    for arn, column in columns.items():
        places.setdefault(column, []).append(arn)
    routes: list[list[tuple[int, Place]]] = []
    for number, wire in enumerate(wires):
        first, last = columns[wire["source"]], columns[wire["target"]]
        route: list[tuple[int, Place]] = [(first, wire["source"])]
        for column in range(first + 1, last):
            places[column].append((number, column))
            route.append((column, (number, column)))
        routes.append([*route, (last, wire["target"])])
    rows = _rows(places, routes)
    boxes = {
        arn: Box(node, _x(columns[arn]), _y(rows[columns[arn], arn]))
        for arn, node in by_arn.items()
    }
    lines = [
        _line(wire, [(column, rows[column, place]) for column, place in route])
        for wire, route in zip(wires, routes, strict=True)
    ]
    return Graph(
        boxes=list(boxes.values()),
        lines=lines,
        width=_x(max(places, default=0)) + WIDTH + _MARGIN,
        height=_y(max(map(len, places.values()), default=0)) - _DOWN + _MARGIN,
    )


def _rows(
    places: Mapping[int, list[Place]], routes: Sequence[Sequence[tuple[int, Place]]]
) -> dict[tuple[int, Place], int]:
    """Return the row of each place: near those that it is joined to."""
    rows = {(column, place): row for column in places for row, place in enumerate(places[column])}
    before: dict[tuple[int, Place], list[tuple[int, Place]]] = {}
    after: dict[tuple[int, Place], list[tuple[int, Place]]] = {}
    for route in routes:
        for one, other in pairwise(route):
            before.setdefault(other, []).append(one)
            after.setdefault(one, []).append(other)
    # Twice there and back is enough for the eye.
    for joined, order in ((before, sorted(places)), (after, sorted(places, reverse=True))) * 2:
        for column in order:
            wanted = {
                place: fmean([rows[each] for each in joined.get((column, place), ())] or [own])
                for own, place in enumerate(places[column])
            }
            ordered = sorted(places[column], key=lambda place: wanted[place])
            places[column][:] = ordered
            rows |= {(column, place): row for row, place in enumerate(ordered)}
    return rows


def _x(column: int) -> int:
    return _MARGIN + column * (WIDTH + _ACROSS)


def _y(row: int) -> int:
    return _MARGIN + row * (HEIGHT + _DOWN)


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


def _line(wire: Mapping[str, Any], stops: Sequence[tuple[int, int]]) -> Line:
    """Return a line through (column, row)s: straight past columns, bent between them."""
    points = [(_x(column), _y(row) + HEIGHT // 2) for column, row in stops]
    x, y = points[0][0] + WIDTH, points[0][1]
    path = [f"M{x},{y}"]
    for left, down in points[1:]:
        bend = max(40, abs(left - x) // 2)
        path.append(f"C{x + bend},{y} {left - bend},{down} {left},{down}")
        x, y = left + WIDTH, down
        path.append(f"H{x}")
    # It ends at the box, not behind it.
    path.pop()
    begin, following = points[0], points[1]
    at = ((begin[0] + WIDTH + following[0]) // 2, (begin[1] + following[1]) // 2 - 4)
    return Line(wire, " ".join(path), *at)
