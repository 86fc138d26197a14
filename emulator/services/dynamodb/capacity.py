"""The capacity that operations consume.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.dynamodb.schema import Index, Table
from emulator.services.dynamodb.values import Item, item_size

_READ_BYTES = 4096
_WRITE_BYTES = 1024


def read_units(size: int, *, consistent: bool, transaction: bool = False) -> float:
    """Return the units of reading some bytes."""
    units = float(max(1, -(-size // _READ_BYTES)))
    if transaction:
        return 2 * units
    return units if consistent else units / 2


def write_units(old: Item | None, new: Item | None, *, transaction: bool = False) -> float:
    """Return the units of writing an item."""
    sizes = [item_size(each) for each in (old, new) if each is not None]
    units = float(max(1, -(-max(sizes, default=0) // _WRITE_BYTES)))
    return 2 * units if transaction else units


def indexes_written(
    table: Table, old: Item | None, new: Item | None, *, transaction: bool = False
) -> dict[str, float]:
    """Return the units of writing the indexes of an item, by name."""
    found = {}
    for index in table.indexes.values():
        before = old is not None and index.is_in(old)
        after = new is not None and index.is_in(new)
        if (not before and not after) or (before and after and old == new):
            continue
        units = write_units(old if before else None, new if after else None)
        if before and after and old and new and index.key(old) != index.key(new):
            units = write_units(old, None) + write_units(None, new)
        found[index.name] = 2 * units if transaction else units
    return found


class Meter:
    """Adds up what a request consumes, and shows as much as it asks for.

    Args:
        wanted: ReturnConsumedCapacity.
        kind: "Read" or "Write" where the two are to be told apart, as in transactions.
    """

    def __init__(self, wanted: str | None, kind: str = "") -> None:
        self._wanted = wanted or "NONE"
        self._kind = kind
        #: (the table's name in the request, table) → its own units, and its indexes'.
        self._tables: dict[str, tuple[Table, list[float], dict[str, float]]] = {}

    @property
    def is_on(self) -> bool:
        """Whether anybody wants to know."""
        return self._wanted != "NONE"

    def add(self, table: Table, units: float, indexes: Mapping[str, float] | None = None) -> None:
        """Count units of a table and of its indexes."""
        _, own, others = self._tables.setdefault(table.name, (table, [0.0], {}))
        own[0] += units
        for name, more in (indexes or {}).items():
            others[name] = others.get(name, 0.0) + more

    def add_write(
        self, table: Table, old: Item | None, new: Item | None, *, transaction: bool = False
    ) -> None:
        """Count a write."""
        if self.is_on:
            units = write_units(old, new, transaction=transaction)
            self.add(table, units, indexes_written(table, old, new, transaction=transaction))

    def all(self) -> list[dict[str, Any]] | None:
        """Return what to answer for each table; None: nothing."""
        if not self.is_on:
            return None
        return [self._shown(*each) for each in self._tables.values()]

    def one(self) -> dict[str, Any] | None:
        """Return what to answer for the only table; None: nothing."""
        found = self.all()
        return found[0] if found else None

    def _shown(self, table: Table, own: list[float], others: Mapping[str, float]) -> dict[str, Any]:
        total = own[0] + sum(others.values())
        shown = {"TableName": table.name, **self._units(total)}
        if self._wanted == "INDEXES":
            shown["Table"] = self._units(own[0])
            for member, is_global in (
                ("LocalSecondaryIndexes", False),
                ("GlobalSecondaryIndexes", True),
            ):
                units = {
                    name: self._units(each)
                    for name, each in others.items()
                    if _is_global(table.indexes.get(name)) is is_global
                }
                if units:
                    shown[member] = units
        return shown

    def _units(self, units: float) -> dict[str, float]:
        found = {"CapacityUnits": units}
        if self._kind:
            found[f"{self._kind}CapacityUnits"] = units
        return found


def _is_global(index: Index | None) -> bool:
    return index is not None and index.is_global
