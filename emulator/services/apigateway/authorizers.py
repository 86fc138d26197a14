"""Authorizers: who may call a method.

https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, drop, new_id, pick, put
from emulator.services.apigateway.errors import bad_request, conflict, found, invalid
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply, number
from emulator.services.apigateway.resources import all_methods
from emulator.services.apigateway.state import api_of, keep_api
from emulator.services.context import Context, Request, Response

#: The longest a decision may be kept, and how long it is without a word, in seconds.
LONGEST_TTL_S, USUAL_TTL_S = 3_600, 300

_COGNITO = "COGNITO_USER_POOLS"
_GIVEN = (
    "name", "type", "providerARNs", "authType", "authorizerUri", "authorizerCredentials",
    "identitySource", "identityValidationExpression", "authorizerResultTtlInSeconds",
    "jwtConfiguration",
)  # fmt: skip

_TOKEN = re.compile(r"method\.request\.header\.[a-zA-Z0-9._-]+")
_SOURCE = re.compile(
    r"method\.request\.(?:multivalue)?(?:header|querystring)\..+|context\..+|stageVariables\..+"
)

FIELDS = (
    Field("/authorizerCredentials"),
    Field("/authorizerResultTtlInSeconds", "replace", number),
    Field("/authorizerUri"),
    Field("/authType"),
    Field("/identitySource"),
    Field("/identityValidationExpression"),
    Field("/name"),
    Field("/providerARNs/{arn}", "add remove replace", is_list=True),
    Field("/type"),
)


def new_authorizer(given: Mapping[str, Any]) -> Document:
    """Return an authorizer as it is kept.

    Raises:
        AwsError: It can't be one.
    """
    authorizer = {"id": new_id(), **pick(given, _GIVEN)}
    kind = authorizer["type"]
    authorizer.setdefault("authType", "cognito_user_pools" if kind == _COGNITO else "custom")
    if kind in ("TOKEN", _COGNITO):
        authorizer.setdefault("identitySource", "method.request.header.Authorization")
    _check(authorizer)
    return authorizer


def _check(authorizer: Mapping[str, Any]) -> None:
    kind, uri = authorizer["type"], authorizer.get("authorizerUri")
    if not authorizer.get("name"):
        raise bad_request("Authorizer name must be non-empty")
    if kind == _COGNITO and not authorizer.get("providerARNs"):
        raise bad_request("Invalid Authorizer Provider ARNs: provider ARNs must be non-empty")
    if kind in ("TOKEN", "REQUEST") and not re.match(r"arn:aws[a-z-]*:apigateway:|\$\{", uri or ""):
        raise bad_request(
            f"Invalid Authorizer URI: {uri or ''}. Authorizer URI should be a valid "
            "API Gateway ARN that represents a Lambda function invocation."
        )
    ttl = authorizer.get("authorizerResultTtlInSeconds", USUAL_TTL_S)
    if not 0 <= ttl <= LONGEST_TTL_S:
        raise bad_request("Authorizer result TTL must be between 0 and 3600 seconds")
    if kind == "REQUEST" and not authorizer.get("identitySource") and ttl:
        raise bad_request("Identity source is required when caching is enabled")
    if authorizer.get("identitySource"):
        _check_source(kind, authorizer["identitySource"])


def _check_source(kind: str, source: str) -> None:
    if kind in ("TOKEN", _COGNITO) and not _TOKEN.fullmatch(source):
        # In these words: https://github.com/aws/aws-cdk/issues/6330
        raise bad_request(
            f"Invalid token source expression: {source}. The source must be a method request "
            "header, matching 'method.request.header.[a-zA-Z0-9._-]+'."
        )
    if kind == "REQUEST":
        wrong = [each.strip() for each in source.split(",") if not _SOURCE.fullmatch(each.strip())]
        if wrong:
            errors = [f"Invalid mapping expression specified: {each}" for each in wrong]
            raise bad_request(f"Invalid mapping expression specified: {invalid(errors)}")


def _check_name(api: Document, authorizer: Mapping[str, Any]) -> None:
    for each in (api.get("authorizers") or {}).values():
        if each["name"] == authorizer["name"] and each["id"] != authorizer["id"]:
            raise conflict("Authorizer name must be unique")


async def create_authorizer(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateAuthorizer.html."""
    api = api_of(ctx, request["restApiId"])
    authorizer = new_authorizer(request)
    _check_name(api, authorizer)
    await keep_api(ctx, put(api, ["authorizers", authorizer["id"]], authorizer))
    return authorizer


def authorizer_of(api: Document, authorizer_id: str) -> Document:
    """Return an authorizer of an API.

    Raises:
        AwsError: There is none of this id.
    """
    return found(api.get("authorizers") or {}, authorizer_id, "authorizer")


async def get_authorizer(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetAuthorizer.html."""
    return authorizer_of(api_of(ctx, request["restApiId"]), request["authorizerId"])


async def get_authorizers(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetAuthorizers.html."""
    api = api_of(ctx, request["restApiId"])
    return page(list((api.get("authorizers") or {}).values()), request)


async def delete_authorizer(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteAuthorizer.html."""
    api = api_of(ctx, request["restApiId"])
    authorizer = authorizer_of(api, request["authorizerId"])
    for path, name, method in all_methods(api):
        if method.get("authorizerId") == authorizer["id"]:
            raise conflict(
                f"Authorizer {authorizer['id']} is still attached to the method {name} {path}"
            )
    await keep_api(ctx, drop(api, ["authorizers", authorizer["id"]]))
    return {}


async def update_authorizer(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateAuthorizer.html."""
    api = api_of(ctx, request["restApiId"])
    authorizer = apply(
        authorizer_of(api, request["authorizerId"]), request.get("patchOperations") or (), FIELDS
    )
    _check(authorizer)
    _check_name(api, authorizer)
    await keep_api(ctx, put(api, ["authorizers", authorizer["id"]], authorizer))
    return authorizer
