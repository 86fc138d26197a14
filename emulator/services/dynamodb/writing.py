"""Writes: what each makes of its item is worked out first, then all are done in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from emulator.model.errors import AwsError
from emulator.services.dynamodb import log, rows, values
from emulator.services.dynamodb.errors import no_resource
from emulator.services.dynamodb.log import Change, Sequences
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Key, Table
from emulator.services.dynamodb.values import Item

#: From the item that is there (None: none) to the one that is to be there.
Compute = Callable[[Item | None], Item | None]


class Tables(Protocol):
    """Knows the tables as they are now."""

    sequences: Sequences

    def current(self, table: Table) -> Table | None:
        """Return a table as it is now; None: it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write of one item.

    Attributes:
        compute: Raises an AwsError where the item is not to be written.
        size: The bytes of what it makes; 0 where only :attr:`compute` knows.
        checks_only: Whether it only looks.
    """

    table: Table
    key: Key
    compute: Compute
    size: int = 0
    checks_only: bool = False
    identity: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write did.

    Attributes:
        error: Why it was not done.
    """

    table: Table
    old: Item | None = None
    new: Item | None = None
    error: AwsError | None = None


@dataclass(slots=True)
class Result:
    """What a commit did."""

    outcomes: list[Written]
    changes: list[Change]
    refused: bool = False


def run(
    connection: Connection,
    state: Tables,
    writes: Iterable[Write],
    now: float,
    *,
    together: bool,
) -> Result:
    """Do writes on the writer's connection.

    Args:
        connection: The writer's.
        state: Knows the tables as they are now.
        writes: What to do; of several on one item, each sees what the ones before it did.
        now: Seconds since the epoch.
        together: If one is refused, none is done; they must be on different items.
    """
    outcomes: list[Written] = []
    planned: list[tuple[Write, Table, Item | None, Item | None]] = []
    changes: list[Change] = []
    for write in writes:
        table = state.current(write.table)
        if table is None:
            outcomes.append(Written(table=write.table, error=no_resource()))
            continue
        old = rows.get(connection, table, write.key)
        try:
            new = write.compute(old)
        except AwsError as error:
            outcomes.append(Written(table=table, old=old, error=error))
            continue
        outcomes.append(Written(table=table, old=old, new=new))
        if write.checks_only:
            continue
        if together:
            planned.append((write, table, old, new))
        else:
            changes += _do(connection, state, write, table, old, new, now)
    if together and any(each.error is not None for each in outcomes):
        return Result(outcomes, [], refused=True)
    for plan in planned:
        changes += _do(connection, state, *plan, now)
    return Result(outcomes, changes)


def _do(
    connection: Connection,
    state: Tables,
    write: Write,
    table: Table,
    old: Item | None,
    new: Item | None,
    now: float,
) -> Iterable[Change]:
    if old is None and new is None:
        return
    recorded = bool(table.stream or table.destinations)
    if recorded and values.same_item(old, new):
        # What does not change makes no record, and need not be written.
        return
    size = 0 if new is None else write.size or values.item_size(new)
    rows.replace(connection, table, write.key, old, new, size)
    if recorded:
        change = Change(
            table=table,
            old=old,
            new=new,
            at=now,
            sequence=state.sequences.next(now),
            identity=write.identity,
        )
        if table.stream:
            log.append(connection, change)
        yield change
