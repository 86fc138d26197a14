"""Custom domain names, and which APIs their base paths lead to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.model.errors import AwsError
from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.errors import bad_request, conflict, not_found
from emulator.services.apigatewayv2.parts import merge, page
from emulator.services.apigatewayv2.state import Body, new_id
from emulator.services.context import Context, Request, Response

_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+")
_KEY = re.compile(r"[A-Za-z0-9$\-_.+!*'()]+(?:/[A-Za-z0-9$\-_.+!*'()]+)*")
_ZONE = "Z1UJRXOUMOOFQ8"
#: REST APIs have domain names, too; mappings lead to both.
_REST = "apigateway"


async def create_domain_name(ctx: Context, request: Request) -> Response:
    """Serve CreateDomainName.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames.html
    """
    name = request["DomainName"].lower()
    if not _NAME.fullmatch(name):
        raise bad_request(f"Invalid domain name specified: {name}")
    if not request.get("DomainNameConfigurations"):
        raise bad_request("At least one domain name configuration is required")
    if any(each == name for *_, each, _ in state.of(ctx).domains.all()):
        raise conflict("The domain name you provided already exists.")
    body: Body = {
        "ApiMappingSelectionExpression": "$request.basepath",
        "DomainName": name,
        "DomainNameArn": f"arn:aws:apigateway:{ctx.region}::/domainnames/{name}",
        "DomainNameConfigurations": _configurations(ctx, request),
        "RoutingMode": request.get("RoutingMode") or "API_MAPPING_ONLY",
        "Tags": request.get("Tags") or {},
    }
    if request.get("MutualTlsAuthentication"):
        body["MutualTlsAuthentication"] = request["MutualTlsAuthentication"]
    await state.of(ctx).put_domain(ctx.account, ctx.region, name, body)
    return body


async def get_domain_name(ctx: Context, request: Request) -> Response:
    """Serve GetDomainName.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """
    return _find(ctx, request)


async def get_domain_names(ctx: Context, request: Request) -> Response:
    """Serve GetDomainNames.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames.html
    """
    table = state.of(ctx).domains
    found = [table.find(ctx.account, ctx.region, k) for k in table.keys(ctx.account, ctx.region)]
    return page([each for each in found if each is not None], request)


async def update_domain_name(ctx: Context, request: Request) -> Response:
    """Serve UpdateDomainName.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """
    before = _find(ctx, request)
    changes = {k: v for k, v in request.items() if k != "DomainName"}
    if "DomainNameConfigurations" in changes:
        held = before["DomainNameConfigurations"]
        changes["DomainNameConfigurations"] = _configurations(ctx, request, held)
    after = merge(before, changes)
    if not (after.get("MutualTlsAuthentication") or {}).get("TruststoreUri"):
        after.pop("MutualTlsAuthentication", None)
    await state.of(ctx).put_domain(ctx.account, ctx.region, after["DomainName"], after)
    return after


async def delete_domain_name(ctx: Context, request: Request) -> Response:
    """Serve DeleteDomainName.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname.html
    """
    name = _find(ctx, request)["DomainName"]
    await state.of(ctx).drop_domain(ctx.account, ctx.region, name)
    return {}


def _find(ctx: Context, request: Request) -> Body:
    name = request["DomainName"].lower()
    found = state.of(ctx).domains.find(ctx.account, ctx.region, name)
    if found is None:
        text = "The domain name resource specified in the request was not found."
        raise AwsError("NotFoundException", text)
    return found


def _configurations(ctx: Context, request: Request, held: Sequence[Body] = ()) -> list[Body]:
    """Return configurations whole; those that are held keep the names that they have."""
    regional = f"d-{new_id(10)}.execute-api.{ctx.region}.localhost"
    names = {each["EndpointType"]: each["ApiGatewayDomainName"] for each in held}
    return [
        {
            "ApiGatewayDomainName": names.get(each.get("EndpointType") or "REGIONAL", regional),
            "DomainNameStatus": "AVAILABLE",
            "EndpointType": "REGIONAL",
            "HostedZoneId": _ZONE,
            "IpAddressType": "ipv4",
            "SecurityPolicy": "TLS_1_2",
            **each,
        }
        for each in request["DomainNameConfigurations"]
    ]


# --- mappings ----------------------------------------------------------------------------------


async def create_api_mapping(ctx: Context, request: Request) -> Response:
    """Serve CreateApiMapping.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname-apimappings.html
    """
    name, kept = await _mapped_name(ctx, request), state.of(ctx)
    body: Body = {
        "ApiId": request["ApiId"],
        "ApiMappingId": new_id(6),
        "ApiMappingKey": request.get("ApiMappingKey") or "",
        "Stage": request["Stage"],
    }
    await _check_mapping(ctx, name, body)
    key = f"{name}/{body['ApiMappingId']}"
    await kept.mappings.put(ctx.account, ctx.region, key, body)
    return body


async def get_api_mapping(ctx: Context, request: Request) -> Response:
    """Serve GetApiMapping.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname-apimappings-apimappingid.html
    """
    return _mapping(ctx, request)


async def get_api_mappings(ctx: Context, request: Request) -> Response:
    """Serve GetApiMappings.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname-apimappings.html
    """
    name = await _mapped_name(ctx, request)
    return page(list(state.of(ctx).mappings_of(ctx.account, ctx.region, name)), request)


async def update_api_mapping(ctx: Context, request: Request) -> Response:
    """Serve UpdateApiMapping.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname-apimappings-apimappingid.html
    """
    before, name = _mapping(ctx, request), request["DomainName"].lower()
    changes = {k: v for k, v in request.items() if k not in ("DomainName", "ApiMappingId")}
    after = {"ApiMappingKey": "", **merge(before, changes)}
    await _check_mapping(ctx, name, after)
    await state.of(ctx).mappings.put(
        ctx.account, ctx.region, f"{name}/{after['ApiMappingId']}", after
    )
    return after


async def delete_api_mapping(ctx: Context, request: Request) -> Response:
    """Serve DeleteApiMapping.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames-domainname-apimappings-apimappingid.html
    """
    _mapping(ctx, request)
    key = f"{request['DomainName'].lower()}/{request['ApiMappingId']}"
    await state.of(ctx).mappings.delete(ctx.account, ctx.region, key)
    return {}


async def _mapped_name(ctx: Context, request: Request) -> str:
    """Return the domain name of a mapping, which the API for REST APIs may have made.

    Raises:
        AwsError: NotFoundException.
    """
    name: str = request["DomainName"].lower()
    if state.of(ctx).domains.find(ctx.account, ctx.region, name) is None and not await _answers(
        ctx, "GetDomainName", {"domainName": name}
    ):
        _find(ctx, request)
    return name


def _mapping(ctx: Context, request: Request) -> Body:
    key = f"{request['DomainName'].lower()}/{request['ApiMappingId']}"
    found = state.of(ctx).mappings.find(ctx.account, ctx.region, key)
    if found is None:
        text = "The api mapping resource specified in the request was not found."
        raise AwsError("NotFoundException", text)
    return found


async def _check_mapping(ctx: Context, name: str, body: Body) -> None:
    kept, key = state.of(ctx), body["ApiMappingKey"]
    if key and not _KEY.fullmatch(key):
        raise bad_request(
            "API mapping key should not start or end with a '/', and has only letters, numbers and "
            "$-_.+!*'()/"
        )
    for other in kept.mappings_of(ctx.account, ctx.region, name):
        same = other["ApiMappingKey"] == key
        if same and other["ApiMappingId"] != body["ApiMappingId"]:
            raise conflict("ApiMapping key already exists for this domain name")
    api = kept.apis.get(body["ApiId"])
    if api is not None and (api.account, api.region) == (ctx.account, ctx.region):
        if api.stage(body["Stage"]) is None:
            raise not_found("stage")
        if not api.is_http and key:
            raise bad_request("Only a mapping without a key can lead to a WebSocket API")
        return
    asked = {"restApiId": body["ApiId"], "stageName": body["Stage"]}
    if not await _answers(ctx, "GetStage", asked):
        raise not_found("API")


async def _answers(ctx: Context, operation: str, request: Body) -> bool:
    """Say whether the service of REST APIs knows something."""
    try:
        await ctx.parts.table.call(
            _REST, operation, request, account=ctx.account, region=ctx.region
        )
    except (AwsError, LookupError):
        return False
    return True


OPERATIONS = {
    "CreateApiMapping": create_api_mapping,
    "CreateDomainName": create_domain_name,
    "DeleteApiMapping": delete_api_mapping,
    "DeleteDomainName": delete_domain_name,
    "GetApiMapping": get_api_mapping,
    "GetApiMappings": get_api_mappings,
    "GetDomainName": get_domain_name,
    "GetDomainNames": get_domain_names,
    "UpdateApiMapping": update_api_mapping,
    "UpdateDomainName": update_domain_name,
}
