"""REST APIs: created, changed, listed, deleted.

https://docs.aws.amazon.com/apigateway/latest/api/API_RestApi.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.nesting import read_json
from emulator.services.apigateway.documents import Document, new_id, pick
from emulator.services.apigateway.errors import bad_request
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import (
    SECURITY_POLICY,
    Field,
    apply,
    boolean,
    find,
    number,
    one_of,
)
from emulator.services.apigateway.state import api_of, keep_api, listed, of
from emulator.services.context import Context, Request, Response

LARGEST_COMPRESSION_SIZE = 10_485_760

_TAGS = "tags"
#: What an API is created with, unless it is imported.
_MODELS = (
    (
        "Empty",
        "This is a default empty schema model",
        '{\n  "$schema": "http://json-schema.org/draft-04/schema#",\n'
        '  "title" : "Empty Schema",\n  "type" : "object"\n}',
    ),
    (
        "Error",
        "This is a default error schema model",
        '{\n  "$schema" : "http://json-schema.org/draft-04/schema#",\n'
        '  "title" : "Error Schema",\n  "type" : "object",\n'
        '  "properties" : {\n    "message" : { "type" : "string" }\n  }\n}',
    ),
)

FIELDS = (
    Field("/name"),
    Field("/description"),
    Field("/version"),
    Field("/apiKeySource"),
    Field("/policy"),
    Field("/minimumCompressionSize", "replace", number),
    Field("/disableExecuteApiEndpoint", "replace", boolean),
    Field("/securityPolicy", "replace", SECURITY_POLICY),
    Field("/endpointAccessMode", "replace", one_of("BASIC", "STRICT")),
    Field("/endpointConfiguration/ipAddressType"),
    Field("/binaryMediaTypes/{binaryMediaType}", "add remove replace", is_list=True),
    Field("/endpointConfiguration/types/{type}", "replace", is_list=True),
    Field("/endpointConfiguration/vpcEndpointIds/{id}", "add remove replace", is_list=True),
)


def new_api(
    given: Mapping[str, Any], now: float, api_id: str = "", *, models: bool = True
) -> Document:
    """Return the document of a new API.

    Args:
        given: The members of CreateRestApi.
        now: Seconds since the epoch.
        api_id: Its id; a random one without.
        models: Whether it has the models that every API not imported has.

    Raises:
        AwsError: Something in it is invalid.
    """
    _check(given)
    root = new_id(10)
    api = {
        "id": api_id or new_id(10),
        "createdDate": int(now),
        "apiKeySource": "HEADER",
        "disableExecuteApiEndpoint": False,
        **pick(given, ("name", "description", "version", "apiKeySource", "policy", _TAGS)),
        **pick(given, ("minimumCompressionSize", "disableExecuteApiEndpoint", "securityPolicy")),
        **pick(given, ("endpointAccessMode",)),
        "endpointConfiguration": _endpoint(given.get("endpointConfiguration") or {}),
        "rootResourceId": root,
    }
    if given.get("binaryMediaTypes"):
        api["binaryMediaTypes"] = list(dict.fromkeys(given["binaryMediaTypes"]))
    document: Document = {"api": api, "resources": {root: {"id": root, "path": "/"}}}
    if models:
        document["models"] = {
            name: {
                "id": new_id(),
                "name": name,
                "description": description,
                "schema": schema,
                "contentType": "application/json",
            }
            for name, description, schema in _MODELS
        }
    return document


def _check(given: Mapping[str, Any]) -> None:
    if not given.get("name"):
        raise bad_request("API name must be non-empty")
    if given.get("description") == "":
        raise bad_request("Description cannot be an empty string")
    size = given.get("minimumCompressionSize")
    if size is not None:
        _check_compression(size)
    if given.get("policy"):
        _check_policy(given["policy"])


def _check_compression(size: int) -> None:
    if not 0 <= size <= LARGEST_COMPRESSION_SIZE:
        raise bad_request("Invalid minimum compression size, must be between 0 to 10485760")


def _check_policy(policy: str) -> None:
    try:
        is_policy = isinstance(read_json(policy), dict)
    except ValueError:
        is_policy = False
    if not is_policy:
        raise bad_request(
            "Invalid policy document. Please check the policy syntax and ensure that Principals "
            "are valid."
        )


def _endpoint(given: Mapping[str, Any]) -> Document:
    types = given.get("types")
    if types is not None and not types:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    types = types or ["EDGE"]
    if len(types) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    private = types == ["PRIVATE"]
    kind = given.get("ipAddressType") or ("dualstack" if private else "ipv4")
    if private and kind == "ipv4":
        raise bad_request("Only dualstack ipAddressType is supported for Private APIs.")
    endpoint: Document = {"types": list(types), "ipAddressType": kind}
    if given.get("vpcEndpointIds"):
        endpoint["vpcEndpointIds"] = list(given["vpcEndpointIds"])
    _check_endpoint(endpoint)
    return endpoint


def _check_endpoint(endpoint: Mapping[str, Any]) -> None:
    if endpoint.get("vpcEndpointIds") and endpoint["types"] != ["PRIVATE"]:
        raise bad_request("VPCEndpoints can only be specified with PRIVATE apis.")


def shown(document: Document, *, created: bool = False) -> Response:
    """Return an API as it is answered.

    Args:
        document: The API.
        created: It has just been made: only then are no tags left out (recorded).
    """
    api = dict(document["api"])
    if not created:
        api.setdefault(_TAGS, {})
    if "policy" in api:
        # It is answered as the inside of a JSON string, as API Gateway does.
        api["policy"] = json.dumps(api["policy"])[1:-1].replace("/", "\\/")
    return api


async def create_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateRestApi.html."""
    tags = request.get("tags") or {}
    api_id = ctx.parts.hosts.new_api_id(ctx.account, ctx.region, request["name"], tags)
    document = new_api(request, ctx.clock.now(), api_id)
    if request.get("cloneFrom"):
        source = of(ctx).apis.find(ctx.account, ctx.region, request["cloneFrom"])
        if source is None:
            raise bad_request("Invalid API identifier specified as clone source")
        document = _cloned(document, source)
    await keep_api(ctx, document)
    return shown(document, created=True)


def _cloned(document: Document, source: Document) -> Document:
    """Return a new API with all that another has but its deployments and stages."""
    kept = {k: v for k, v in source.items() if k not in ("api", "deployments", "stages")}
    api = {**document["api"], "rootResourceId": source["api"]["rootResourceId"]}
    for name in ("binaryMediaTypes", "policy", "minimumCompressionSize"):
        if name in source["api"]:
            api.setdefault(name, source["api"][name])
    return {**kept, "api": api}


async def get_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApi.html."""
    return shown(api_of(ctx, request["restApiId"]))


async def get_rest_apis(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html."""
    apis = sorted(listed(of(ctx).apis, ctx), key=lambda each: each["api"]["createdDate"])
    return page([shown(each) for each in apis], request)


async def delete_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteRestApi.html."""
    document = api_of(ctx, request["restApiId"])
    for domain in listed(of(ctx).domains, ctx):
        for mapping in domain.get("mappings", {}).values():
            if mapping.get("restApiId") == document["api"]["id"]:
                raise bad_request(
                    "Please remove all base path mappings related to the API in your account "
                    "before deleting the API"
                )
    await of(ctx).delete_api(ctx.account, ctx.region, request["restApiId"])
    return {}


async def update_rest_api(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateRestApi.html."""
    document = api_of(ctx, request["restApiId"])
    operations = request.get("patchOperations") or ()
    _check_operations(operations)
    api = apply(document["api"], [each for each in operations if not _is_type(each)], FIELDS)
    api = _with_types(api, operations)
    if api.get("binaryMediaTypes") == []:
        api.pop("binaryMediaTypes")
    if not api.get("name"):
        raise bad_request("API name must be non-empty")
    _check_endpoint(api["endpointConfiguration"])
    changed = {**document, "api": api}
    await keep_api(ctx, changed)
    return shown(changed)


def _is_type(operation: Mapping[str, Any]) -> bool:
    return str(operation.get("path")).startswith("/endpointConfiguration/types")


def _with_types(api: Document, operations: Sequence[Mapping[str, Any]]) -> Document:
    """An API has one type of endpoint: whatever is replaced, it is that."""
    for each in operations:
        if not _is_type(each):
            continue
        find(each.get("op") or "", each.get("path") or "", FIELDS)
        value = each.get("value") or ""
        check_type(value)
        endpoint = {**api["endpointConfiguration"], "types": [value]}
        if value == "PRIVATE":
            endpoint["ipAddressType"] = "dualstack"
        api = {**api, "endpointConfiguration": endpoint}
    return api


def check_type(value: str) -> None:
    """Check a type of endpoint.

    Raises:
        AwsError: There is none of this name.
    """
    if value not in ("EDGE", "REGIONAL", "PRIVATE"):
        raise bad_request(
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"
        )


def _check_operations(operations: Sequence[Mapping[str, Any]]) -> None:
    for each in operations:
        path, value = each.get("path") or "", each.get("value")
        if path == "/minimumCompressionSize":
            if each.get("op") != "replace":
                raise bad_request("Invalid patch operation specified. Must be one of: [replace]")
            is_number = not value or value.isdecimal()
            _check_compression(int(value or "0") if is_number and len(value or "") < 19 else -1)
        elif path == "/binaryMediaTypes":
            raise bad_request(f"Invalid patch path {path}")
        elif path == "/policy" and value:
            _check_policy(value)
        elif path == "/apiKeySource" and value not in ("HEADER", "AUTHORIZER"):
            raise bad_request("Invalid API key source. Must be one of HEADER, AUTHORIZER")
        elif path == "/endpointConfiguration/ipAddressType" and value not in ("ipv4", "dualstack"):
            raise bad_request("ipAddressType must be either ipv4 or dualstack.")
