"""What an account has: settings, client certificates, VPC links, tags.

https://docs.aws.amazon.com/apigateway/latest/api/API_Account.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from emulator.services.apigateway.documents import Document, new_id, pick, put
from emulator.services.apigateway.errors import bad_request, not_found, unknown
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply
from emulator.services.apigateway.stages import stage_of
from emulator.services.apigateway.state import api_of, keep_api, listed, of
from emulator.services.context import Context, Request, Response

FIELDS = (
    Field("/cloudwatchRoleArn", "add remove replace"),
    Field("/features/{feature}", "add remove", is_list=True),
)
CERTIFICATE_FIELDS = (Field("/description"),)
VPC_LINK_FIELDS = (Field("/description"), Field("/name"))
#: A client certificate is valid for a year.
_CERTIFICATE_DAYS = 365
#: Tags of a resource.
_MOST_TAGS = 50


def account_of(ctx: Context) -> Document:
    """Return the settings of the caller's account."""
    held = of(ctx).accounts.find(ctx.account, ctx.region, "account") or {}
    return {
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
        "features": ["UsagePlans"],
        "apiKeyVersion": "4",
        **held,
    }


async def get_account(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetAccount.html."""
    return account_of(ctx)


async def update_account(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateAccount.html."""
    changed = apply(account_of(ctx), request.get("patchOperations") or (), FIELDS)
    role = changed.get("cloudwatchRoleArn")
    if role is not None and not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", role):
        raise bad_request(
            "The role ARN does not have required permissions configured. Please "
            "grant trust permission for API Gateway and add the required role policy."
        )
    await of(ctx).accounts.put(ctx.account, ctx.region, "account", changed)
    return changed


# --- client certificates -----------------------------------------------------------------------


def _certificate(ctx: Context, certificate_id: str) -> Document:
    held = of(ctx).certificates.find(ctx.account, ctx.region, certificate_id)
    if held is None:
        raise unknown("certificate")
    return held


async def generate_client_certificate(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GenerateClientCertificate.html."""
    from emulator.services.apigateway.certificates import self_signed

    now = int(ctx.clock.now())
    certificate: Document = {
        "clientCertificateId": new_id(),
        "createdDate": now,
        "expirationDate": now + _CERTIFICATE_DAYS * 86_400,
        "pemEncodedCertificate": self_signed(now, _CERTIFICATE_DAYS),
        **pick(request, ("description", "tags")),
    }
    await _keep_certificate(ctx, certificate)
    return certificate


async def _keep_certificate(ctx: Context, certificate: Document) -> None:
    key = certificate["clientCertificateId"]
    await of(ctx).certificates.put(ctx.account, ctx.region, key, certificate)


async def get_client_certificate(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetClientCertificate.html."""
    return _certificate(ctx, request["clientCertificateId"])


async def get_client_certificates(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetClientCertificates.html."""
    return page(listed(of(ctx).certificates, ctx), request)


async def delete_client_certificate(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteClientCertificate.html."""
    key = _certificate(ctx, request["clientCertificateId"])["clientCertificateId"]
    await of(ctx).certificates.delete(ctx.account, ctx.region, key)
    return {}


async def update_client_certificate(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateClientCertificate.html."""
    certificate = apply(
        _certificate(ctx, request["clientCertificateId"]),
        request.get("patchOperations") or (),
        CERTIFICATE_FIELDS,
    )
    await _keep_certificate(ctx, certificate)
    return certificate


# --- VPC links ---------------------------------------------------------------------------------


def _vpc_link(ctx: Context, link_id: str) -> Document:
    held = of(ctx).vpc_links.find(ctx.account, ctx.region, link_id)
    if held is None:
        raise unknown("vpclink")
    return held


async def create_vpc_link(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateVpcLink.html."""
    if not request["name"]:
        raise bad_request("Name cannot be empty")
    for arn in request["targetArns"]:
        if not re.fullmatch(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", arn):
            raise bad_request(f"Invalid ARN. ARN is not well formed {arn}")
    link = {
        "id": new_id(),
        "name": request["name"],
        "targetArns": list(request["targetArns"]),
        "status": "PENDING",
        **pick(request, ("description", "tags")),
    }
    await _keep_vpc_link(ctx, {**link, "status": "AVAILABLE"})
    return link


async def _keep_vpc_link(ctx: Context, link: Document) -> None:
    await of(ctx).vpc_links.put(ctx.account, ctx.region, link["id"], link)


async def get_vpc_link(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetVpcLink.html."""
    return _vpc_link(ctx, request["vpcLinkId"])


async def get_vpc_links(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetVpcLinks.html."""
    return page(listed(of(ctx).vpc_links, ctx), request)


async def delete_vpc_link(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteVpcLink.html."""
    link = _vpc_link(ctx, request["vpcLinkId"])
    await of(ctx).vpc_links.delete(ctx.account, ctx.region, link["id"])
    return {}


async def update_vpc_link(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateVpcLink.html."""
    link = apply(
        _vpc_link(ctx, request["vpcLinkId"]), request.get("patchOperations") or (), VPC_LINK_FIELDS
    )
    if not link.get("name"):
        raise bad_request("Name cannot be empty")
    await _keep_vpc_link(ctx, link)
    return link


# --- tags --------------------------------------------------------------------------------------

_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:[^:]*::/"
    r"(restapis|apikeys|usageplans|domainnames|clientcertificates|vpclinks)/"
    r"([^/]+)(?:/stages/([^/]+))?"
)
Change = Callable[[Mapping[str, str]], dict[str, str]]


async def _tags(ctx: Context, arn: str, change: Change | None = None) -> Mapping[str, str]:
    """Return the tags of a resource, after a change of them.

    Raises:
        AwsError: There is no such resource.
    """
    match = _ARN.fullmatch(unquote(arn))
    if match is None:
        raise not_found("Invalid resource identifier specified")
    kind, key, stage = match.groups()
    if kind == "restapis":
        return await _tags_of_api(ctx, key, stage, change)
    state = of(ctx)
    table = {
        "apikeys": state.keys,
        "usageplans": state.plans,
        "domainnames": state.domains,
        "clientcertificates": state.certificates,
        "vpclinks": state.vpc_links,
    }[kind]
    held = table.find(ctx.account, ctx.region, key)
    if held is None:
        raise not_found("Invalid resource identifier specified")
    tags: Mapping[str, str] = held.get("tags") or {}
    if change is not None:
        tags = change(tags)
        await table.put(ctx.account, ctx.region, key, {**held, "tags": tags})
    return tags


async def _tags_of_api(
    ctx: Context, api_id: str, stage: str | None, change: Change | None
) -> Mapping[str, str]:
    api = api_of(ctx, api_id)
    keys = ["api", "tags"] if stage is None else ["stages", stage, "tags"]
    held = api["api"] if stage is None else stage_of(api, stage)
    tags: Mapping[str, str] = held.get("tags") or {}
    if change is not None:
        tags = change(tags)
        await keep_api(ctx, put(api, keys, tags))
    return tags


async def get_tags(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetTags.html."""
    return {"tags": dict(await _tags(ctx, request["resourceArn"]))}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_TagResource.html."""

    def more(held: Mapping[str, str]) -> dict[str, str]:
        tags = {**held, **request["tags"]}
        if len(tags) > _MOST_TAGS:
            raise bad_request(f"A resource can have no more than {_MOST_TAGS} tags")
        return tags

    await _tags(ctx, request["resourceArn"], more)
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UntagResource.html."""
    gone = set(request["tagKeys"])
    await _tags(
        ctx, request["resourceArn"], lambda held: {k: v for k, v in held.items() if k not in gone}
    )
    return {}


# --- SDKs --------------------------------------------------------------------------------------

#: AWS's list; no SDK is made here (see ``UNSUPPORTED``).
_SDK_TYPES: tuple[dict[str, Any], ...] = (
    {"id": "android", "friendlyName": "Android", "description": "Android SDK"},
    {"id": "java", "friendlyName": "Java", "description": "Java SDK"},
    {"id": "javascript", "friendlyName": "JavaScript", "description": "JavaScript SDK"},
    {"id": "objectivec", "friendlyName": "iOS (Objective-C)", "description": "iOS SDK"},
    {"id": "ruby", "friendlyName": "Ruby", "description": "Ruby SDK"},
    {"id": "swift", "friendlyName": "iOS (Swift)", "description": "iOS SDK"},
)


async def get_sdk_type(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetSdkType.html."""
    for each in _SDK_TYPES:
        if each["id"] == request["id"]:
            return each
    raise not_found("Invalid SDK type specified")


async def get_sdk_types(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetSdkTypes.html."""
    return page(_SDK_TYPES, request)
