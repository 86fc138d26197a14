"""Usage plans: which keys may call which stages, how often.

https://docs.aws.amazon.com/apigateway/latest/api/API_UsagePlan.html
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.apigateway.api_keys import key_of
from emulator.services.apigateway.documents import Document, drop, new_id, pick, put
from emulator.services.apigateway.errors import bad_request, conflict, not_found
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply, decimal, number, unescaped, unsupported
from emulator.services.apigateway.state import listed, of
from emulator.services.context import Context, Request, Response

FIELDS = (
    Field("/description"),
    Field("/name"),
    Field("/productCode", "add remove replace"),
    Field("/quota", "remove"),
    Field("/quota/limit", "add replace", number),
    Field("/quota/offset", "add replace", number),
    Field("/quota/period", "add replace"),
    Field("/throttle", "remove"),
    Field("/throttle/burstLimit", "add replace", number),
    Field("/throttle/rateLimit", "add replace", decimal),
)
_STAGE_THROTTLE = re.compile(
    r"/apiStages/(?P<api>[^/:]+):(?P<stage>[^/]+)/throttle"
    r"(?:/(?P<path>.+)/(?P<method>[A-Z*]+)(?:/(?P<name>rateLimit|burstLimit))?)?"
)
#: As API Gateway lists what can be removed: https://github.com/boto/boto3/issues/2629
_REMOVABLE = (
    "/apiStages",
    "/quota",
    "/throttle",
    "/productCode",
    "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>",
    "/apiStages/<apidId:stageName>/throttle",
)
_PERIODS = ("DAY", "WEEK", "MONTH")


def plan_of(ctx: Context, plan_id: str) -> Document:
    """Return a usage plan of the caller's.

    Raises:
        AwsError: There is none of this id.
    """
    found = of(ctx).plans.find(ctx.account, ctx.region, plan_id)
    if found is None:
        raise not_found("Invalid Usage Plan ID specified")
    return found


def _shown(plan: Mapping[str, Any]) -> Response:
    return {k: v for k, v in plan.items() if k not in ("keys", "used", "extra", "createdDate")}


async def _keep(ctx: Context, plan: Document) -> None:
    await of(ctx).plans.put(ctx.account, ctx.region, plan["id"], plan)


async def _of_websockets(ctx: Context, named: Iterable[Any]) -> frozenset[tuple[str, str]]:
    """Return which of the stages that are named are WebSocket APIs', by API and name."""
    found = set()
    for each in named:
        api_id, _, stage = str(each).partition(":")
        if not api_id or of(ctx).apis.find(ctx.account, ctx.region, api_id) is not None:
            continue
        request = {"ApiId": api_id, "StageName": stage}
        try:
            await ctx.parts.table.call(
                "apigatewayv2", "GetStage", request, account=ctx.account, region=ctx.region
            )
        except AwsError:
            continue
        found.add((api_id, stage))
    return frozenset(found)


def _check(ctx: Context, plan: Mapping[str, Any], others: Container[tuple[str, str]]) -> None:
    if not plan.get("name"):
        raise bad_request("Usage Plan name must be non-empty")
    for each in plan.get("apiStages") or ():
        if (each.get("apiId"), each.get("stage")) in others:
            continue
        if not each.get("apiId") or not each.get("stage"):
            # In these words: https://github.com/aws/aws-sdk/issues/354
            raise bad_request("Invalid API Stage {api: %s, stage: %s} specified for usageplan %s")
        api = of(ctx).apis.find(ctx.account, ctx.region, each.get("apiId") or "")
        if api is None:
            raise not_found(f"Invalid API identifier specified {ctx.account}:{each.get('apiId')}")
        if each.get("stage") not in (api.get("stages") or {}):
            raise not_found(f"Invalid stage identifier specified: {each.get('stage')}")
    quota = plan.get("quota")
    if quota is not None:
        if quota.get("period") not in _PERIODS:
            raise bad_request("Usage Plan quota period must be one of DAY, WEEK, MONTH")
        if (quota.get("limit") or 0) <= 0:
            raise bad_request("Usage Plan quota limit must be greater than zero")
        if (
            quota.get("offset", 0)
            and quota["offset"] >= {"DAY": 1, "WEEK": 7, "MONTH": 28}[quota["period"]]
        ):
            raise bad_request("Usage Plan quota offset must be less than the period")
    throttle = plan.get("throttle") or {}
    if min(throttle.get("rateLimit", 0), throttle.get("burstLimit", 0)) < 0:
        raise bad_request("Usage Plan throttle limits must not be negative")


def _throttle(given: Mapping[str, Any]) -> Document:
    return {
        "burstLimit": int(given.get("burstLimit") or 0),
        "rateLimit": float(given.get("rateLimit") or 0.0),
    }


async def create_usage_plan(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateUsagePlan.html."""
    plan: Document = {
        "id": new_id(),
        "apiStages": [dict(each) for each in request.get("apiStages") or []],
        "createdDate": ctx.clock.now(),
        **pick(request, ("name", "description", "tags")),
    }
    if request.get("throttle") is not None:
        plan["throttle"] = _throttle(request["throttle"])
    if request.get("quota") is not None:
        plan["quota"] = {"offset": 0, **request["quota"]}
    others = await _of_websockets(
        ctx, (f"{each.get('apiId')}:{each.get('stage')}" for each in plan["apiStages"])
    )
    _check(ctx, plan, others)
    await _keep(ctx, plan)
    return _shown(plan)


async def get_usage_plan(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsagePlan.html."""
    return _shown(plan_of(ctx, request["usagePlanId"]))


async def get_usage_plans(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsagePlans.html."""
    wanted = request.get("keyId")
    plans = listed(of(ctx).plans, ctx)
    plans = [each for each in plans if wanted is None or wanted in each.get("keys", {})]
    return page([_shown(each) for each in plans], request)


async def delete_usage_plan(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteUsagePlan.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    if plan["apiStages"]:
        first = plan["apiStages"][0]
        raise bad_request(
            f"Cannot delete Usage Plan {plan['id']} because there are API Stages associated with "
            f"it, including {first['apiId']}:{first['stage']}"
        )
    await of(ctx).plans.delete(ctx.account, ctx.region, plan["id"])
    return {}


async def update_usage_plan(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateUsagePlan.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    operations = request.get("patchOperations") or ()
    named = [each.get("value") for each in operations if each.get("path") == "/apiStages"]
    held = [f"{each['apiId']}:{each['stage']}" for each in plan["apiStages"]]
    others = await _of_websockets(ctx, [*named, *held])
    plan = plan_of(ctx, request["usagePlanId"])
    for each in operations:
        path = each.get("path") or ""
        if path == "/apiStages":
            plan = _with_stage(plan, each.get("op"), each.get("value") or "")
        elif match := _STAGE_THROTTLE.fullmatch(path):
            plan = _with_throttle(plan, match, each)
        else:
            if each.get("op") == "remove" and path not in _REMOVABLE:
                raise unsupported("remove", path, _REMOVABLE)
            plan = apply(plan, [each], FIELDS)
    if plan.get("throttle") is not None:
        plan["throttle"] = _throttle(plan["throttle"])
    if plan.get("quota") is not None:
        plan["quota"] = {"offset": 0, **plan["quota"]}
    _check(ctx, plan, others)
    await _keep(ctx, plan)
    return _shown(plan)


def _with_stage(plan: Document, operation: str | None, value: str) -> Document:
    api, colon, stage = value.partition(":")
    if not colon or operation not in ("add", "remove"):
        raise bad_request("Invalid API Stage specified")
    if operation == "remove" and {"apiId": api, "stage": stage} not in [
        {"apiId": each["apiId"], "stage": each["stage"]} for each in plan["apiStages"]
    ]:
        raise not_found(
            f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan['id']}"
        )
    left = [each for each in plan["apiStages"] if (each["apiId"], each["stage"]) != (api, stage)]
    if operation == "add":
        left.append({"apiId": api, "stage": stage})
    return {**plan, "apiStages": left}


def _with_throttle(plan: Document, match: re.Match[str], operation: Mapping[str, Any]) -> Document:
    stages = []
    for each in plan["apiStages"]:
        if (each["apiId"], each["stage"]) == (match["api"], match["stage"]):
            key = match["path"] and f"{unescaped(match['path'])}/{match['method']}"
            keys = ["throttle"] if key is None else ["throttle", key]
            if operation.get("op") == "remove":
                each = drop(each, keys)
            elif key and match["name"]:
                read = number if match["name"] == "burstLimit" else decimal
                value = read(operation.get("value"), operation["path"])
                each = put(each, [*keys, match["name"]], value)
            if each.get("throttle") == {}:
                each = drop(each, ["throttle"])
        stages.append(each)
    return {**plan, "apiStages": stages}


# --- keys of plans -----------------------------------------------------------------------------


def _member(key: Mapping[str, Any], kind: str) -> Response:
    return {
        "id": key["id"],
        "type": kind,
        "value": key["value"],
        **({"name": key["name"]} if key.get("name") else {}),
    }


def _key_in(ctx: Context, plan: Mapping[str, Any], key_id: str) -> Document:
    if key_id not in plan.get("keys", {}):
        raise not_found("Invalid API Key identifier specified")
    return key_of(ctx, key_id)


async def create_usage_plan_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateUsagePlanKey.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    if request["keyType"] != "API_KEY":
        raise bad_request("Usage Plan Key type must be API_KEY")
    key = key_of(ctx, request["keyId"])
    if key["id"] in plan.get("keys", {}):
        raise conflict(f"Usage Plan {plan['id']} already contains API Key {key['id']}")
    served = {(each["apiId"], each["stage"]) for each in plan["apiStages"]}
    for other in listed(of(ctx).plans, ctx):
        shared = served & {(each["apiId"], each["stage"]) for each in other["apiStages"]}
        if key["id"] in other.get("keys", {}) and shared:
            api, stage = min(shared)
            raise conflict(
                f"API Key {key['id']} cannot be added to Usage Plan {plan['id']}: it is "
                f"already in another Usage Plan for the stage {api}:{stage}"
            )
    await _keep(ctx, put(plan, ["keys", key["id"]], "API_KEY"))
    return _member(key, "API_KEY")


async def get_usage_plan_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsagePlanKey.html."""
    return _member(_key_in(ctx, plan_of(ctx, request["usagePlanId"]), request["keyId"]), "API_KEY")


async def get_usage_plan_keys(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsagePlanKeys.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    keys = [key_of(ctx, each) for each in plan.get("keys", {})]
    wanted = request.get("nameQuery") or ""
    shown = [
        _member(each, "API_KEY") for each in keys if (each.get("name") or "").startswith(wanted)
    ]
    return page(shown, request)


async def delete_usage_plan_key(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteUsagePlanKey.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    _key_in(ctx, plan, request["keyId"])
    await _keep(ctx, drop(plan, ["keys", request["keyId"]]))
    return {}


# --- how much was used -------------------------------------------------------------------------


async def get_usage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetUsage.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    try:
        begin, end = (date.fromisoformat(request[each]) for each in ("startDate", "endDate"))
    except ValueError:
        raise bad_request("Invalid date specified: use the form YYYY-MM-DD") from None
    if not timedelta(0) <= end - begin <= timedelta(days=90):
        raise bad_request("The end date must be within 90 days after the start date")
    limit = (plan.get("quota") or {}).get("limit")
    items: dict[str, list[list[int]]] = {}
    for key_id in plan.get("keys", {}):
        if request.get("keyId") in (None, key_id):
            days = of(ctx).usage.days(plan, key_id, begin, end)
            items[key_id] = [[used, -1 if limit is None else left] for used, left in days]
    answer = {"usagePlanId": plan["id"], "items": items}
    return {**answer, "startDate": request["startDate"], "endDate": request["endDate"]}


async def update_usage(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateUsage.html."""
    plan = plan_of(ctx, request["usagePlanId"])
    _key_in(ctx, plan, request["keyId"])
    if plan.get("quota") is None:
        raise bad_request(f"Usage Plan {plan['id']} does not have quota settings")
    operations = request.get("patchOperations") or ()
    remaining = apply({}, operations, (Field("/remaining", "replace", number),)).get("remaining")
    # Days are those of UTC, as where they are counted.
    today = datetime.fromtimestamp(ctx.clock.now(), UTC).date()
    if remaining is not None:
        of(ctx).usage.set_remaining(plan, request["keyId"], remaining)
    days = of(ctx).usage.days(plan, request["keyId"], today, today)
    return {
        "usagePlanId": plan["id"],
        "startDate": today.isoformat(),
        "endDate": today.isoformat(),
        "items": {request["keyId"]: [list(each) for each in days]},
    }
