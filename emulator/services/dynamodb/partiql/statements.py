"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import (
    conditions_on_keys,
    items,
    pages,
    reading,
    transactions,
    values,
)
from emulator.services.dynamodb.batches import error_of
from emulator.services.dynamodb.capacity import Meter, read_units
from emulator.services.dynamodb.errors import condition_failed, invalid
from emulator.services.dynamodb.expressions.evaluation import holds, project
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.pages import Page, Reading
from emulator.services.dynamodb.partiql.parser import Statement, parse
from emulator.services.dynamodb.schema import Index, Key, KeySchema, Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.values import Item
from emulator.services.dynamodb.writing import Result, Write, Written


@dataclass(frozen=True, slots=True)
class _Change:
    """A statement that writes."""

    statement: Statement
    write: Write


async def execute_statement(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html."""
    statement = parse(request["Statement"], request.get("Parameters") or ())
    table = find(ctx, statement.table)
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if statement.verb == "SELECT":
        return await _select(ctx, request, statement, table, meter)
    if statement.verb == "EXISTS":
        raise invalid("Statement wasn't well formed, can't be processed: Unexpected token: EXISTS")
    change = _change(table, statement, request)
    done = await of(ctx).write_one(change.write)
    meter.add_write(table, done.old, done.new)
    return {"Items": _returned(change, done), "ConsumedCapacity": meter.one()}


async def batch_execute_statement(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html."""
    responses: list[dict[str, Any]] = []
    meter = Meter(request.get("ReturnConsumedCapacity"))
    verbs = set()
    for each in request["Statements"]:
        try:
            verbs.add(parse(each["Statement"], each.get("Parameters") or ()).verb == "SELECT")
        except AwsError:
            continue
    if len(verbs) > 1:
        raise invalid("Batch statements can not contain both read and write operations")
    for each in request["Statements"]:
        responses.append(await _one_of_batch(ctx, each, meter))
    return {"Responses": responses, "ConsumedCapacity": meter.all()}


async def _one_of_batch(ctx: Context, each: Mapping[str, Any], meter: Meter) -> dict[str, Any]:
    name = ""
    try:
        statement = parse(each["Statement"], each.get("Parameters") or ())
        table = find(ctx, statement.table)
        name = table.name
        if statement.verb == "SELECT":
            key = _whole_key(statement.condition, table.schema)
            if key is None or statement.index:
                raise invalid(
                    "Select statements within BatchExecuteStatement must specify the primary key "
                    "in the where clause."
                )
            answer = await _select(ctx, each, statement, table, meter)
            found = answer["Items"]
        else:
            change = _change(table, statement, each)
            done = await of(ctx).write_one(change.write)
            meter.add_write(table, done.old, done.new)
            found = _returned(change, done)
    except AwsError as error:
        return {"Error": error_of(error), **({"TableName": name} if name else {})}
    return {"TableName": name, **({"Item": found[0]} if found else {})}


async def execute_transaction(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteTransaction.html."""
    token = request.get("ClientRequestToken", "")
    answer = await transactions.repeated(ctx, token, request)
    if answer is not None:
        return answer
    parsed = [
        (each, parse(each["Statement"], each.get("Parameters") or ()))
        for each in request["TransactStatements"]
    ]
    reads = [statement.verb == "SELECT" for _, statement in parsed]
    if any(reads) and not all(reads):
        raise invalid("Transaction can only contain read or write statements, not both")
    if all(reads):
        meter = Meter(request.get("ReturnConsumedCapacity"), "Read")
        responses: list[dict[str, Any]] = []
        for each, statement in parsed:
            table = find(ctx, statement.table)
            if _whole_key(statement.condition, table.schema) is None:
                raise invalid(
                    "Select statements within ExecuteTransaction must specify the primary key in "
                    "the where clause."
                )
            found = await _select(ctx, each, statement, table, meter)
            responses.append({"Item": found["Items"][0]} if found["Items"] else {})
        return {"Responses": responses, "ConsumedCapacity": meter.all()}
    changes = [_change(find(ctx, s.table), s, each) for each, s in parsed]

    def answered(result: Result) -> Response:
        written = Meter(request.get("ReturnConsumedCapacity"), "Write")
        for done in result.outcomes:
            written.add_write(done.table, done.old, done.new, transaction=True)
        shown = [_returned(*pair) for pair in zip(changes, result.outcomes, strict=True)]
        return {
            # Recorded: writes that return nothing have no responses.
            "Responses": [{"Item": e[0]} if e else {} for e in shown] if any(shown) else [],
            "ConsumedCapacity": written.all(),
        }

    writes = [change.write for change in changes]
    return await transactions.write_together(ctx, writes, request, answered)


async def _select(
    ctx: Context, request: Mapping[str, Any], statement: Statement, table: Table, meter: Meter
) -> Response:
    index = table.find_index(statement.index) if statement.index else None
    span, rest = _span(statement.condition, index or table.schema)
    limit = request.get("Limit", 0)
    read = Reading(
        table=table,
        index=index,
        span=span,
        start=_start(table, index, request.get("NextToken")),
        is_backward=statement.descending,
        limit=limit,
        condition=rest,
    )
    page: Page = await of(ctx).read(partial(pages.read, reading=read))
    consistent = bool(request.get("ConsistentRead"))
    meter.add(table, read_units(page.size, consistent=consistent))
    answer: Response = {"Items": [_shown(each, statement) for each in page.items]}
    if page.last is not None:
        last = reading.last_key(read, page.last)
        answer["LastEvaluatedKey"] = last
        answer["NextToken"] = base64.b64encode(orjson.dumps(last, default=_text)).decode()
    answer["ConsumedCapacity"] = meter.one()
    return answer


def _text(value: Any) -> str:
    return base64.b64encode(value).decode()


def _start(table: Table, index: Index | None, token: str | None) -> tuple[bytes, ...]:
    if token is None:
        return ()
    try:
        item = orjson.loads(base64.b64decode(token))
        for value in item.values():
            if "B" in value:
                value["B"] = base64.b64decode(value["B"])
        return pages.start_of(table, index, item)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise invalid("The NextToken is invalid") from None


def _shown(item: Item, statement: Statement) -> Item:
    if statement.paths is None:
        return item
    found: Item = {}
    for path in statement.paths:
        part = project(item, [path])
        value = part.get(str(path[0]))
        if value is None:
            continue
        # What a path leads to is called by its last name.
        for step in path[1:]:
            value = value["L"][0] if isinstance(step, int) else value["M"][step]
        names = [each for each in path if isinstance(each, str)]
        found[names[-1]] = value
    return found


def _parts(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return [*_parts(node[1]), *_parts(node[2])] if node[0] == "and" else [node]


def _span(
    condition: Node | None, schema: KeySchema
) -> tuple[conditions_on_keys.Span | None, Node | None]:
    """Return what of a table a condition asks for, and the whole condition."""
    keys: dict[str, Node] = {}
    for part in _parts(condition):
        operands = part[1:]
        if part[0] in ("=", "<", "<=", ">", ">=", "between", "begins_with") and operands[0][0] == (
            "path"
        ):
            name = operands[0][1]
            if (
                len(name) == 1
                and name[0] in schema.names
                and all(o[0] == "value" for o in operands[1:])
            ):
                keys.setdefault(str(name[0]), part)
    first = keys.get(schema.partition)
    if first is None or first[0] != "=":
        return None, condition
    asked: Node = first
    second = keys.get(schema.sort) if schema.sort else None
    if second is not None:
        asked = ("and", first, second)
    return conditions_on_keys.span(asked, schema), condition


def _whole_key(condition: Node | None, schema: KeySchema) -> Item | None:
    """Return the key that a condition names; None: it names none."""
    found: Item = {}
    for part in _parts(condition):
        if part[0] == "=" and part[1][0] == "path" and part[2][0] == "value":
            name = part[1][1]
            if len(name) == 1 and name[0] in schema.names:
                found[str(name[0])] = part[2][1]
    return found if found.keys() == set(schema.names) else None


def _change(table: Table, statement: Statement, request: Mapping[str, Any]) -> _Change:
    shows = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    if statement.verb == "INSERT":
        return _Change(statement, _insert(table, dict(statement.item or {})))
    key = _whole_key(statement.condition, table.schema)
    if key is None:
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    number: Key = table.key_of(key)
    condition = statement.condition
    assert condition is not None
    has_more = len(_parts(condition)) > len(key)
    items.check_actions(table, statement.actions)

    def compute(old: Item | None) -> Item | None:
        if statement.verb == "DELETE" and old is None and not has_more:
            return None
        if not holds(condition, old or {}):
            raise condition_failed(old if shows else None)
        if statement.verb == "EXISTS":
            return old
        return (
            None
            if statement.verb == "DELETE"
            else items.updated(table, statement.actions, old, key)
        )

    return _Change(
        statement,
        Write(table=table, key=number, compute=compute, checks_only=statement.verb == "EXISTS"),
    )


def _insert(table: Table, item: Item) -> Write:
    size = values.check_item(item)
    if size > values.MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")

    def compute(old: Item | None) -> Item:
        if old is not None:
            raise AwsError("DuplicateItemException", "Duplicate primary key exists in table")
        return item

    return Write(table=table, key=table.check_new(item), compute=compute, size=size)


def _returned(change: _Change, done: Written) -> list[Item]:
    """Return what a RETURNING clause shows."""
    statement = change.statement
    words = statement.returning.split()
    if not words:
        return []
    image = done.old if words[1] == "OLD" else done.new
    if image is None:
        return []
    if words[0] == "MODIFIED":
        return [project(image, [action[1] for action in statement.actions])]
    return [image]
