"""Links to private networks: kept; what an integration names is reached as any other address."""

from __future__ import annotations

from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.errors import conflict, not_found
from emulator.services.apigatewayv2.parts import merge, page
from emulator.services.apigatewayv2.state import Body, new_id
from emulator.services.context import Context, Request, Response


async def create_vpc_link(ctx: Context, request: Request) -> Response:
    """Serve CreateVpcLink.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks.html
    """
    body: Body = {
        "CreatedDate": ctx.clock.now(),
        "Name": request["Name"],
        "SecurityGroupIds": request.get("SecurityGroupIds") or [],
        "SubnetIds": request["SubnetIds"],
        "Tags": request.get("Tags") or {},
        "VpcLinkId": new_id(6),
        "VpcLinkStatus": "AVAILABLE",
        "VpcLinkStatusMessage": "VPC link is ready to route traffic",
        "VpcLinkVersion": "V2",
    }
    await state.of(ctx).links.put(ctx.account, ctx.region, body["VpcLinkId"], body)
    return body


async def get_vpc_link(ctx: Context, request: Request) -> Response:
    """Serve GetVpcLink.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks-vpclinkid.html
    """
    return _find(ctx, request)


async def get_vpc_links(ctx: Context, request: Request) -> Response:
    """Serve GetVpcLinks.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks.html
    """
    table = state.of(ctx).links
    found = [table.find(ctx.account, ctx.region, k) for k in table.keys(ctx.account, ctx.region)]
    return page([each for each in found if each is not None], request)


async def update_vpc_link(ctx: Context, request: Request) -> Response:
    """Serve UpdateVpcLink.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks-vpclinkid.html
    """
    after = merge(_find(ctx, request), {"Name": request.get("Name")})
    await state.of(ctx).links.put(ctx.account, ctx.region, after["VpcLinkId"], after)
    return after


async def delete_vpc_link(ctx: Context, request: Request) -> Response:
    """Serve DeleteVpcLink.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks-vpclinkid.html
    """
    link, kept = _find(ctx, request)["VpcLinkId"], state.of(ctx)
    for api in kept.apis_of(ctx.account, ctx.region):
        if any(each.get("ConnectionId") == link for each in api.held["integrations"].values()):
            raise conflict(f"VPC link {link} is used by an integration of API {api.id}")
    await kept.links.delete(ctx.account, ctx.region, link)
    return {}


def _find(ctx: Context, request: Request) -> Body:
    found = state.of(ctx).links.find(ctx.account, ctx.region, request["VpcLinkId"])
    if found is None:
        raise not_found("VpcLink")
    return found


OPERATIONS = {
    "CreateVpcLink": create_vpc_link,
    "DeleteVpcLink": delete_vpc_link,
    "GetVpcLink": get_vpc_link,
    "GetVpcLinks": get_vpc_links,
    "UpdateVpcLink": update_vpc_link,
}
