"""Several items in one request, all or none.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import items, rows, values
from emulator.services.dynamodb.capacity import Meter, read_units
from emulator.services.dynamodb.errors import cancelled, invalid
from emulator.services.dynamodb.expressions.binding import Binding
from emulator.services.dynamodb.expressions.evaluation import project
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Key, Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.values import Item
from emulator.services.dynamodb.writing import Result, Write

#: Seconds for which a token stands for its request.
_TOKEN_S = 600.0
_MAX_BYTES = 4 * 1024 * 1024
_TWICE = "Transaction request cannot include multiple operations on one item"
#: Errors about an item or a key cancel the transaction; others refuse the request.
_OF_ITEMS = ("One or more parameter values were", "The provided key element", "Item size")


class _Repeated(LocalfaasError):
    """A transaction was done before."""

    def __init__(self, answer: Response) -> None:
        super().__init__("it was done before")
        self.answer = answer


async def transact_get_items(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html."""
    plans: list[tuple[Table, Key, Any]] = []
    reasons: list[dict[str, Any]] = []
    for each in request["TransactItems"]:
        get: Mapping[str, Any] = each["Get"]
        binding = Binding(get, "ProjectionExpression")
        paths = binding.projection(get.get("ProjectionExpression"))
        binding.finish()
        table = find(ctx, get["TableName"])
        try:
            items.check_values(get["Key"])
            plans.append((table, table.key_of(get["Key"]), paths))
            reasons.append({"Code": "None"})
        except AwsError as error:
            reasons.append({"Code": "ValidationError", "Message": error.message})
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)
    _check_distinct((table, key) for table, key, _ in plans)
    found = await of(ctx).read(lambda c: _get_all(c, plans))
    meter = Meter(request.get("ReturnConsumedCapacity"), "Read")
    responses: list[dict[str, Any]] = []
    for (table, _, paths), item in zip(plans, found, strict=True):
        if meter.is_on:
            size = 0 if item is None else values.item_size(item)
            meter.add(table, read_units(size, consistent=True, transaction=True))
        shown = None if item is None else project(item, paths)
        responses.append({} if shown is None else {"Item": shown})
    return {"Responses": responses, "ConsumedCapacity": meter.all()}


def _get_all(connection: Connection, plans: list[tuple[Table, Key, Any]]) -> list[Item | None]:
    # All as of one moment.
    connection.execute("SAVEPOINT all_items")
    try:
        return [rows.get(connection, table, key) for table, key, _ in plans]
    finally:
        connection.execute("RELEASE all_items")


async def transact_write_items(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html."""
    token = request.get("ClientRequestToken", "")
    answer = await repeated(ctx, token, request)
    if answer is not None:
        return answer
    writes = _writes(ctx, request["TransactItems"])
    return await write_together(ctx, writes, request, lambda result: _answer(request, result))


def _answer(request: Request, result: Result) -> Response:
    meter = Meter(request.get("ReturnConsumedCapacity"), "Write")
    metrics: dict[str, list[Any]] = {}
    for done in result.outcomes:
        meter.add_write(done.table, done.old, done.new, transaction=True)
        shown = items.collection(done.table, done.new or done.old)
        if shown:
            metrics.setdefault(done.table.name, []).append(shown)
    answer: Response = {"ConsumedCapacity": meter.all()}
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        answer["ItemCollectionMetrics"] = metrics
    return answer


async def write_together(
    ctx: Context,
    writes: Sequence[Write],
    request: Request,
    answer: Callable[[Result], Response],
) -> Response:
    """Do writes, all or none.

    Args:
        ctx: The request's circumstances.
        writes: What to do.
        request: Where it has a token, the answer is kept for callers that ask again.
        answer: Makes the answer of what was done.

    Raises:
        AwsError: TransactionCanceledException, with a reason for each.
    """
    _check_distinct((write.table, write.key) for write in writes)
    token, now = request.get("ClientRequestToken", ""), ctx.clock.now()

    def look(connection: Connection) -> None:
        # The same request may have been sent again before the first one was kept.
        before = _kept(connection, ctx, token, request)
        if before is not None:
            raise _Repeated(before)

    def remember(connection: Connection, result: Result) -> None:
        place = (ctx.account, ctx.region, token, _fingerprint(request))
        row = (*place, rows.dump(answer(result)), now)
        connection.execute("DELETE FROM tokens WHERE at <= ?", (now - _TOKEN_S,))
        connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?, ?)", row)

    hooks: dict[str, Any] = {"first": look, "also": remember} if token else {}
    try:
        result = await of(ctx).write(writes, together=True, **hooks)
    except _Repeated as done:
        return done.answer
    if result.refused:
        raise cancelled(
            {"Code": "None"} if each.error is None else reason_of(each.error)
            for each in result.outcomes
        )
    return answer(result)


def reason_of(error: AwsError) -> dict[str, Any]:
    """Return an error as a reason of a cancelled transaction.

    Raises:
        AwsError: It is no reason, but the answer itself.
    """
    if error.code == "ResourceNotFoundException":
        raise error
    if error.code == "ConditionalCheckFailedException":
        reason = {"Code": "ConditionalCheckFailed", "Message": error.message}
        return {**reason, "Item": error.fields["Item"]} if error.fields.get("Item") else reason
    if error.code == "DuplicateItemException":
        return {"Code": "DuplicateItem", "Message": error.message}
    return {"Code": "ValidationError", "Message": error.message}


def _writes(ctx: Context, given: Iterable[Mapping[str, Any]]) -> list[Write]:
    writes: list[Write] = []
    reasons: list[dict[str, Any]] = []
    size = 0
    for each in given:
        if len(each) != 1:
            raise invalid(
                "TransactItems can only contain one of Check, Put, Update or Delete"
                if each
                else "Invalid Request: TransactWriteRequest should contain Delete or Put or Update "
                "request"
            )
        [(kind, one)] = each.items()
        try:
            writes.append(_MAKERS[kind](ctx, one))
        except AwsError as error:
            if error.code != "ValidationException" or not error.message.startswith(_OF_ITEMS):
                raise
            reasons.append({"Code": "ValidationError", "Message": error.message})
        else:
            reasons.append({"Code": "None"})
            size += writes[-1].size
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)
    if size > _MAX_BYTES:
        raise invalid("Collection size of the transaction exceeds the limit of 4 MB")
    return writes


def _update(ctx: Context, given: Request) -> Write:
    return items.update_write(ctx, given)[0]


_MAKERS = {
    "ConditionCheck": items.check_write,
    "Delete": items.delete_write,
    "Put": items.put_write,
    "Update": _update,
}


def _check_distinct(given: Iterable[tuple[Table, Key]]) -> None:
    seen = set()
    for table, key in given:
        if (table.number, key) in seen:
            raise invalid(_TWICE)
        seen.add((table.number, key))


async def repeated(ctx: Context, token: str, request: Request) -> Response | None:
    """Return the answer of a transaction that was done before; None: it was not.

    Raises:
        AwsError: IdempotentParameterMismatchException.
    """
    if not token:
        return None
    return await of(ctx).read(partial(_kept, ctx=ctx, token=token, request=request))


def _kept(connection: Connection, ctx: Context, token: str, request: Request) -> Response | None:
    row = connection.execute(
        "SELECT request, answer FROM tokens "
        "WHERE account = ? AND region = ? AND token = ? AND at > ?",
        (ctx.account, ctx.region, token, ctx.clock.now() - _TOKEN_S),
    ).fetchone()
    if row is None:
        return None
    if row[0] != _fingerprint(request):
        raise AwsError(
            "IdempotentParameterMismatchException",
            "The provided ClientRequestToken is used by a different request",
        )
    answer: Response = rows.load(row[1])
    return answer


def _fingerprint(request: Request) -> bytes:
    same = {key: value for key, value in request.items() if key != "ReturnConsumedCapacity"}
    return json.dumps(same, sort_keys=True, default=repr).encode()
