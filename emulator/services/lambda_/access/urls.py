"""Function URL configurations; the edge serves the URLs.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

import hashlib
import string
from datetime import UTC, datetime
from urllib.parse import urlsplit

from emulator.invoke import tenancy
from emulator.model.arn import FunctionName
from emulator.model.function import LATEST
from emulator.registry.attachments import FunctionUrl
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import conflict, not_found, violation
from emulator.services.lambda_.paging import page

_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
#: Characters of a URL's id, as on AWS.
_ID_LENGTH = 32
_NO_FUNCTION = "Function does not exist"


async def create_function_url_config(ctx: Context, request: Request) -> Response:
    """Serve CreateFunctionUrlConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html
    """
    named = _name(ctx, request)
    function = _function(ctx, named)
    tenancy.refuse(function.latest, "A function URL")
    qualifier = named.qualifier or LATEST
    arn = lookup.arn_of(ctx, named, named.qualifier)
    held = function.attached.urls
    if qualifier in held:
        raise conflict(
            f"Failed to create function url config for [functionArn = {arn}]. Error message:  "
            "FunctionUrlConfig exists for this Lambda function"
        )
    now = _moment(ctx)
    url = held[qualifier] = FunctionUrl(
        url_id=url_id(arn),
        function_arn=arn,
        auth_type=request["AuthType"],
        invoke_mode=request.get("InvokeMode") or "BUFFERED",
        created_at=now,
        modified_at=now,
        cors=request.get("Cors"),
    )
    await ctx.parts.registry.save(function)
    return _as_changed(ctx, url, request)


async def get_function_url_config(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionUrlConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionUrlConfig.html
    """
    named = _name(ctx, request)
    return _render(ctx, _existing(lookup.find(ctx, named), named))


async def update_function_url_config(ctx: Context, request: Request) -> Response:
    """Serve UpdateFunctionUrlConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionUrlConfig.html
    """
    named = _name(ctx, request)
    function = _function(ctx, named)
    url = _existing(function, named)
    url.auth_type = request.get("AuthType") or url.auth_type
    url.invoke_mode = request.get("InvokeMode") or url.invoke_mode
    if request.get("Cors") is not None:
        url.cors = request["Cors"]
    url.modified_at = _moment(ctx)
    await ctx.parts.registry.save(function)
    return _as_changed(ctx, url, request)


async def delete_function_url_config(ctx: Context, request: Request) -> Response:
    """Serve DeleteFunctionUrlConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionUrlConfig.html
    """
    named = _name(ctx, request)
    function = lookup.find(ctx, named)
    _existing(function, named)
    assert function is not None
    del function.attached.urls[named.qualifier or LATEST]
    await ctx.parts.registry.save(function)
    return {}


async def list_function_url_configs(ctx: Context, request: Request) -> Response:
    """Serve ListFunctionUrlConfigs.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html
    """
    function = lookup.find(ctx, lookup.name_of(ctx, request))
    if function is None:
        raise not_found(_NO_FUNCTION)
    held = function.attached.urls
    qualifiers, marker = page(sorted(held), request)
    return {
        "FunctionUrlConfigs": [_render(ctx, held[qualifier]) for qualifier in qualifiers],
        "NextMarker": marker,
    }


def url_id(function_arn: str) -> str:
    """Return the id of a function's URL: 32 characters, the same at each start.

    AWS makes a random one. Here it is derived from what the URL invokes, so that front ends and
    bookmarks stay valid when the emulator restarts.

    Args:
        function_arn: The function's ARN, with the alias where the URL is an alias's.
    """
    letters = string.ascii_lowercase + string.digits
    number = int.from_bytes(hashlib.sha256(function_arn.encode()).digest())
    characters = []
    for _ in range(_ID_LENGTH):
        number, rest = divmod(number, len(letters))
        characters.append(letters[rest])
    return "".join(characters)


def address(endpoint: str, region: str, url_id: str) -> str:
    """Return the address of a function URL."""
    host = urlsplit(endpoint).netloc
    _, colon, port = host.rpartition(":")
    port = colon + port if port.isdigit() else ""
    return f"http://{url_id}.lambda-url.{region}.localhost{port}/"


def _name(ctx: Context, request: Request) -> FunctionName:
    named = lookup.name_of(ctx, request)
    if named.qualifier is not None and not lookup.is_alias(named.qualifier):
        raise violation(
            named.qualifier,
            "qualifier",
            f"Member must satisfy regular expression pattern: {_QUALIFIER}",
        )
    return named


def _function(ctx: Context, named: FunctionName) -> Function:
    function = lookup.find(ctx, named)
    if function is None or (named.qualifier and named.qualifier not in function.aliases):
        raise not_found(_NO_FUNCTION)
    return function


def _existing(function: Function | None, named: FunctionName) -> FunctionUrl:
    held = {} if function is None else function.attached.urls
    url = held.get(named.qualifier or LATEST)
    if url is None:
        raise not_found()
    return url


def _moment(ctx: Context) -> str:
    return f"{datetime.fromtimestamp(ctx.clock.now(), UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _as_changed(ctx: Context, url: FunctionUrl, request: Request) -> Response:
    """Return a configuration as the call shows it that made or changed it.

    Recorded: such an answer has the InvokeMode only where the request has it.
    """
    shown = _render(ctx, url)
    return shown if request.get("InvokeMode") else {**shown, "InvokeMode": None}


def _render(ctx: Context, url: FunctionUrl) -> Response:
    return {**url.to_wire(), "FunctionUrl": address(ctx.endpoint, ctx.region, url.url_id)}
