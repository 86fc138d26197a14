"""Integrations: what a method does, and how its answer becomes a response.

https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, pick
from emulator.services.apigateway.errors import bad_request, invalid, not_found, unknown
from emulator.services.apigateway.methods import METHODS, At
from emulator.services.apigateway.patch import Field, apply, boolean, number, one_of
from emulator.services.context import Context, Request, Response

LONGEST_MS, SHORTEST_MS, USUAL_MS = 29_000, 50, 29_000
#: AWS gives regional and private APIs as much as this, by a quota; streams may last longer.
LONGEST_RAISED_MS, LONGEST_STREAM_MS = 300_000, 900_000
CONTENT_HANDLING = ("CONVERT_TO_BINARY", "CONVERT_TO_TEXT")
PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")

_ARN = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+):(?P<sub>[^:]*?\.)?(?P<service>[^:]+):"
    r"(?P<form>[^/:]+)/(?P<rest>.*)",
    re.DOTALL,
)
_LAMBDA = re.compile(
    r"2015-03-31/functions/arn:aws[a-z-]*:lambda:.+/invocations|.*\$\{.+", re.DOTALL
)
_STREAMING = re.compile(
    r"2021-11-15/functions/arn:aws[a-z-]*:lambda:.+/response-streaming-invocations|.*\$\{.+",
    re.DOTALL,
)
_MAPPED = re.compile(
    r"method\.request\.(?:multivalue)?(?:querystring|header|path|body).*"
    r"|'.*'|stageVariables\..+|context\..+",
    re.DOTALL,
)
#: What a header of a response may be made of.
_RESPONSE_MAPPED = re.compile(
    r"integration\.response\.(?:multivalue)?(?:header|body).*"
    r"|'.*'|stageVariables\..+|context\..+",
    re.DOTALL,
)
_CACHE_KEY = re.compile(
    r"(?:method|integration)\.request\.(?:(?:multivalue)?(?:querystring|header|path)\..+|body.*)",
    re.DOTALL,
)
_DECLARED = re.compile(r"method\.request\.(?:multivalue)?(querystring|header|path)\.(.+)")
_TARGET = re.compile(r"integration\.request\.(header|querystring|path)\..+")
_PROXY_ONLY = (
    "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
    "invocations."
)
_NO_CONTENT_TYPE = "Content-Type specified was not found"
_CONTENT_TYPE = re.compile(r"[^/\s]+/[^/\s]+.*|\$default|default", re.DOTALL)

FIELDS = (
    Field("/cacheKeyParameters/{name}", "add remove replace", is_list=True),
    Field("/cacheNamespace"),
    Field("/connectionId"),
    Field("/connectionType"),
    Field("/contentHandling", "replace", one_of(*CONTENT_HANDLING)),
    Field("/credentials"),
    Field("/httpMethod"),
    Field("/integrationTarget"),
    Field("/passthroughBehavior"),
    Field("/requestParameters/{name}", "add remove replace"),
    Field("/requestTemplates/{type}", "add remove replace", missing=_NO_CONTENT_TYPE),
    Field("/responseTransferMode"),
    Field("/timeoutInMillis", "replace", number),
    Field("/tlsConfig/insecureSkipVerification", "replace", boolean),
    Field("/type"),
    Field("/uri"),
)
RESPONSE_FIELDS = (
    Field("/contentHandling", "replace", one_of(*CONTENT_HANDLING)),
    Field("/responseParameters/{name}", "add remove replace"),
    Field("/responseTemplates/{type}", "add remove replace", missing=_NO_CONTENT_TYPE),
    Field("/selectionPattern"),
    Field("/statusCode"),
)

_GIVEN = (
    "type", "uri", "connectionId", "credentials", "requestParameters", "requestTemplates",
    "contentHandling", "tlsConfig", "responseTransferMode", "integrationTarget",
)  # fmt: skip


def new_integration(given: Mapping[str, Any], resource_id: str) -> Document:
    """Return an integration as it is kept.

    Args:
        given: The members of PutIntegration; ``httpMethod`` is the integration's.
        resource_id: Whose method it is of: the name of its cache.
    """
    integration = {
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": USUAL_MS,
        "cacheNamespace": resource_id,
        "cacheKeyParameters": list(given.get("cacheKeyParameters") or []),
        **pick(given, (*_GIVEN, "passthroughBehavior", "timeoutInMillis", "cacheNamespace")),
    }
    if given.get("httpMethod"):
        integration["httpMethod"] = given["httpMethod"]
    if given["type"].startswith("HTTP"):
        integration["connectionType"] = given.get("connectionType") or "INTERNET"
    elif given.get("connectionType"):
        integration["connectionType"] = given["connectionType"]
    return integration


def check(
    integration: Mapping[str, Any], method: Mapping[str, Any], api: Mapping[str, Any]
) -> None:
    """Check an integration, and that its method has what it maps.

    Args:
        integration: As it is kept.
        method: Whose it is.
        api: Whose the method is: its kind of endpoint says how long an integration may take.

    Raises:
        AwsError: Something in it is invalid.
    """
    _check_endpoint(integration)
    if integration["passthroughBehavior"] not in PASSTHROUGH:
        raise bad_request(
            "Invalid passthrough behavior specified. Must be one of: "
            "[WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER]"
        )
    if integration.get("connectionType") == "VPC_LINK" and not integration.get("connectionId"):
        raise bad_request("Must provide a VPC Link ID when connectionType is VPC_LINK")
    _check_timeout(integration, is_edge=api["endpointConfiguration"]["types"] == ["EDGE"])
    _check_mappings(integration, method)
    _check_templates(integration.get("requestTemplates"))
    if not all(_CACHE_KEY.fullmatch(each) for each in integration["cacheKeyParameters"]):
        raise bad_request("Invalid cache key parameter specified")


def _check_endpoint(integration: Mapping[str, Any]) -> None:
    kind = integration["type"]
    if kind == "MOCK":
        return
    if not integration.get("httpMethod"):
        raise bad_request("Enumeration value for HttpMethod must be non-empty")
    if integration["httpMethod"] not in METHODS:
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(METHODS)}")
    _check_uri(integration, kind)


def _check_timeout(integration: Mapping[str, Any], *, is_edge: bool) -> None:
    streams = integration.get("responseTransferMode") == "STREAM"
    longest = LONGEST_STREAM_MS if streams else LONGEST_MS if is_edge else LONGEST_RAISED_MS
    if not SHORTEST_MS <= integration["timeoutInMillis"] <= longest:
        raise bad_request(f"Timeout should be between {SHORTEST_MS} ms and {longest} ms")


def _check_uri(integration: Mapping[str, Any], kind: str) -> None:
    uri = integration.get("uri") or ""
    if kind.startswith("HTTP"):
        if not re.match(r"https?://[^/\s]+|\$\{", uri) and "${stageVariables" not in uri:
            raise bad_request("Invalid HTTP endpoint specified for URI")
        return
    if not uri.startswith("arn:"):
        raise bad_request("Invalid ARN specified in the request")
    match = _ARN.fullmatch(uri)
    if match is None or match["form"] not in ("path", "action"):
        raise bad_request("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY" and not _may_proxy(match):
        raise bad_request(_PROXY_ONLY)


def _may_proxy(match: re.Match[str]) -> bool:
    if match["service"] == "firehose":
        return match["form"] == "action"
    if match["service"] != "lambda" or match["form"] != "path":
        return False
    rest = match["rest"]
    return bool(_LAMBDA.fullmatch(rest) or _STREAMING.fullmatch(rest))


def _check_mappings(integration: Mapping[str, Any], method: Mapping[str, Any]) -> None:
    declared = method.get("requestParameters") or {}
    errors = []
    for target, source in (integration.get("requestParameters") or {}).items():
        if not _TARGET.fullmatch(target):
            errors.append(f"Invalid mapping expression parameter specified: {target}")
        if not _MAPPED.fullmatch(source):
            errors.append(f"Invalid mapping expression specified: {source}")
            continue
        match = _DECLARED.fullmatch(source)
        # A method that takes several values of a parameter has it declared once.
        known = match and {f"method.request.{match[1]}.{match[2]}", source}
        if known and known.isdisjoint(declared):
            errors.append(f"Invalid mapping expression parameter specified: {source}")
    if errors:
        raise bad_request(f"Invalid mapping expression specified: {invalid(errors)}")


def _check_templates(templates: Mapping[str, str] | None) -> None:
    errors = [
        f"Invalid content type specified: {kind}"
        for kind in templates or {}
        if not _CONTENT_TYPE.fullmatch(kind)
    ]
    if errors:
        raise bad_request(invalid(errors))


def integration_of(at: At) -> Document:
    """Return the integration of a method.

    Raises:
        AwsError: It has none.
    """
    integration: Document | None = at.method.get("methodIntegration")
    if integration is None:
        raise unknown("integration")
    return integration


async def put_integration(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html."""
    at = At(ctx, request)
    given = {**request, "httpMethod": (request.get("integrationHttpMethod") or "").upper()}
    integration = new_integration(given, at.resource["id"])
    check(integration, at.method, at.api["api"])
    held = (at.method.get("methodIntegration") or {}).get("integrationResponses")
    if held:
        integration["integrationResponses"] = held
    await at.keep(("methodIntegration",), integration)
    return integration


async def get_integration(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetIntegration.html."""
    return integration_of(At(ctx, request))


async def delete_integration(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteIntegration.html."""
    at = At(ctx, request)
    integration_of(at)
    await at.keep(("methodIntegration",), None)
    return {}


async def update_integration(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateIntegration.html."""
    at = At(ctx, request)
    changed = apply(integration_of(at), request.get("patchOperations") or (), FIELDS)
    check(changed, at.method, at.api["api"])
    await at.keep(("methodIntegration",), changed)
    return changed


def _check_response(method: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    kinds = response.get("responseTemplates")
    _check_templates(kinds)
    declared = (method.get("methodResponses") or {}).get(response["statusCode"])
    if declared is None:
        raise not_found("Invalid Response status code specified")
    pattern = response.get("selectionPattern")
    if pattern:
        try:
            re.compile(pattern)
        except re.error:
            raise bad_request(f"Invalid selection pattern specified: {pattern}") from None
    check_headers(response, declared)


def check_headers(response: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    """Check what an integration response makes headers of.

    Args:
        response: The integration response.
        declared: The response of the method with the same status.

    Raises:
        AwsError: The method has no such header, or that is no expression.
    """
    errors = []
    for target, source in (response.get("responseParameters") or {}).items():
        if target not in (declared.get("responseParameters") or {}):
            errors.append(f"Invalid mapping expression parameter specified: {target}")
        if not _RESPONSE_MAPPED.fullmatch(source):
            errors.append(f"Invalid mapping expression specified: {source}")
    if errors:
        raise bad_request(f"Invalid mapping expression specified: {invalid(errors)}")


def _response_of(at: At, status: str) -> Document:
    responses = integration_of(at).get("integrationResponses") or {}
    response: Document | None = responses.get(status)
    if response is None:
        raise not_found("Invalid Response status code specified")
    return response


async def put_integration_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegrationResponse.html."""
    at = At(ctx, request)
    integration_of(at)
    response = {
        "statusCode": request["statusCode"],
        **pick(request, ("responseParameters", "responseTemplates", "contentHandling")),
    }
    if request.get("selectionPattern"):
        response["selectionPattern"] = request["selectionPattern"]
    _check_response(at.method, response)
    keys = ("methodIntegration", "integrationResponses", request["statusCode"])
    await at.keep(keys, response)
    return response


async def get_integration_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetIntegrationResponse.html."""
    at = At(ctx, request)
    if at.method.get("methodIntegration") is None:
        raise unknown("integration")
    return _response_of(at, request["statusCode"])


async def delete_integration_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteIntegrationResponse.html."""
    at = At(ctx, request)
    _response_of(at, request["statusCode"])
    held = at.method["methodIntegration"]["integrationResponses"]
    left = {k: v for k, v in held.items() if k != request["statusCode"]}
    await at.keep(("methodIntegration", "integrationResponses"), left or None)
    return {}


async def update_integration_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateIntegrationResponse.html."""
    at = At(ctx, request)
    response = _response_of(at, request["statusCode"])
    changed = apply(response, request.get("patchOperations") or (), RESPONSE_FIELDS)
    _check_response(at.method, changed)
    await at.keep(("methodIntegration", "integrationResponses", request["statusCode"]), changed)
    return changed
