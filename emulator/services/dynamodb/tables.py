"""Tables: create, describe, change, delete, list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import creating, descriptions, log, rows
from emulator.services.dynamodb.changing import changed
from emulator.services.dynamodb.errors import invalid, no_table
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Body, Table
from emulator.services.dynamodb.state import Dynamodb, lookup, of, split


def find_table(ctx: Context, name: str) -> Table:
    """Return the table of a request on tables.

    Raises:
        AwsError: ResourceNotFoundException, which names it.
    """
    found = lookup(ctx, name)
    if found is None:
        raise no_table(split(name, ctx.account, ctx.region)[2])
    return found


def named(request: Request) -> str:
    """Return the name of the table that a request on tables is for.

    Raises:
        AwsError: ValidationException: it has none, or none that could be one.
    """
    name: str | None = request.get("TableName")
    if name is None:
        raise invalid("The parameter 'TableName' is required but was not present in the request")
    if not name.startswith("arn:") and not 3 <= len(name) <= 255:
        raise invalid(
            "TableName must be at least 3 characters long and at most 255 characters long"
        )
    return name


def _check_new(name: str) -> None:
    text = "1 validation error detected: Value '{}' at 'tableName' failed to satisfy constraint: "
    if len(name) < 3:
        text += "Member must have length greater than or equal to 3"
    elif len(name) > 255:
        text += "Member must have length less than or equal to 255"
    elif re.fullmatch(r"[a-zA-Z0-9_.-]+", name) is None:
        text += "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    else:
        return
    raise invalid(text.format(name))


async def create_table(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html."""
    if request.get("VectorIndexes"):
        raise _unserved("vector indexes")
    if "TableName" not in request:
        named(request)
    _, _, name = split(request["TableName"], ctx.account, ctx.region)
    _check_new(name)
    now = ctx.clock.now()
    body = creating.body_of(request, now)
    if lookup(ctx, request["TableName"]) is not None:
        raise AwsError("ResourceInUseException", f"Table already exists: {name}")
    table = await make(ctx, request["TableName"], body)
    return {"TableDescription": descriptions.table(table, status="CREATING")}


def _unserved(what: str) -> AwsError:
    return AwsError(
        "NotImplementedException", f"localfaas does not serve {what} of DynamoDB.", status=400
    )


async def make(ctx: Context, name: str, body: Body, fill: Any = None) -> Table:
    """Make a table of what is to be kept of it.

    Args:
        ctx: The request.
        name: Its name.
        body: See :func:`creating.body_of`.
        fill: Called with the connection and the table in the same commit.
    """
    account, region, plain = split(name, ctx.account, ctx.region)
    body["Region"] = region
    now = ctx.clock.now()
    state = of(ctx)

    def work(connection: Connection) -> Table:
        number = connection.execute(
            "INSERT INTO tables (account, region, name, body) VALUES (?, ?, ?, ?) RETURNING number",
            (account, region, plain, rows.dump(body)),
        ).fetchone()[0]
        table = Table(number, account, region, plain, body)
        table = stream_as_wanted(connection, table, now)
        rows.put_table(connection, table)
        if fill is not None:
            fill(connection, table)
        return table

    table = await state.database.write(work)
    state.show(table)
    state.expiry.start()
    return table


def stream_as_wanted(connection: Connection, table: Table, now: float) -> Table:
    """Begin or end a table's stream as its specification says; returns the table as it is then."""
    wanted = table.body.get("StreamSpecification") or {}
    if wanted.get("StreamEnabled") and not table.stream:
        stream = log.begin(connection, table, wanted["StreamViewType"], now)
        return table.with_body(StreamNumber=stream.number, StreamLabel=stream.label)
    if not wanted.get("StreamEnabled") and table.stream:
        log.end(connection, table.stream, now)
        return table.with_body(StreamNumber=0)
    return table


async def describe_table(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html."""
    table = find_table(ctx, named(request))
    counts = await of(ctx).read(partial(rows.measure, table=table))
    return {"Table": descriptions.table(table, counts)}


async def list_tables(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html."""
    after, limit = request.get("ExclusiveStartTableName", ""), request.get("Limit", 100)
    names = sorted(each for each in of(ctx).tables(ctx.account, ctx.region) if each > after)
    answer: Response = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


async def delete_table(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html."""
    table = find_table(ctx, named(request))
    if table.body["DeletionProtection"]:
        raise invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    state = of(ctx)
    counts = await state.read(partial(rows.measure, table=table))
    await remove(state, table)
    return {"TableDescription": descriptions.deleted(table, counts)}


async def remove(state: Dynamodb, table: Table) -> None:
    """Remove a table with its items; its stream stays for a day."""
    now = state.parts.clock.now()
    state.hide(table)

    def work(connection: Connection) -> None:
        if table.stream:
            log.end(connection, table.stream, now)
        rows.delete_tables(connection, (table.number,))

    try:
        await state.database.write(work)
    except BaseException:
        state.show(table)
        raise
    await state.expiry.changed(table, ends=True)


async def update_table(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html."""
    if request.get("VectorIndexUpdates"):
        raise _unserved("vector indexes")
    table = find_table(ctx, named(request))
    now = ctx.clock.now()
    body, added, removed = changed(table, request, now)
    state = of(ctx)

    def work(connection: Connection) -> Table:
        new = Table(table.number, table.account, table.body["Region"], table.name, body)
        new = stream_as_wanted(connection, new, now)
        for name in removed:
            rows.drop_index(connection, table, table.indexes[name])
        for name in added:
            rows.fill_index(connection, new, new.indexes[name])
        rows.put_table(connection, new)
        # From here on writes keep the new indexes.
        state.show(new)
        return new

    try:
        new = await state.database.write(work)
    except BaseException:
        state.show(table)
        raise
    for region in table.body.get("Replicas") or ():
        if region not in (body.get("Replicas") or ()):
            state.tables(table.account, region).pop(table.name, None)
    state.expiry.start()
    counts = await state.read(partial(rows.measure, table=new))
    shown = descriptions.table(_mark(new, added), counts, status="UPDATING")
    if not _touches_warmth(request):
        shown.pop("WarmThroughput", None)
    return {"TableDescription": shown}


def _touches_warmth(request: Mapping[str, Any]) -> bool:
    return "WarmThroughput" in request


def _mark(table: Table, added: list[str]) -> Table:
    """Return a table with its new indexes marked."""
    if not added:
        return table
    indexes = [
        {**each, "IsNew": True} if each["IndexName"] in added else each
        for each in table.body.get("GlobalIndexes") or ()
    ]
    return table.with_body(GlobalIndexes=indexes)
