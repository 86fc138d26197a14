"""Whether an item fulfils a condition, and what of it a projection shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services.dynamodb import values
from emulator.services.dynamodb.expressions.binding import Path
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.values import Item, Value, kind_of

_ORDERED = frozenset("SNB")


def at(item: Mapping[str, Value], path: Path) -> Value | None:
    """Return what an item has at a path; None for nothing."""
    found: Value | None = item.get(path[0])  # type: ignore[arg-type]
    for part in path[1:]:
        if found is None:
            return None
        if type(part) is int:
            held = found.get("L")
            found = held[part] if held is not None and part < len(held) else None
        else:
            held = found.get("M")
            found = held.get(part) if held is not None else None
    return found


def holds(node: Node, item: Mapping[str, Value]) -> bool:
    """Say whether an item fulfils a condition."""
    kind = node[0]
    if kind == "and":
        return holds(node[1], item) and holds(node[2], item)
    if kind == "or":
        return holds(node[1], item) or holds(node[2], item)
    if kind == "not":
        return not holds(node[1], item)
    if kind == "attribute_exists":
        return at(item, node[1][1]) is not None
    if kind == "attribute_not_exists":
        return at(item, node[1][1]) is None
    left = _operand(node[1], item)
    if kind == "in":
        choices = (_operand(each, item) for each in node[2])
        return left is not None and any(c is not None and values.equal(left, c) for c in choices)
    right = _operand(node[2], item)
    if left is None or right is None:
        # What is not there differs from what is.
        return bool(kind == "<>" and (left is not right))
    if kind == "=":
        return values.equal(left, right)
    if kind == "<>":
        return not values.equal(left, right)
    if kind == "between":
        high = _operand(node[3], item)
        return high is not None and _in_order(right, left) and _in_order(left, high)
    return bool(_COMPARISONS[kind](left, right))


def _operand(node: Node, item: Mapping[str, Value]) -> Value | None:
    if node[0] == "value":
        found: Value = node[1]
        return found
    if node[0] == "path":
        return at(item, node[1])
    measured = _operand(node[1], item)
    size = None if measured is None else _length(measured)
    return None if size is None else {"N": str(size)}


def _length(value: Value) -> int | None:
    kind = kind_of(value)
    if kind == "S":
        return len(value["S"].encode("utf-16-le")) // 2
    return len(value[kind]) if kind in ("B", "SS", "NS", "BS", "M", "L") else None


def _in_order(low: Value, high: Value) -> bool:
    kind = kind_of(low)
    if kind != kind_of(high) or kind not in _ORDERED:
        return False
    return bool(values.sort_key(low) <= values.sort_key(high))


def _before(low: Value, high: Value) -> bool:
    return _in_order(low, high) and not values.equal(low, high)


def begins_with(value: Value, prefix: Value) -> bool:
    """Say whether a text, or bytes, begin with others."""
    kind = kind_of(value)
    return kind == kind_of(prefix) and kind in "SB" and value[kind].startswith(prefix[kind])


def contains(value: Value, element: Value) -> bool:
    """Say whether a text has a part, or a set or a list an element."""
    kind, sought = kind_of(value), kind_of(element)
    if kind in ("S", "B"):
        return kind == sought and element[kind] in value[kind]
    if kind in ("SS", "NS", "BS"):
        same = [{sought: each} for each in value[kind]] if sought == kind[0] else []
        return any(values.equal(each, element) for each in same)
    return kind == "L" and any(values.equal(each, element) for each in value["L"])


_COMPARISONS: dict[str, Any] = {
    "<": _before,
    "<=": _in_order,
    ">": lambda a, b: _before(b, a),
    ">=": lambda a, b: _in_order(b, a),
    "begins_with": begins_with,
    "contains": contains,
    "attribute_type": lambda a, b: kind_of(a) == b.get("S"),
}


def project(item: Mapping[str, Value], paths: Iterable[Path] | None) -> Item:
    """Return what of an item some paths show; None shows all."""
    if paths is None:
        return dict(item)
    tree: dict[str | int, Any] = {}
    for path in paths:
        node = tree
        for part in path:
            node = node.setdefault(part, {})
    return _members(item, tree)


def _members(item: Mapping[str, Value], tree: Mapping[Any, Any]) -> Item:
    found = {}
    for name, below in tree.items():
        value = item.get(name)
        if value is not None:
            shown = _part(value, below)
            if shown is not None:
                found[name] = shown
    return found


def _part(value: Value, tree: Mapping[Any, Any]) -> Value | None:
    if not tree:
        return value
    if isinstance(next(iter(tree)), int):
        elements = value.get("L") or []
        there = [_part(elements[i], tree[i]) for i in sorted(tree) if i < len(elements)]
        shown = [each for each in there if each is not None]
        return {"L": shown} if shown else None
    members = _members(value.get("M") or {}, tree)
    return {"M": members} if members else None
