"""What entities have alike: inline and attached policies, tags, boundaries.

Their operations differ in names alone, so that they are made of one table.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities, policies
from emulator.wire.model import snake_name

Handler = Callable[[Context, Request], Awaitable[Response]]

#: The kinds that have policies.
_PRINCIPALS = ("Role", "User", "Group")
#: The kinds that have a boundary.
_BOUND = ("Role", "User")
#: The kinds that have tags: what the store calls them, and the member that names them.
_TAGGED = {
    "InstanceProfile": ("instance-profile", "InstanceProfileName"),
    "OpenIDConnectProvider": ("provider", "OpenIDConnectProviderArn"),
    "Role": ("role", "RoleName"),
    "User": ("user", "UserName"),
}
#: Characters of all inline policies of one entity, without white space.
_LARGEST = {"role": 10_240, "user": 2_048, "group": 5_120}


def _inline(kind: str) -> dict[str, Handler]:
    stored, member = kind.lower(), f"{kind}Name"

    async def put(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        text = entities.checked_permissions(request["PolicyDocument"])
        inline = {**entity.get("inline", {}), request["PolicyName"]: text}
        if sum(map(entities.measured, inline.values())) > _LARGEST[stored]:
            quota = f"Maximum policy size of {_LARGEST[stored]} bytes exceeded"
            raise AwsError("LimitExceeded", f"{quota} for {stored} {request[member]}", status=409)
        await entities.keep(ctx, stored, request[member], {**entity, "inline": inline})
        return {}

    async def get(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        text = entity.get("inline", {}).get(request["PolicyName"])
        if text is None:
            raise _no_policy(request, stored)
        return {
            member: request[member],
            "PolicyName": request["PolicyName"],
            "PolicyDocument": entities.shown_document(text),
        }

    async def delete(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        inline = dict(entity.get("inline", {}))
        if inline.pop(request["PolicyName"], None) is None:
            raise _no_policy(request, stored)
        await entities.keep(ctx, stored, request[member], {**entity, "inline": inline})
        return {}

    async def listed(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        return entities.page(sorted(entity.get("inline", {})), request, "PolicyNames")

    return {
        f"Put{kind}Policy": put,
        f"Get{kind}Policy": get,
        f"Delete{kind}Policy": delete,
        f"List{kind}Policies": listed,
    }


def _no_policy(request: Request, kind: str) -> AwsError:
    return AwsError(
        "NoSuchEntity",
        f"The {kind} policy with name {request['PolicyName']} cannot be found.",
        status=404,
    )


def _attached(kind: str) -> dict[str, Handler]:
    stored, member = kind.lower(), f"{kind}Name"

    async def attach(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        policies.find(ctx, request["PolicyArn"])
        attached = [*entity.get("attached", [])]
        if request["PolicyArn"] not in attached:
            attached.append(request["PolicyArn"])
            await entities.keep(ctx, stored, request[member], {**entity, "attached": attached})
        return {}

    async def detach(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        attached = [*entity.get("attached", [])]
        if request["PolicyArn"] not in attached:
            raise AwsError(
                "NoSuchEntity", f"Policy {request['PolicyArn']} was not found.", status=404
            )
        attached.remove(request["PolicyArn"])
        await entities.keep(ctx, stored, request[member], {**entity, "attached": attached})
        return {}

    async def listed(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        found = [
            {"PolicyName": each.rpartition("/")[2], "PolicyArn": each}
            for each in entity.get("attached", [])
        ]
        return entities.page(found, request, "AttachedPolicies")

    return {
        f"Attach{kind}Policy": attach,
        f"Detach{kind}Policy": detach,
        f"ListAttached{kind}Policies": listed,
    }


def _tagged(kind: str) -> dict[str, Handler]:
    stored, member = _TAGGED[kind]

    async def tag(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        tags = {**entity.get("tags", {}), **entities.tags_of(request)}
        await entities.keep(ctx, stored, request[member], {**entity, "tags": tags})
        return {}

    async def untag(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        gone = set(request["TagKeys"])
        tags = {k: v for k, v in entity.get("tags", {}).items() if k not in gone}
        await entities.keep(ctx, stored, request[member], {**entity, "tags": tags})
        return {}

    async def listed(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        return entities.page(entities.shown_tags(entity), request, "Tags")

    return {f"Tag{kind}": tag, f"Untag{kind}": untag, f"List{kind}Tags": listed}


def _bound(kind: str) -> dict[str, Handler]:
    stored, member = kind.lower(), f"{kind}Name"

    async def bound(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        boundary = request["PermissionsBoundary"]
        await entities.keep(ctx, stored, request[member], {**entity, "boundary": boundary})
        return {}

    async def unbound(ctx: Context, request: Request) -> Response:
        entity = entities.find(ctx, stored, request[member])
        kept: dict[str, Any] = {k: v for k, v in entity.items() if k != "boundary"}
        await entities.keep(ctx, stored, request[member], kept)
        return {}

    return {
        f"Put{kind}PermissionsBoundary": bound,
        f"Delete{kind}PermissionsBoundary": unbound,
    }


def _named() -> dict[str, Handler]:
    made: dict[str, Handler] = {}
    for kind in _PRINCIPALS:
        made |= _inline(kind) | _attached(kind)
    for kind in _TAGGED:
        made |= _tagged(kind)
    for kind in _BOUND:
        made |= _bound(kind)
    for name, handler in made.items():
        handler.__name__ = snake_name(name)
    return made


OPERATIONS = _named()
