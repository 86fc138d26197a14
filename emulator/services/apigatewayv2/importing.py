"""APIs from OpenAPI documents."""

from __future__ import annotations

import asyncio
from functools import partial

from emulator.services.apigatewayv2 import apis, openapi, state
from emulator.services.apigatewayv2.authorizers import AUTHORIZER
from emulator.services.apigatewayv2.deployments import settle
from emulator.services.apigatewayv2.errors import bad_request
from emulator.services.apigatewayv2.integrations import INTEGRATION
from emulator.services.apigatewayv2.openapi import Imported
from emulator.services.apigatewayv2.parts import Part, find_api, merge
from emulator.services.apigatewayv2.routes import ROUTE
from emulator.services.apigatewayv2.state import Api, ApiGateway, Body, new_id
from emulator.services.context import Context, Request, Response

#: Characters of a document that would hold up the loop, and routes made before others have a turn.
_LONG, _AT_ONCE = 100_000, 100


async def import_api(ctx: Context, request: Request) -> Response:
    """Serve ImportApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
    """
    found = await _read(request)
    kept = state.of(ctx)
    api = await apis.make(ctx, found.api)
    try:
        await _fill(kept, api, found)
    except Exception:
        await kept.drop_api(api)
        raise
    return _answer(api, found)


async def reimport_api(ctx: Context, request: Request) -> Response:
    """Serve ReimportApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """
    if not find_api(ctx, request).is_http:
        raise bad_request("Only HTTP APIs can be imported")
    found = await _read(request)
    api, kept = find_api(ctx, request), state.of(ctx)
    before, body = api.snapshot(), api.body
    kinds = ("routes", "integrations", "authorizers")
    try:
        for kind in kinds:
            for part_id in list(api.held[kind]):
                await kept.drop(api, kind, part_id)
        await _fill(kept, api, found)
        tags = {**(body.get("Tags") or {}), **found.api.pop("Tags", {})}
        after = merge({k: v for k, v in body.items() if k != "CorsConfiguration"}, found.api)
        await kept.put_api(ctx.account, ctx.region, {**after, "Tags": tags})
    except Exception:
        for kind in kinds:
            for part_id in list(api.held[kind]):
                await kept.drop(api, kind, part_id)
            for part_id, part in before[kind].items():
                await kept.put(api, kind, part_id, part)
        raise
    await settle(kept, api, ctx.clock.now())
    return _answer(api, found)


async def _read(request: Request) -> Imported:
    document = await openapi.read(request["Body"])
    work = partial(openapi.plan, document, request.get("Basepath") or "ignore")
    found = await asyncio.to_thread(work) if len(request["Body"]) > _LONG else work()
    if request.get("FailOnWarnings") and found.warnings:
        raise bad_request(f"Warnings found during import: {'; '.join(found.warnings)}")
    return found


def _answer(api: Api, found: Imported) -> Response:
    return {**api.body, "Warnings": found.warnings} if found.warnings else api.body


async def _fill(kept: ApiGateway, api: Api, found: Imported) -> None:
    """Make the parts that a document names.

    Raises:
        AwsError: BadRequestException.
    """
    integrations = {
        key: await _put(kept, api, INTEGRATION, each) for key, each in found.integrations.items()
    }
    authorizers = {
        key: await _put(kept, api, AUTHORIZER, each) for key, each in found.authorizers.items()
    }
    for number, each in enumerate(found.routes):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        route = dict(each)
        if "Target" in route:
            route["Target"] = f"integrations/{integrations[route['Target']]}"
        if "AuthorizerId" in route:
            route["AuthorizerId"] = authorizers[route["AuthorizerId"]]
        await _put(kept, api, ROUTE, route)


async def _put(kept: ApiGateway, api: Api, part: Part, body: Body) -> str:
    made = {**body, part.id_member: new_id(part.id_length, api.held[part.kind])}
    part.check(api, None, made)
    await kept.put(api, part.kind, made[part.id_member], made)
    made_id: str = made[part.id_member]
    return made_id


OPERATIONS = {"ImportApi": import_api, "ReimportApi": reimport_api}
