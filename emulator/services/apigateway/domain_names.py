"""Custom domain names and what of them leads to which API.

https://docs.aws.amazon.com/apigateway/latest/api/API_DomainName.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, drop, new_id, pick, put
from emulator.services.apigateway.errors import bad_request, conflict, found, unknown
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import SECURITY_POLICY, Field, apply, one_of
from emulator.services.apigateway.rest_apis import check_type
from emulator.services.apigateway.state import listed, of
from emulator.services.context import Context, Request, Response

#: The base path of a mapping without one.
NONE = "(none)"
_DOMAIN = re.compile(r"(\*\.)?([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9-]{2,}")
#: The zones of AWS's own names (the same for everybody in a region).
_ZONE, _DISTRIBUTION_ZONE = "Z1UJRXOUMOOFQ8", "Z2FDTNDATAQYW2"

_ROUTING = ("BASE_PATH_MAPPING_ONLY", "ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_BASE_PATH_MAPPING")
FIELDS = (
    Field("/certificateName", "add replace"),
    Field("/certificateArn", "add replace"),
    Field("/regionalCertificateName", "add replace"),
    Field("/regionalCertificateArn", "add replace"),
    Field("/securityPolicy", "replace", SECURITY_POLICY),
    Field("/endpointAccessMode", "replace", one_of("BASIC", "STRICT")),
    Field("/ownershipVerificationCertificateArn"),
    Field("/policy"),
    Field("/managementPolicy"),
    Field("/routingMode", "replace", one_of(*_ROUTING)),
    Field("/mutualTlsAuthentication", "remove"),
    Field("/mutualTlsAuthentication/truststoreUri", "add remove replace"),
    Field("/mutualTlsAuthentication/truststoreVersion", "add remove replace"),
    Field("/endpointConfiguration/ipAddressType", "replace", one_of("ipv4", "dualstack")),
    Field("/endpointConfiguration/types/{type}", "add remove replace", is_list=True),
)
MAPPING_FIELDS = (Field("/basePath"), Field("/restapiId"), Field("/stage"))
_KEPT = (
    "certificateName", "certificateArn", "regionalCertificateName", "regionalCertificateArn",
    "endpointAccessMode", "ownershipVerificationCertificateArn", "policy", "routingMode", "tags",
)  # fmt: skip


def domain_of(ctx: Context, name: str) -> Document:
    """Return a domain name of the caller's.

    Raises:
        AwsError: There is none of this name.
    """
    domain = of(ctx).domains.find(ctx.account, ctx.region, name)
    if domain is None:
        raise unknown("domain")
    return domain


def _shown(domain: Mapping[str, Any]) -> Response:
    return {k: v for k, v in domain.items() if k not in ("mappings", "createdDate")}


async def _keep(ctx: Context, domain: Document) -> None:
    await of(ctx).domains.put(ctx.account, ctx.region, domain["domainName"], domain)


async def create_domain_name(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateDomainName.html."""
    name = request["domainName"]
    if not name:
        raise bad_request("No Domain Name specified")
    if not _DOMAIN.fullmatch(name):
        raise bad_request(f"The domain name is not valid: {name}")
    if any(each[2] == name for each in of(ctx).domains.all()):
        raise conflict("The domain name you provided already exists.")
    types = (request.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
    kind = (request.get("endpointConfiguration") or {}).get("ipAddressType") or "ipv4"
    now = int(ctx.clock.now())
    domain: Document = {
        "domainName": name,
        "domainNameStatus": "AVAILABLE",
        "domainNameArn": f"arn:aws:apigateway:{ctx.region}::/domainnames/{name}",
        "endpointConfiguration": {"types": list(types), "ipAddressType": kind},
        "securityPolicy": request.get("securityPolicy") or "TLS_1_2",
        "createdDate": now,
        **pick(request, _KEPT),
    }
    domain.setdefault("routingMode", "BASE_PATH_MAPPING_ONLY")
    if request.get("mutualTlsAuthentication"):
        domain["mutualTlsAuthentication"] = dict(request["mutualTlsAuthentication"])
    domain = _addressed(ctx, domain, now)
    await _keep(ctx, domain)
    ctx.parts.hosts.add(name)
    return _shown(domain)


def _addressed(ctx: Context, domain: Document, now: int) -> Document:
    """Return a domain with the names to which its records would point: one for each of its types.

    What it has already stays; what is for a type that it has no more goes.
    """
    names: dict[str, Document] = {
        "EDGE": {
            "distributionDomainName": f"d{new_id(13)}.cloudfront.net",
            "distributionHostedZoneId": _DISTRIBUTION_ZONE,
            "certificateUploadDate": now,
        },
        "PRIVATE": {"domainNameId": new_id(10), "certificateUploadDate": now},
        "REGIONAL": {
            "regionalDomainName": f"d-{new_id(10)}.execute-api.{ctx.region}.amazonaws.com",
            "regionalHostedZoneId": _ZONE,
        },
    }
    made: Document = {}
    for kind in domain["endpointConfiguration"]["types"]:
        made |= names[kind]
    others = {name for each in names.values() for name in each} - made.keys()
    return {**made, **{name: value for name, value in domain.items() if name not in others}}


async def get_domain_name(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDomainName.html."""
    return _shown(domain_of(ctx, request["domainName"]))


async def get_domain_names(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDomainNames.html."""
    return page([_shown(each) for each in listed(of(ctx).domains, ctx)], request)


async def delete_domain_name(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDomainName.html."""
    domain = domain_of(ctx, request["domainName"])
    await of(ctx).domains.delete(ctx.account, ctx.region, domain["domainName"])
    ctx.parts.hosts.remove(domain["domainName"])
    return {}


async def update_domain_name(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDomainName.html."""
    held = domain_of(ctx, request["domainName"])
    domain = apply(held, request.get("patchOperations") or (), FIELDS)
    before, types = (each["endpointConfiguration"]["types"] for each in (held, domain))
    for kind in types:
        check_type(kind)
    if not types:
        raise bad_request("A domain name needs an endpoint type.")
    if ("PRIVATE" in types) != ("PRIVATE" in before) or ("PRIVATE" in types and len(types) > 1):
        raise bad_request("A private domain name can't become a public one, nor the other way.")
    domain = _addressed(ctx, domain, int(ctx.clock.now()))
    await _keep(ctx, domain)
    return _shown(domain)


# --- base path mappings ------------------------------------------------------------------------


def _mapping_of(domain: Document, base: str) -> Document:
    return found(domain.get("mappings") or {}, base or NONE, "mapping")


def _check_mapping(ctx: Context, mapping: Mapping[str, Any]) -> None:
    base = mapping["basePath"]
    if base != NONE and "/" in base:
        raise bad_request(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To "
            "create a multi-level base path mapping, use API Gateway V2."
        )
    if base != NONE and not re.fullmatch(r"[a-zA-Z0-9$\-_.+!*'()]+", base):
        raise bad_request("Invalid base path specified")
    stage = mapping.get("stage")
    api = of(ctx).apis.find(ctx.account, ctx.region, mapping["restApiId"])
    if api is None:
        raise bad_request("Invalid REST API identifier specified")
    if stage and stage not in (api.get("stages") or {}):
        raise bad_request("Invalid stage identifier specified")


async def create_base_path_mapping(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateBasePathMapping.html."""
    domain = domain_of(ctx, request["domainName"])
    mapping = {
        "basePath": request.get("basePath") or NONE,
        "restApiId": request["restApiId"],
    }
    if request.get("stage"):
        mapping["stage"] = request["stage"]
    _check_mapping(ctx, mapping)
    if mapping["basePath"] in (domain.get("mappings") or {}):
        raise conflict("Base path already exists for this domain name")
    await _keep(ctx, put(domain, ["mappings", mapping["basePath"]], mapping))
    return mapping


async def get_base_path_mapping(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetBasePathMapping.html."""
    return _mapping_of(domain_of(ctx, request["domainName"]), request["basePath"])


async def get_base_path_mappings(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetBasePathMappings.html."""
    domain = domain_of(ctx, request["domainName"])
    return page(list((domain.get("mappings") or {}).values()), request)


async def delete_base_path_mapping(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteBasePathMapping.html."""
    domain = domain_of(ctx, request["domainName"])
    mapping = _mapping_of(domain, request["basePath"])
    await _keep(ctx, drop(domain, ["mappings", mapping["basePath"]]))
    return {}


async def update_base_path_mapping(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateBasePathMapping.html."""
    domain = domain_of(ctx, request["domainName"])
    held = _mapping_of(domain, request["basePath"])
    changed = apply(held, request.get("patchOperations") or (), MAPPING_FIELDS)
    if "restapiId" in changed:
        changed["restApiId"] = changed.pop("restapiId")
    changed.setdefault("basePath", NONE)
    _check_mapping(ctx, changed)
    if changed["basePath"] != held["basePath"] and changed["basePath"] in domain["mappings"]:
        raise conflict("Base path already exists for this domain name")
    domain = drop(domain, ["mappings", held["basePath"]])
    await _keep(ctx, put(domain, ["mappings", changed["basePath"]], changed))
    return changed
