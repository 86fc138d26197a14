"""What an update makes of an item."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from itertools import pairwise
from typing import Any

from emulator.services.dynamodb import values
from emulator.services.dynamodb.errors import invalid
from emulator.services.dynamodb.expressions.binding import Path
from emulator.services.dynamodb.expressions.evaluation import at
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.values import NUMBERS, Item, Value, kind_of

_WRONG_PATH = "The document path provided in the update expression is invalid for update"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"


def apply(actions: Iterable[Node], item: Item) -> Item:
    """Return an item as an update makes it; the given one stays as it is.

    Args:
        actions: As :meth:`Binding.update` returns them.
        item: The item, with its key at least.

    Raises:
        AwsError: ValidationException.
    """
    new = deepcopy(item)
    removed: list[Path] = []
    for action in actions:
        kind, path = action[0], action[1]
        if kind == "SET":
            _put(new, path, deepcopy(_operand(action[2], item)))
        elif kind == "REMOVE":
            _parent(new, path)
            removed.append(path)
        elif kind == "ADD":
            _put(new, path, _added(at(item, path), action[2]))
        else:
            _delete(new, path, at(item, path), action[2])
    # From the end of lists, so that positions mean what they meant before.
    for path in sorted(removed, key=lambda each: [_Descending(p) for p in each]):
        _remove(new, path)
    return new


class _Descending:
    """Sorts positions from the last to the first."""

    def __init__(self, part: str | int) -> None:
        self._part = part

    def __lt__(self, other: _Descending) -> bool:
        one, two = self._part, other._part
        return one > two if isinstance(one, int) and isinstance(two, int) else str(one) < str(two)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self._part == other._part

    __hash__ = None  # type: ignore[assignment]


def _operand(node: Node, item: Item) -> Value:
    kind = node[0]
    if kind == "value":
        found: Value = node[1]
        return found
    if kind == "path":
        there = at(item, node[1])
        if there is None:
            raise invalid(_NO_ATTRIBUTE)
        return there
    if kind == "if_not_exists":
        return at(item, node[1][1]) or _operand(node[2], item)
    left, right = _operand(node[1], item), _operand(node[2], item)
    if kind == "list_append":
        if "L" not in left or "L" not in right:
            raise invalid(_WRONG_TYPE)
        return {"L": [*left["L"], *right["L"]]}
    if "N" not in left or "N" not in right:
        raise invalid(_WRONG_TYPE)
    return _sum(left, right, -1 if kind == "-" else 1)


def _sum(left: Value, right: Value, sign: int) -> Value:
    a, b = values.parse_number(left["N"]), values.parse_number(right["N"])
    number = NUMBERS.add(a, b if sign > 0 else -b)
    return {"N": values.number_text(values.parse_number(str(number)))}


def _added(there: Value | None, value: Value) -> Value:
    kind = kind_of(value)
    if there is None:
        return deepcopy(value)
    if kind_of(there) != kind:
        raise invalid(_WRONG_TYPE)
    if kind == "N":
        return _sum(there, value, 1)
    return {kind: list(dict.fromkeys([*there[kind], *value[kind]]))}


def _delete(item: Item, path: Path, there: Value | None, value: Value) -> None:
    _parent(item, path)
    if there is None:
        return
    kind = kind_of(value)
    if kind_of(there) != kind:
        raise invalid(_WRONG_TYPE)
    gone = set(value[kind])
    left = [each for each in there[kind] if each not in gone]
    if left:
        _put(item, path, {kind: left})
    else:
        _remove(item, path)


def _parent(item: Item, path: Path) -> Any:
    """Return the dict or list that holds what a path leads to.

    Raises:
        AwsError: There is none.
    """
    holder: Any = item
    for part, following in pairwise(path):
        if isinstance(part, int):
            value = holder[part] if part < len(holder) else None
        else:
            value = holder.get(part)
        holder = None if value is None else value.get("L" if isinstance(following, int) else "M")
        if holder is None:
            raise invalid(_WRONG_PATH)
    return holder


def _put(item: Item, path: Path, value: Value) -> None:
    holder, last = _parent(item, path), path[-1]
    if isinstance(last, int) and last >= len(holder):
        holder.append(value)
    else:
        holder[last] = value


def _remove(item: Item, path: Path) -> None:
    holder, last = _parent(item, path), path[-1]
    if isinstance(last, int):
        if last < len(holder):
            del holder[last]
    else:
        holder.pop(last, None)
