"""Query and Scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from operator import eq, ge, gt, le, lt
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import conditions_on_keys, legacy, pages, values
from emulator.services.dynamodb.capacity import Meter, read_units
from emulator.services.dynamodb.errors import invalid, invalid_value
from emulator.services.dynamodb.expressions.binding import Binding, Path
from emulator.services.dynamodb.expressions.evaluation import project
from emulator.services.dynamodb.pages import Page, Reading
from emulator.services.dynamodb.schema import Index, Table
from emulator.services.dynamodb.state import find, of
from emulator.services.dynamodb.values import Item, encode_key, kind_of

_COMPARED = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


async def query(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html."""
    legacy.check_mix(request)
    binding = Binding(request, "FilterExpression", "KeyConditionExpression", "ProjectionExpression")
    condition = binding.condition("FilterExpression", request.get("FilterExpression"))
    key_condition = binding.condition(
        "KeyConditionExpression", request.get("KeyConditionExpression")
    )
    paths = _paths(binding, request)
    binding.finish()
    if condition is None:
        condition = legacy.condition(request.get("QueryFilter"), request.get("ConditionalOperator"))
    if key_condition is None:
        if "KeyConditions" not in request:
            raise invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                "in the request."
            )
        key_condition = conditions_on_keys.from_legacy(request["KeyConditions"])
    table = find(ctx, request["TableName"])
    index = _index(table, request)
    schema = index or table.schema
    span = conditions_on_keys.span(key_condition, schema)
    what = "Filter Expression" if "FilterExpression" in request else "QueryFilter"
    _check_filter(conditions_on_keys.attributes(condition), schema.names, what)
    reading = Reading(
        table=table,
        index=index,
        span=span,
        is_backward=request.get("ScanIndexForward") is False,
        limit=request.get("Limit", 0),
        condition=condition,
    )
    return await _answer(ctx, request, reading, paths)


async def scan(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html."""
    legacy.check_mix(request)
    binding = Binding(request, "FilterExpression", "ProjectionExpression")
    condition = binding.condition("FilterExpression", request.get("FilterExpression"))
    paths = _paths(binding, request)
    binding.finish()
    if condition is None:
        condition = legacy.condition(request.get("ScanFilter"), request.get("ConditionalOperator"))
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if segment is not None and segments is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segments is not None and segment is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present"
        )
    if segment is not None and segment >= segments:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    table = find(ctx, request["TableName"])
    reading = Reading(
        table=table,
        index=_index(table, request),
        segment=(segment or 0, segments or 1),
        limit=request.get("Limit", 0),
        condition=condition,
    )
    return await _answer(ctx, request, reading, paths)


def _paths(binding: Binding, request: Request) -> list[Path] | None:
    paths = binding.projection(request.get("ProjectionExpression"))
    return paths if paths is not None else legacy.paths(request.get("AttributesToGet"))


def _index(table: Table, request: Request) -> Index | None:
    name = request.get("IndexName")
    if name is None:
        return None
    index = table.find_index(name)
    if index.is_global and request.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return index


def _check_filter(names: set[str], keys: Iterable[str], what: str) -> None:
    for name in keys:
        if name in names:
            raise invalid(
                f"{what} can only contain non-primary key attributes: Primary key attribute: {name}"
            )


async def _answer(
    ctx: Context, request: Request, reading: Reading, paths: list[Path] | None
) -> Response:
    select = _select(request, reading.index, paths)
    given = request.get("ExclusiveStartKey")
    if given is not None:
        reading = replace(reading, start=_start(reading, given))
    page = await of(ctx).read(partial(pages.read, reading=reading))
    answer: Response = {"Count": len(page.items), "ScannedCount": page.looked_at}
    if select != "COUNT":
        answer["Items"] = _shown(page.items, reading, paths, select)
    if page.last is not None:
        answer["LastEvaluatedKey"] = last_key(reading, page.last)
    answer["ConsumedCapacity"] = _consumed(request, reading, page)
    return answer


def last_key(reading: Reading, item: Item) -> Item:
    """Return where the next page begins."""
    own = reading.table.schema.attributes(item)
    return own if reading.index is None else {**own, **reading.index.attributes(item)}


def _select(request: Request, index: Index | None, paths: list[Path] | None) -> str:
    select: str = request.get("Select", "")
    if not select:
        if paths is not None:
            return "SPECIFIC_ATTRIBUTES"
        return "ALL_ATTRIBUTES" if index is None else "ALL_PROJECTED_ATTRIBUTES"
    if paths is not None and select != "SPECIFIC_ATTRIBUTES":
        what = "AttributesToGet" if "AttributesToGet" in request else "ProjectionExpression"
        shown = "only the Count" if select == "COUNT" else select
        raise invalid(f"Cannot specify the {what} when choosing to get {shown}")
    if paths is None and select == "SPECIFIC_ATTRIBUTES":
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if select == "ALL_ATTRIBUTES" and index and index.is_global and index.projection != "ALL":
        raise invalid_value(
            f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
            "because its projection type is not ALL"
        )
    return select


def _shown(
    items: list[Item], reading: Reading, paths: list[Path] | None, select: str
) -> list[Item]:
    index = reading.index
    projected: set[str] | None = None
    if index is not None and index.projection != "ALL":
        projected = {*index.names, *reading.table.schema.names, *index.included}
    if paths is not None:
        if projected is not None and index is not None and index.is_global:
            missing = sorted({str(path[0]) for path in paths} - projected)
            if missing:
                raise invalid_value(
                    f"Global secondary index {index.name} does not project [{', '.join(missing)}]"
                )
        return [project(item, paths) for item in items]
    if projected is None or select == "ALL_ATTRIBUTES":
        return items
    return [{k: v for k, v in item.items() if k in projected} for item in items]


def _start(reading: Reading, given: Mapping[str, Any]) -> tuple[bytes, ...]:
    table, index = reading.table, reading.index
    types = {**table.schema.types, **(index.types if index is not None else {})}
    wrong = invalid("The provided starting key is invalid")
    if given.keys() != types.keys():
        if index is None and reading.span is None:
            wrong = invalid(
                "The provided starting key is invalid: "
                "The provided key element does not match the schema"
            )
        raise wrong
    item: Item = dict(given)
    for name, kind in types.items():
        values.check(item[name])
        if kind_of(item[name]) != kind:
            raise (
                wrong
                if reading.span is not None
                else invalid(
                    "The provided starting key is invalid: "
                    "The provided key element does not match the schema"
                )
            )
    start = pages.start_of(table, index, item)
    if reading.span is not None and start[0] != reading.span.partition:
        raise invalid(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    sort = (index or table.schema).sort
    if reading.span is not None and sort is not None:
        given_key = encode_key(item[sort])
        if not all(_COMPARED[sign](given_key, bound) for sign, bound in reading.span.bounds):
            raise invalid("The provided starting key does not match the range key predicate")
    number, of_all = reading.segment
    if of_all > 1 and not (
        2**32 * number // of_all <= int.from_bytes(start[0][:4]) < 2**32 * (number + 1) // of_all
    ):
        raise invalid(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
            "ExclusiveStartKey with correct Segment. "
            f"TotalSegments: {of_all} Segment: {number}"
        )
    return start


def _consumed(request: Request, reading: Reading, page: Page) -> dict[str, Any] | None:
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if not meter.is_on:
        return None
    units = read_units(page.size, consistent=bool(request.get("ConsistentRead")))
    if reading.index is None:
        meter.add(reading.table, units)
    else:
        meter.add(reading.table, 0.0, {reading.index.name: units})
    return meter.one()
