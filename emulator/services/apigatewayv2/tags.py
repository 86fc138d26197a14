"""Tags of APIs, stages, domain names and links."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.errors import bad_request, not_found
from emulator.services.apigatewayv2.state import Body
from emulator.services.context import Context, Request, Response

_ARN = re.compile(
    r"arn:[^:]+:apigateway:(?P<region>[^:]+)::/(?:apis/(?P<api>[^/]+)(?:/stages/(?P<stage>[^/]+))?|"
    r"domainnames/(?P<domain>[^/]+)|vpclinks/(?P<link>[^/]+))"
)
#: The most tags of one resource.
_MOST = 50
_Put = Callable[[Body], Awaitable[object]]


async def get_tags(ctx: Context, request: Request) -> Response:
    """Serve GetTags.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/tags-resource-arn.html
    """
    return {"Tags": _find(ctx, request["ResourceArn"])[0].get("Tags") or {}}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/tags-resource-arn.html
    """
    body, put = _find(ctx, request["ResourceArn"])
    tags = {**(body.get("Tags") or {}), **(request.get("Tags") or {})}
    if len(tags) > _MOST:
        raise bad_request(f"A resource can have no more than {_MOST} tags")
    await put({**body, "Tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/tags-resource-arn.html
    """
    body, put = _find(ctx, request["ResourceArn"])
    gone = frozenset(request["TagKeys"])
    await put(
        {**body, "Tags": {k: v for k, v in (body.get("Tags") or {}).items() if k not in gone}}
    )
    return {}


def _find(ctx: Context, arn: str) -> tuple[Body, _Put]:
    """Return what an ARN names, and what keeps it as it is then.

    Raises:
        AwsError: NotFoundException, or BadRequestException.
    """
    match, kept = _ARN.fullmatch(arn), state.of(ctx)
    if match is None or match["region"] != ctx.region:
        raise bad_request("Invalid resource ARN specified in the request")
    here = (ctx.account, ctx.region)
    if match["api"]:
        api = kept.api(*here, match["api"])
        name = match["stage"]
        if name is None:
            return api.body, lambda body: kept.put_api(*here, body)
        stage = api.stage(name)
        if stage is None:
            raise not_found("stage")
        return stage, lambda body: kept.put(api, "stages", name, body)
    table, key = (kept.domains, match["domain"]) if match["domain"] else (kept.links, match["link"])
    body = table.find(*here, key)
    if body is None:
        raise not_found("resource")
    return body, lambda body: table.put(*here, key, body)


OPERATIONS = {
    "GetTags": get_tags,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
