"""Several items in one request, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import items, legacy, rows, values
from emulator.services.dynamodb.capacity import Meter, read_units
from emulator.services.dynamodb.errors import invalid, wrong_key
from emulator.services.dynamodb.expressions.binding import Binding, Path
from emulator.services.dynamodb.expressions.evaluation import project
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Key, Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.values import Item, kind_of
from emulator.services.dynamodb.writing import Write

_MOST_READ, _MOST_WRITTEN = 100, 25
_MAX_ANSWER_BYTES = 16 * 1024 * 1024
_DUPLICATES = "Provided list of item keys contains duplicates"


async def batch_get_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html."""
    wanted: Mapping[str, Mapping[str, Any]] = request["RequestItems"]
    if sum(len(each["Keys"]) for each in wanted.values()) > _MOST_READ:
        raise invalid("Too many items requested for the BatchGetItem call")
    plans = [(name, each, *_plan(ctx, name, each)) for name, each in wanted.items()]
    asked = [(table, keys) for _, _, table, keys, _ in plans]
    found = await of(ctx).read(lambda connection: _get_all(connection, asked))
    meter = Meter(request.get("ReturnConsumedCapacity"))
    responses: dict[str, list[Item]] = {}
    left: dict[str, dict[str, Any]] = {}
    size = 0
    for (name, each, table, _, paths), answers in zip(plans, found, strict=True):
        responses[name] = shown = []
        for given, item in zip(each["Keys"], answers, strict=True):
            bytes_read = values.item_size(item) if item is not None else 0
            size += bytes_read
            if size > _MAX_ANSWER_BYTES:
                left.setdefault(name, {**each, "Keys": []})["Keys"].append(given)
                continue
            meter.add(table, read_units(bytes_read, consistent=bool(each.get("ConsistentRead"))))
            if item is not None:
                shown.append(item if paths is None else project(item, paths))
    return {"Responses": responses, "UnprocessedKeys": left, "ConsumedCapacity": meter.all()}


def _plan(
    ctx: Context, name: str, each: Mapping[str, Any]
) -> tuple[Table, list[Key], list[Path] | None]:
    legacy.check_mix(each)
    binding = Binding(each, "ProjectionExpression")
    paths = binding.projection(each.get("ProjectionExpression"))
    if paths is None:
        paths = legacy.paths(each.get("AttributesToGet"))
    binding.finish()
    table = find(ctx, name)
    keys = []
    for given in each["Keys"]:
        items.check_values(given)
        keys.append(table.key_of(given))
    if len(set(keys)) < len(keys):
        raise invalid(_DUPLICATES)
    return table, keys, paths


def _get_all(
    connection: Connection, asked: list[tuple[Table, list[Key]]]
) -> list[list[Item | None]]:
    return [[rows.get(connection, table, key) for key in keys] for table, keys in asked]


async def batch_write_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html."""
    wanted: Mapping[str, list[Mapping[str, Any]]] = request["RequestItems"]
    if sum(map(len, wanted.values())) > _MOST_WRITTEN:
        raise invalid("Too many items requested for the BatchWriteItem call")
    writes: list[Write] = []
    for name, requests in wanted.items():
        table = find(ctx, name)
        own = [_write(table, each) for each in requests]
        if len({each.key for each in own}) < len(own):
            raise invalid(_DUPLICATES)
        writes += own
    result = await of(ctx).write(writes)
    meter = Meter(request.get("ReturnConsumedCapacity"))
    for done in result.outcomes:
        if done.error is not None:
            raise done.error
        meter.add_write(done.table, done.old, done.new)
    answer: Response = {"UnprocessedItems": {}, "ConsumedCapacity": meter.all()}
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        metrics: dict[str, list[Any]] = {}
        for done in result.outcomes:
            shown = items.collection(done.table, done.new or done.old)
            if shown:
                metrics.setdefault(done.table.name, []).append(shown)
        answer["ItemCollectionMetrics"] = metrics
    return answer


def _write(table: Table, given: Mapping[str, Any]) -> Write:
    if len(given) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
            if given
            else "Supplied AttributeValue is empty, must contain exactly one of the supported "
            "datatypes"
        )
    if "DeleteRequest" in given:
        key = given["DeleteRequest"]["Key"]
        items.check_values(key)
        return Write(table=table, key=table.key_of(key), compute=lambda old: None)
    item: Item = dict(given["PutRequest"]["Item"])
    size = values.check_item(item)
    if size > values.MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    for name, kind in table.schema.types.items():
        # Recorded: here a key that is not there has the words of a key that is wrong.
        if name not in item or kind_of(item[name]) != kind:
            raise wrong_key()
    return Write(table=table, key=table.check_new(item), compute=lambda old: item, size=size)


def error_of(error: AwsError) -> dict[str, Any]:
    """Return an error as batches of statements show it."""
    code = error.code.removesuffix("Exception")
    code = {
        "Validation": "ValidationError",
        "ConditionalCheckFailed": "ConditionalCheckFailed",
        "ResourceNotFound": "ResourceNotFound",
        "DuplicateItem": "DuplicateItem",
    }.get(code, code)
    shown: dict[str, Any] = {"Code": code, "Message": error.message}
    if error.fields.get("Item"):
        shown["Item"] = error.fields["Item"]
    return shown
