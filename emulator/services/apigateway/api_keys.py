"""API keys.

https://docs.aws.amazon.com/apigateway/latest/api/API_ApiKey.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, new_id, new_key, pick
from emulator.services.apigateway.errors import bad_request, conflict, unknown
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply, boolean
from emulator.services.apigateway.state import listed, of
from emulator.services.context import Context, Request, Response

SHORTEST, LONGEST = 20, 128

FIELDS = (
    Field("/customerId"),
    Field("/description"),
    Field("/enabled", "replace", boolean),
    Field("/name"),
    Field("/stages/{stage}", "add remove", is_list=True),
    Field("/labels/{label}", "add remove", is_list=True),
)


def key_of(ctx: Context, key_id: str) -> Document:
    """Return an API key of the caller's.

    Raises:
        AwsError: There is none of this id.
    """
    found = of(ctx).keys.find(ctx.account, ctx.region, key_id)
    if found is None:
        raise unknown("apikey")
    return found


def _shown(key: Mapping[str, Any], *, value: bool) -> Response:
    return {k: v for k, v in key.items() if value or k != "value"}


def _new_key(ctx: Context, given: Mapping[str, Any]) -> Document:
    value = given.get("value") or new_key()
    if len(value) > LONGEST:
        raise bad_request(f"API Key value exceeds maximum size of {LONGEST} characters")
    if len(value) < SHORTEST:
        raise bad_request(f"API Key value should be at least {SHORTEST} characters")
    if of(ctx).keys.by_value(ctx.account, ctx.region, value) is not None:
        raise conflict("API Key already exists")
    now = int(ctx.clock.now())
    stages = [
        f"{each.get('restApiId', '')}/{each.get('stageName', '')}"
        for each in given.get("stageKeys") or []
    ]
    return {
        "id": new_id(10),
        "value": value,
        "enabled": bool(given.get("enabled")),
        "createdDate": now,
        "lastUpdatedDate": now,
        "stageKeys": stages,
        **pick(given, ("name", "description", "customerId", "tags")),
    }


async def _keep(ctx: Context, key: Document) -> None:
    await of(ctx).keys.put(ctx.account, ctx.region, key["id"], key)


async def create_api_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html."""
    key = _new_key(ctx, request)
    await _keep(ctx, key)
    return key


async def get_api_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKey.html."""
    return _shown(key_of(ctx, request["apiKey"]), value=bool(request.get("includeValue")))


async def get_api_keys(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetApiKeys.html."""
    name, customer = request.get("nameQuery") or "", request.get("customerId")
    keys = [
        _shown(each, value=bool(request.get("includeValues")))
        for each in listed(of(ctx).keys, ctx)
        if (each.get("name") or "").startswith(name) and customer in (None, each.get("customerId"))
    ]
    return page(keys, request)


async def delete_api_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteApiKey.html."""
    key = key_of(ctx, request["apiKey"])
    await of(ctx).keys.delete(ctx.account, ctx.region, key["id"])
    for plan_id in list(of(ctx).plans.keys(ctx.account, ctx.region)):
        plan = of(ctx).plans.find(ctx.account, ctx.region, plan_id) or {}
        if key["id"] in plan.get("keys", {}):
            left = {k: v for k, v in plan["keys"].items() if k != key["id"]}
            await of(ctx).plans.put(ctx.account, ctx.region, plan["id"], {**plan, "keys": left})
    return {}


async def update_api_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateApiKey.html."""
    held = key_of(ctx, request["apiKey"])
    changed = apply(
        {**held, "stages": held["stageKeys"]}, request.get("patchOperations") or (), FIELDS
    )
    key = {k: v for k, v in changed.items() if k not in ("stages", "labels")}
    key |= {"stageKeys": changed["stages"], "lastUpdatedDate": int(ctx.clock.now())}
    await _keep(ctx, key)
    return _shown(key, value=False)


async def import_api_keys(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_ImportApiKeys.html."""
    try:
        rows = list(csv.DictReader(io.StringIO(request["body"].decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise bad_request("API keys cannot be read: the body is no CSV file") from None
    rows = [{(k or "").strip().lower(): v for k, v in row.items()} for row in rows]
    if not rows or not {"name", "key"} <= rows[0].keys():
        raise bad_request("Failed to parse API keys: the columns 'Name' and 'Key' are required")
    made, warnings = [], []
    for row in rows:
        given = {
            "name": row["name"],
            "value": row["key"],
            "description": row.get("description"),
            "enabled": str(row.get("enabled") or "true").lower() == "true",
        }
        plans = [each for each in str(row.get("usageplanids") or "").split(",") if each.strip()]
        missing = [
            each for each in plans if of(ctx).plans.find(ctx.account, ctx.region, each) is None
        ]
        if missing:
            warnings.append(f"Invalid Usage Plan ID specified: {', '.join(missing)}")
        if missing and request.get("failOnWarnings"):
            raise bad_request(warnings[-1])
        made.append((_new_key(ctx, given), [each for each in plans if each not in missing]))
    for key, plans in made:
        await _keep(ctx, key)
        for plan_id in plans:
            plan = of(ctx).plans.find(ctx.account, ctx.region, plan_id) or {}
            plan = {**plan, "keys": {**plan.get("keys", {}), key["id"]: "API_KEY"}}
            await of(ctx).plans.put(ctx.account, ctx.region, plan_id, plan)
    return {"ids": [key["id"] for key, _ in made], "warnings": warnings}
