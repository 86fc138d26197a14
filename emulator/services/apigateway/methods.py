"""Methods and their responses.

https://docs.aws.amazon.com/apigateway/latest/api/API_Method.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, drop, pick, put
from emulator.services.apigateway.errors import bad_request, conflict, found, invalid, not_found
from emulator.services.apigateway.patch import Field, apply, boolean
from emulator.services.apigateway.resources import resource_of
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
_NEEDS_AUTHORIZER = ("CUSTOM", "COGNITO_USER_POOLS")
_AUTHORIZATION = ("NONE", "AWS_IAM", *_NEEDS_AUTHORIZER)
_REQUEST = re.compile(
    r"method\.request\.(header|querystring|path|multivaluequerystring|multivalueheader)\..+"
)
_RESPONSE = re.compile(r"method\.response\.(header|multivalueheader)\..+")
_NO_CONTENT_TYPE = "Content-Type specified was not found"

FIELDS = (
    Field("/authorizationScopes/{scope}", "add remove", is_list=True),
    Field("/authorizationType"),
    Field("/authorizerId"),
    Field("/apiKeyRequired", "replace", boolean),
    Field("/operationName"),
    Field("/requestValidatorId"),
    Field("/requestParameters/{name}", "add remove replace", boolean),
    Field("/requestModels/{type}", "add remove replace", missing=_NO_CONTENT_TYPE),
)
RESPONSE_FIELDS = (
    Field("/responseParameters/{name}", "add remove replace", boolean),
    Field("/responseModels/{type}", "add remove replace", missing=_NO_CONTENT_TYPE),
)


class At:
    """A method of the caller's, found.

    Attributes:
        api, resource, method: The documents.
        keys: Where the method is in the API's document.
    """

    def __init__(self, ctx: Context, request: Mapping[str, Any]) -> None:
        self._ctx = ctx
        self.api = api_of(ctx, request["restApiId"])
        self.resource = resource_of(self.api, request["resourceId"])
        self.name: str = request["httpMethod"].upper()
        self.method = found(self.resource.get("methods") or {}, self.name, "method")
        self.keys = ["resources", self.resource["id"], "methods", self.name]

    async def keep(self, keys: Iterable[str], value: Any) -> None:
        """Keep a part of the method; None removes it."""
        where = [*self.keys, *keys]
        changed = drop(self.api, where) if value is None else put(self.api, where, value)
        await keep_api(self._ctx, changed)


def _check(api: Document, method: Mapping[str, Any]) -> None:
    """Check what a method refers to.

    Raises:
        AwsError: It refers to nothing.
    """
    kind = method["authorizationType"]
    if kind not in _AUTHORIZATION:
        raise bad_request(
            "Invalid authorization type specified. Valid options are NONE, AWS_IAM, CUSTOM, "
            "COGNITO_USER_POOLS"
        )
    if kind in _NEEDS_AUTHORIZER:
        authorizer = (api.get("authorizers") or {}).get(method.get("authorizerId") or "")
        if authorizer is None or (authorizer["type"] == _NEEDS_AUTHORIZER[1]) != (
            kind == _NEEDS_AUTHORIZER[1]
        ):
            raise bad_request(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
                "COGNITO_USER_POOLS requires a valid authorizer."
            )
    validator = method.get("requestValidatorId")
    if validator and validator not in (api.get("validators") or {}):
        raise bad_request("Invalid Request Validator identifier specified")
    check_models(api, method.get("requestModels"))
    _check_parameters(method.get("requestParameters"), _REQUEST)
    names = [each.split(".", 3)[3] for each in method.get("requestParameters") or {}]
    if len(names) != len(set(names)):
        raise bad_request("Parameter names must be unique across querystring, header and path")


def check_models(api: Mapping[str, Any], models: Mapping[str, str] | None) -> None:
    """Check that an API has the models that are named.

    Raises:
        AwsError: It lacks one.
    """
    for name in (models or {}).values():
        if name not in (api.get("models") or {}):
            raise bad_request(f"Invalid model identifier specified: {name}")


def _check_parameters(parameters: Mapping[str, Any] | None, pattern: re.Pattern[str]) -> None:
    errors = [
        f"Invalid mapping expression parameter specified: {name}"
        for name in parameters or {}
        if not pattern.fullmatch(name)
    ]
    if errors:
        raise bad_request(f"Invalid mapping expression specified: {invalid(errors)}")


async def put_method(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutMethod.html."""
    api = api_of(ctx, request["restApiId"])
    resource = resource_of(api, request["resourceId"])
    name = request["httpMethod"].upper()
    if name not in METHODS:
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(METHODS)}")
    if name in (resource.get("methods") or {}):
        raise conflict("Method already exists for this resource")
    method: Document = {
        "httpMethod": name,
        "authorizationType": request["authorizationType"],
        "apiKeyRequired": bool(request.get("apiKeyRequired")),
        **pick(
            request,
            ("authorizerId", "requestValidatorId", "operationName", "requestParameters",
             "requestModels", "authorizationScopes"),
        ),
    }  # fmt: skip
    _check(api, method)
    await keep_api(ctx, put(api, ["resources", resource["id"], "methods", name], method))
    return method


async def get_method(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetMethod.html."""
    return At(ctx, request).method


async def delete_method(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteMethod.html."""
    at = At(ctx, request)
    changed = drop(at.api, at.keys)
    if not changed["resources"][at.resource["id"]]["methods"]:
        changed = drop(changed, at.keys[:-1])
    await keep_api(ctx, changed)
    return {}


def _check_operation(operation: str, path: str) -> None:
    """Refuse a patch of what methods don't have, or don't have changed so."""
    allowed = [each.operations.split() for each in FIELDS if each.match(path) is not None]
    if not allowed:
        raise bad_request(f"Invalid patch path {path}")
    if operation not in allowed[0]:
        choice = ", ".join(allowed[0])
        raise bad_request(f"Invalid patch operation specified. Must be one of: [{choice}]")


async def update_method(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateMethod.html."""
    at = At(ctx, request)
    operations = request.get("patchOperations") or ()
    for each in operations:
        _check_operation(each.get("op") or "", each.get("path") or "")
    method = apply(at.method, operations, FIELDS)
    if not method.get("authorizationScopes"):
        method.pop("authorizationScopes", None)
    if method.get("authorizationType") in (None, "NONE", "AWS_IAM"):
        method.pop("authorizerId", None)
    method.setdefault("authorizationType", "NONE")
    _check(at.api, method)
    await at.keep((), method)
    return method


def _response_of(method: Mapping[str, Any], status: str) -> Document:
    response: Document | None = (method.get("methodResponses") or {}).get(status)
    if response is None:
        raise not_found("Invalid Response status code specified")
    return response


async def put_method_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_PutMethodResponse.html."""
    at = At(ctx, request)
    status = request["statusCode"]
    if status in (at.method.get("methodResponses") or {}):
        raise conflict("Response already exists for this resource")
    check_models(at.api, request.get("responseModels"))
    _check_parameters(request.get("responseParameters"), _RESPONSE)
    response = {
        "statusCode": status,
        **pick(request, ("responseParameters", "responseModels")),
    }
    await at.keep(("methodResponses", status), response)
    return response


async def get_method_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetMethodResponse.html."""
    return _response_of(At(ctx, request).method, request["statusCode"])


async def delete_method_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteMethodResponse.html."""
    at = At(ctx, request)
    _response_of(at.method, request["statusCode"])
    left = {k: v for k, v in at.method["methodResponses"].items() if k != request["statusCode"]}
    await at.keep(("methodResponses",), left or None)
    return {}


async def update_method_response(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateMethodResponse.html."""
    at = At(ctx, request)
    response = _response_of(at.method, request["statusCode"])
    changed = apply(response, request.get("patchOperations") or (), RESPONSE_FIELDS)
    check_models(at.api, changed.get("responseModels"))
    _check_parameters(changed.get("responseParameters"), _RESPONSE)
    await at.keep(("methodResponses", request["statusCode"]), changed)
    return changed
