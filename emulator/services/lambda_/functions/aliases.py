"""Aliases: names for versions, with a share of the calls for a second one.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.registry.function import Alias, Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.concurrency import provisioned
from emulator.services.lambda_.errors import conflict, invalid, not_found, stale
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import snap_start
from emulator.services.lambda_.rules.configuration import new_revision


async def create_alias(ctx: Context, request: Request) -> Response:
    """Serve CreateAlias.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
    """
    version: str = request["FunctionVersion"]
    named = lookup.name_of(ctx, request)
    function = lookup.find(ctx, named)
    if function is None:
        raise lookup.function_not_found(lookup.arn_of(ctx, named, version))
    if function.numbered(version) is None:
        raise lookup.function_not_found(f"{function.arn}:{version}")
    name: str = request["Name"]
    if name in function.aliases:
        raise conflict(f"Alias already exists: {function.arn}:{name}")
    weights = _weights(function, version, request)
    alias = Alias(
        name=name,
        function_version=version,
        description=request.get("Description") or "",
        revision_id=new_revision(),
        weights=weights or {},
    )
    function.aliases[name] = alias
    await ctx.parts.registry.save(function)
    return _render(function, alias)


async def get_alias(ctx: Context, request: Request) -> Response:
    """Serve GetAlias.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
    """
    function = lookup.function(ctx, request)
    alias = function.aliases.get(request["Name"])
    if alias is None:
        raise not_found(f"Cannot find alias arn: {function.arn}:{request['Name']}")
    return _render(function, alias)


async def list_aliases(ctx: Context, request: Request) -> Response:
    """Serve ListAliases.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html
    """
    function = lookup.function(ctx, request)
    version = request.get("FunctionVersion")
    names = sorted(
        alias.name
        for alias in function.aliases.values()
        if version is None or version == alias.function_version or version in alias.weights
    )
    chosen, marker = page(names, request)
    return {
        "Aliases": [_render(function, function.aliases[name]) for name in chosen],
        "NextMarker": marker,
    }


async def update_alias(ctx: Context, request: Request) -> Response:
    """Serve UpdateAlias.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    """
    function = lookup.function(ctx, request)
    alias = function.aliases.get(request["Name"])
    if alias is None:
        raise not_found(f"Alias not found: {function.arn}:{request['Name']}")
    if request.get("RevisionId") not in (None, "", alias.revision_id):
        raise stale()
    version = request.get("FunctionVersion") or alias.function_version
    if function.numbered(version) is None:
        raise lookup.function_not_found(f"{function.arn}:{version}")
    weights = _weights(function, version, request)
    if weights is None:
        weights = {v: share for v, share in alias.weights.items() if v != version}
    if alias.name in function.attached.provisioned:
        named = (function.numbered(number) for number in (version, *weights))
        snap_start.refuse_provisioned(each for each in named if each is not None)
    before = provisioned.targets(function)
    alias.function_version = version
    alias.weights = weights
    if request.get("Description") is not None:
        alias.description = request["Description"]
    alias.revision_id = new_revision()
    provisioned.adjust(ctx.parts, function, before)
    await ctx.parts.registry.save(function)
    return _render(function, alias)


async def delete_alias(ctx: Context, request: Request) -> Response:
    """Serve DeleteAlias.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html

    Deleting an alias that does not exist is no error (recorded).
    """
    named = lookup.name_of(ctx, request)
    function = lookup.find(ctx, named)
    if function is None:
        raise lookup.function_not_found(lookup.arn_of(ctx, named))
    name = request["Name"]
    before = provisioned.targets(function)
    if function.aliases.pop(name, None) is not None:
        function.attached.forget(name)
        provisioned.adjust(ctx.parts, function, before)
        await ctx.parts.registry.save(function)
    return {}


def _weights(function: Function, version: str, request: Request) -> Mapping[str, float] | None:
    """Return the additional weights that a request asks for; None if it names none.

    Raises:
        AwsError: AWS refuses them.
    """
    routing = request.get("RoutingConfig")
    if routing is None:
        return None
    weights: dict[str, float] = routing.get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for other in weights:
        if other == version:
            raise invalid(
                f"Invalid function version {other}. Function version {other} is already included "
                "in routing configuration."
            )
        if version == LATEST:
            # Recorded without a Type.
            raise AwsError(
                "InvalidParameterValueException",
                "$LATEST is not supported for an alias pointing to more than 1 version",
                Type=None,
            )
        if other not in function.versions:
            raise lookup.function_not_found(f"{function.arn}:{other}")
    return weights


def _render(function: Function, alias: Alias) -> Response:
    body: Response = {
        "AliasArn": f"{function.arn}:{alias.name}",
        "Name": alias.name,
        "FunctionVersion": alias.function_version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        body["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return body
