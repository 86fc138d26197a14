"""Gateway responses: what API Gateway itself answers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, drop, put
from emulator.services.apigateway.errors import bad_request, invalid, not_found
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply, matching
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

#: Statuses by type; those without one have the status of what happened.
STATUS: dict[str, str] = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "DEFAULT_4XX": "",
    "DEFAULT_5XX": "",
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}
#: The body of those that nobody has changed.
TEMPLATE = '{"message":$context.error.messageString}'

#: What a header of a response may be made of.
_MAPPED = re.compile(
    r"method\.request\.(?:multivalue)?(?:querystring|header|path|body).*"
    r"|'.*'|stageVariables\..+|context\..+",
    re.DOTALL,
)
_TARGET = re.compile(r"gatewayresponse\.(?:header|multivalueheader)\..+", re.DOTALL)
_MISSING = "Invalid parameter name specified"


FIELDS = (
    Field("/responseParameters/{name}", "add remove replace", missing=_MISSING),
    Field("/responseTemplates/{type}", "add remove replace", missing=_MISSING),
    Field("/statusCode", "replace", matching(r"[1-5]\d\d")),
)


def default(kind: str) -> Document:
    """Return the response of a type that nobody has changed."""
    response: Document = {
        "responseType": kind,
        "responseParameters": {},
        "responseTemplates": {"application/json": TEMPLATE},
        "defaultResponse": True,
    }
    if STATUS[kind]:
        response["statusCode"] = STATUS[kind]
    return response


def response_of(api: Mapping[str, Any], kind: str) -> Document:
    """Return what an API answers in a case: its own response, its default, or AWS's."""
    own = api.get("gatewayResponses") or {}
    if kind in own:
        return dict(own[kind])
    general = "DEFAULT_5XX" if STATUS[kind].startswith("5") else "DEFAULT_4XX"
    response = default(kind)
    if general in own:
        inherited = {
            k: v
            for k, v in own[general].items()
            if k in ("responseParameters", "responseTemplates")
        }
        response |= inherited
    return response


def _check_type(kind: str) -> None:
    if kind not in STATUS:
        raise not_found("Invalid response type specified")


async def put_gateway_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutGatewayResponse.html."""
    api = api_of(ctx, request["restApiId"])
    kind = request["responseType"]
    _check_type(kind)
    response: Document = {
        "responseType": kind,
        "responseParameters": dict(request.get("responseParameters") or {}),
        "responseTemplates": dict(request.get("responseTemplates") or {}),
        "defaultResponse": False,
    }
    if not response["responseTemplates"]:
        response["responseTemplates"] = {"application/json": TEMPLATE}
    status = request.get("statusCode") or STATUS[kind]
    if status:
        response["statusCode"] = status
    check_parameters(response["responseParameters"])
    await keep_api(ctx, put(api, ["gatewayResponses", kind], response))
    return response


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Check what a gateway response makes headers of.

    Raises:
        AwsError: That is no expression, or no header of a gateway response.
    """
    # In these words: https://github.com/aws/aws-cli/issues/2879
    errors = [
        f"Invalid mapping expression specified: {wrong}"
        for name, value in parameters.items()
        for wrong in (name, value)
        if not (_TARGET if wrong is name else _MAPPED).fullmatch(wrong)
    ]
    if errors:
        raise bad_request(f"Invalid mapping expression specified: {invalid(errors)}")


async def get_gateway_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetGatewayResponse.html."""
    api = api_of(ctx, request["restApiId"])
    _check_type(request["responseType"])
    return response_of(api, request["responseType"])


async def get_gateway_responses(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetGatewayResponses.html."""
    api = api_of(ctx, request["restApiId"])
    return page([response_of(api, kind) for kind in STATUS], request, usual=500)


async def delete_gateway_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteGatewayResponse.html."""
    api = api_of(ctx, request["restApiId"])
    kind = request["responseType"]
    _check_type(kind)
    if kind not in (api.get("gatewayResponses") or {}):
        raise not_found("Gateway response type not defined on api")
    await keep_api(ctx, drop(api, ["gatewayResponses", kind]))
    return {}


async def update_gateway_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateGatewayResponse.html."""
    api = api_of(ctx, request["restApiId"])
    kind = request["responseType"]
    _check_type(kind)
    operations = request.get("patchOperations") or ()
    for each in operations:
        if each.get("path") in ("/responseParameters", "/responseTemplates"):
            raise bad_request(f"Invalid null or empty value in {each['path']}")
    response = apply(response_of(api, kind), operations, FIELDS)
    response["defaultResponse"] = False
    for name in ("responseParameters", "responseTemplates"):
        response.setdefault(name, {})
    check_parameters(response["responseParameters"])
    await keep_api(ctx, put(api, ["gatewayResponses", kind], response))
    return response
