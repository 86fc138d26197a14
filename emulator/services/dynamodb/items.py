"""Operations on one item."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import legacy, rows, values
from emulator.services.dynamodb.capacity import Meter, read_units
from emulator.services.dynamodb.errors import condition_failed, invalid, invalid_value
from emulator.services.dynamodb.expressions import updates
from emulator.services.dynamodb.expressions.binding import Binding
from emulator.services.dynamodb.expressions.evaluation import holds, project
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.schema import Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.values import MAX_ITEM_BYTES, Item
from emulator.services.dynamodb.writing import Write

_TOO_LARGE = "Item size has exceeded the maximum allowed size"
_UPDATE_TOO_LARGE = "Item size to update has exceeded the maximum allowed size"


async def get_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html."""
    legacy.check_mix(request)
    binding = Binding(request, "ProjectionExpression")
    paths = binding.projection(request.get("ProjectionExpression"))
    if paths is None:
        paths = legacy.paths(request.get("AttributesToGet"))
    binding.finish()
    check_values(request["Key"])
    table = find(ctx, request["TableName"])
    key = table.key_of(request["Key"])
    item = await of(ctx).read(partial(rows.get, table=table, key=key))
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if meter.is_on:
        size = values.item_size(item) if item is not None else 0
        meter.add(table, read_units(size, consistent=bool(request.get("ConsistentRead"))))
    shown = None if item is None else item if paths is None else project(item, paths)
    return {"Item": shown, "ConsumedCapacity": meter.one()}


async def put_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html."""
    returned = _return_values(request, ("ALL_OLD", "NONE"))
    write = put_write(ctx, request)
    done = await of(ctx).write_one(write)
    answer: Response = {}
    if returned == "ALL_OLD" and done.old is not None:
        answer["Attributes"] = done.old
    return _metered(answer, request, done.table, done.old, done.new)


async def delete_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html."""
    returned = _return_values(request, ("ALL_OLD", "NONE"))
    write = delete_write(ctx, request)
    done = await of(ctx).write_one(write)
    answer: Response = {}
    if returned == "ALL_OLD" and done.old is not None:
        answer["Attributes"] = done.old
    return _metered(answer, request, done.table, done.old, None)


async def update_item(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html."""
    write, actions = update_write(ctx, request)
    done = await of(ctx).write_one(write)
    answer: Response = {}
    returned = request.get("ReturnValues", "NONE")
    image = done.old if returned.endswith("_OLD") else done.new
    if returned.startswith("ALL_") and image is not None:
        answer["Attributes"] = image
    elif returned.startswith("UPDATED_") and image is not None:
        shown = project(image, [action[1] for action in actions]) if actions else {}
        if shown:
            answer["Attributes"] = shown
    return _metered(answer, request, done.table, done.old, done.new)


def put_write(ctx: Context, request: Request) -> Write:
    """Return the write of a request to put an item.

    Raises:
        AwsError: It is not valid, or there is no such table.
    """
    condition, shows = _condition(request)
    item: Item = dict(request["Item"])
    size = values.check_item(item)
    if size > MAX_ITEM_BYTES:
        raise invalid(_TOO_LARGE)
    table = find(ctx, request["TableName"])
    key = table.check_new(item)

    def compute(old: Item | None) -> Item:
        _check(condition, old, shows)
        return item

    return Write(table=table, key=key, compute=compute, size=size)


def delete_write(ctx: Context, request: Request) -> Write:
    """Return the write of a request to delete an item.

    Raises:
        AwsError: It is not valid, or there is no such table.
    """
    condition, shows = _condition(request)
    check_values(request["Key"])
    table = find(ctx, request["TableName"])
    key = table.key_of(request["Key"])

    def compute(old: Item | None) -> None:
        _check(condition, old, shows)

    return Write(table=table, key=key, compute=compute)


def check_write(ctx: Context, request: Request) -> Write:
    """Return the write that checks a condition, and changes nothing.

    Raises:
        AwsError: It is not valid, or there is no such table.
    """
    condition, shows = _condition(request)
    check_values(request["Key"])
    table = find(ctx, request["TableName"])
    key = table.key_of(request["Key"])

    def compute(old: Item | None) -> Item | None:
        _check(condition, old, shows)
        return old

    return Write(table=table, key=key, compute=compute, checks_only=True)


def update_write(ctx: Context, request: Request) -> tuple[Write, list[Node]]:
    """Return the write of a request to update an item, and its actions.

    Raises:
        AwsError: It is not valid, or there is no such table.
    """
    legacy.check_mix(request)
    binding = Binding(request, "UpdateExpression", "ConditionExpression")
    actions = binding.update(request.get("UpdateExpression"))
    condition = binding.condition("ConditionExpression", request.get("ConditionExpression"))
    binding.finish()
    if actions is None:
        actions = legacy.updates(request.get("AttributeUpdates")) or []
    if condition is None:
        condition = legacy.condition(request.get("Expected"), request.get("ConditionalOperator"))
    check_values(request["Key"])
    table = find(ctx, request["TableName"])
    key = table.key_of(request["Key"])
    check_actions(table, actions)
    shows = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    start: Item = dict(request["Key"])

    def compute(old: Item | None) -> Item:
        _check(condition, old, shows)
        return updated(table, actions, old, start)

    return Write(table=table, key=key, compute=compute), actions


def check_actions(table: Table, actions: list[Node]) -> None:
    """Check that an update leaves the key alone.

    Raises:
        AwsError: ValidationException.
    """
    for action in actions:
        if action[1][0] in table.schema.names:
            raise invalid_value(
                f"Cannot update attribute {action[1][0]}. This attribute is part of the key"
            )


def updated(table: Table, actions: list[Node], old: Item | None, start: Item) -> Item:
    """Return an item as an update makes it.

    Args:
        table: Its table.
        actions: The update's.
        old: What is there.
        start: What there is of a new one: its key.

    Raises:
        AwsError: ValidationException.
    """
    new = updates.apply(actions, start if old is None else old)
    size = values.check_item(new)
    if size > MAX_ITEM_BYTES:
        raise invalid(_UPDATE_TOO_LARGE)
    if table.indexes:
        table.check_indexes(new)
    return new


def check_values(key: Mapping[str, Any]) -> None:
    """Check the values of a key.

    Raises:
        AwsError: ValidationException.
    """
    for value in key.values():
        values.check(value)


def _condition(request: Request) -> tuple[Node | None, bool]:
    """Return the condition of a write, and whether its failure shows the item."""
    legacy.check_mix(request)
    binding = Binding(request, "ConditionExpression")
    condition = binding.condition("ConditionExpression", request.get("ConditionExpression"))
    binding.finish()
    if condition is None:
        condition = legacy.condition(request.get("Expected"), request.get("ConditionalOperator"))
    return condition, request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _check(condition: Node | None, item: Item | None, shows: bool) -> None:
    if condition is not None and not holds(condition, item or {}):
        raise condition_failed(item if shows else None)


def _return_values(request: Request, allowed: tuple[str, ...]) -> str:
    returned: str = request.get("ReturnValues", "NONE")
    if returned not in allowed:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    return returned


def _metered(
    answer: Response, request: Request, table: Table, old: Item | None, new: Item | None
) -> Response:
    meter = Meter(request.get("ReturnConsumedCapacity"))
    meter.add_write(table, old, new)
    answer["ConsumedCapacity"] = meter.one()
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        answer["ItemCollectionMetrics"] = collection(table, new or old)
    return answer


def collection(table: Table, item: Item | None) -> dict[str, Any] | None:
    """Return the metrics of an item's collection; None where the table has no local index."""
    if item is None or all(index.is_global for index in table.indexes.values()):
        return None
    name = table.schema.partition
    return {"ItemCollectionKey": {name: item[name]}, "SizeEstimateRangeGB": [0.0, 1.0]}
