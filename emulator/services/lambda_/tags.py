"""Tags of functions, event source mappings, code signing configurations, capacity providers.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid, not_found
from emulator.services.lambda_.rules import cross_account as access
from emulator.services.lambda_.rules.configuration import bump_revision

#: Tags of one resource.
MOST = 50


class _Tagged(NamedTuple):
    tags: dict[str, str]
    #: Keeps what has become of ``tags``.
    keep: Callable[[dict[str, str]], Awaitable[None]]


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html
    """
    if not request["Tags"]:
        raise invalid("An error occurred and the request cannot be processed.")
    tagged = _find(ctx, request["Resource"])
    tags = {**tagged.tags, **request["Tags"]}
    check(tags)
    await tagged.keep(tags)
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UntagResource.html
    """
    tagged = _find(ctx, request["Resource"])
    gone = set(request["TagKeys"])
    await tagged.keep({key: value for key, value in tagged.tags.items() if key not in gone})
    return {}


async def list_tags(ctx: Context, request: Request) -> Response:
    """Serve ListTags.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html
    """
    return {"Tags": dict(_find(ctx, request["Resource"]).tags)}


def check(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have.

    Raises:
        AwsError: InvalidParameterValueException.
    """
    if len(tags) > MOST:
        raise invalid("Number of tags exceeds resource tag limit.")


def _find(ctx: Context, arn: str) -> _Tagged:
    _, _, _, region, account, kind, name = arn.split(":", 6)
    registry = ctx.parts.registry
    if kind == "function":
        # The policy of a function may allow another account to see or to set its tags.
        access.check(ctx, account, name, None)
        return _function(ctx, account, region, name)
    if account != ctx.account:
        raise access.denied(
            ctx, arn, f"lambda:{ctx.operation}", "it is a resource of another account"
        )
    if kind == "event-source-mapping":
        missing = f"Event source mapping not found: {arn}"
        return _resource(registry.mappings, account, region, name, missing)
    if kind == "capacity-provider":
        missing = f"Capacity provider not found: {arn}"
        return _resource(registry.capacity_providers, account, region, name, missing)
    if kind == "code-signing-config":
        missing = f"The Lambda code signing configuration {arn} can not be found."
        return _resource(registry.code_signing, account, region, arn, missing)
    raise not_found(f"localfaas has no resources of the kind {kind}: {arn}")


def _function(ctx: Context, account: str, region: str, name: str) -> _Tagged:
    if ":" in name:
        raise invalid(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    registry = ctx.parts.registry
    function = registry.find(account, region, name)
    if function is None or region != ctx.region:
        raise lookup.function_not_found(f"arn:aws:lambda:{region}:{account}:function:{name}")

    async def keep(tags: dict[str, str]) -> None:
        function.tags = tags
        bump_revision(function)
        await registry.save(function)

    return _Tagged(function.tags, keep)


def _resource(
    collection: ResourceTable, account: str, region: str, key: str, missing: str
) -> _Tagged:
    body = collection.find(account, region, key)
    if body is None:
        raise not_found(missing)

    async def keep(tags: dict[str, str]) -> None:
        changed = {**body, "Tags": tags}
        settled = None
        if "Enabled" in body:
            # A mapping may be in transition, which a restart ends; as a capacity provider may.
            settled = {**changed, "State": "Enabled" if body["Enabled"] else "Disabled"}
        elif body.get("State") == "Pending":
            settled = {**changed, "State": "Active"}
        await collection.put(account, region, key, changed, settled=settled)

    return _Tagged(body.get("Tags") or {}, keep)
