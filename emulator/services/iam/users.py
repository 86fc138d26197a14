"""Users, their access keys, and groups.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users.html
"""

from __future__ import annotations

from typing import Any

from emulator.model import credentials
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities
from emulator.services.iam.state import Entity, new_id, of

_MOST_KEYS = 2


def _shown(user: Entity) -> dict[str, Any]:
    boundary = user.get("boundary")
    return {
        "Path": user["path"],
        "UserName": user["name"],
        "UserId": user["id"],
        "Arn": user["arn"],
        "CreateDate": user["created"],
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
        if boundary
        else None,
        "Tags": entities.shown_tags(user),
    }


async def create_user(ctx: Context, request: Request) -> Response:
    """Handle CreateUser."""
    path, name = request.get("Path") or "/", request["UserName"]
    if of(ctx).is_taken(ctx.account, "user", name):
        raise entities.already_there("User", name)
    user: Entity = {
        "name": name,
        "id": new_id("user"),
        "path": path,
        "arn": entities.arn(ctx, "user", path, name),
        "created": ctx.clock.now(),
        "boundary": request.get("PermissionsBoundary"),
        "tags": entities.tags_of(request),
        "keys": {},
        "groups": [],
    }
    await entities.keep(ctx, "user", name, user)
    return {"User": _shown(user)}


async def get_user(ctx: Context, request: Request) -> Response:
    """Handle GetUser; without a name it is the account itself."""
    name = request.get("UserName")
    if not name:
        return {
            "User": {
                "UserId": ctx.account,
                "Arn": f"arn:aws:iam::{ctx.account}:root",
                "UserName": "root",
                "Path": "/",
                "CreateDate": 0.0,
            }
        }
    return {"User": _shown(entities.find(ctx, "user", name))}


async def list_users(ctx: Context, request: Request) -> Response:
    """Handle ListUsers."""
    found = entities.below(of(ctx).all(ctx.account, "user"), request)
    return entities.page([_shown(each) for each in found], request, "Users")


async def update_user(ctx: Context, request: Request) -> Response:
    """Handle UpdateUser."""
    user = entities.find(ctx, "user", request["UserName"])
    name = request.get("NewUserName") or user["name"]
    path = request.get("NewPath") or user["path"]
    is_other = name.lower() != user["name"].lower()
    if is_other and of(ctx).is_taken(ctx.account, "user", name):
        raise entities.already_there("User", name)
    changed = {**user, "name": name, "path": path, "arn": entities.arn(ctx, "user", path, name)}
    await entities.keep(ctx, "user", name, changed)
    if name != user["name"]:
        await of(ctx).delete(ctx.account, "user", user["name"])
    return {}


async def delete_user(ctx: Context, request: Request) -> Response:
    """Handle DeleteUser."""
    user = entities.find(ctx, "user", request["UserName"])
    if user.get("keys"):
        raise entities.delete_conflict("delete access keys")
    if user.get("attached"):
        raise entities.delete_conflict("detach all policies")
    if user.get("inline"):
        raise entities.delete_conflict("delete policies")
    if user.get("groups"):
        raise entities.delete_conflict("remove users from group")
    await of(ctx).delete(ctx.account, "user", user["name"])
    return {}


# -- access keys ------------------------------------------------------------------------------


def _own_key(ctx: Context, request: Request) -> tuple[Entity, str]:
    name = request.get("UserName")
    user = entities.find(ctx, "user", name) if name else None
    key = request["AccessKeyId"]
    if user is None:
        users = of(ctx).all(ctx.account, "user")
        user = next((each for each in users if key in each.get("keys", {})), None)
    if user is None or key not in user.get("keys", {}):
        raise AwsError("NoSuchEntity", f"The Access Key with id {key} cannot be found.", status=404)
    return user, key


async def create_access_key(ctx: Context, request: Request) -> Response:
    """Handle CreateAccessKey."""
    user = entities.find(ctx, "user", request.get("UserName") or "root")
    if len(user["keys"]) >= _MOST_KEYS:
        raise AwsError("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", status=409)
    key = credentials.USER_PREFIX + new_id("role")[4:20]
    made = {"status": "Active", "created": ctx.clock.now()}
    keys = {**user["keys"], key: made}
    await entities.keep(ctx, "user", user["name"], {**user, "keys": keys})
    return {
        "AccessKey": {
            "UserName": user["name"],
            "AccessKeyId": key,
            "Status": "Active",
            "SecretAccessKey": credentials.secret_of(key),
            "CreateDate": made["created"],
        }
    }


async def list_access_keys(ctx: Context, request: Request) -> Response:
    """Handle ListAccessKeys."""
    user = entities.find(ctx, "user", request.get("UserName") or "root")
    found = [
        {
            "UserName": user["name"],
            "AccessKeyId": key,
            "Status": each["status"],
            "CreateDate": each["created"],
        }
        for key, each in user["keys"].items()
    ]
    return entities.page(found, request, "AccessKeyMetadata")


async def update_access_key(ctx: Context, request: Request) -> Response:
    """Handle UpdateAccessKey."""
    user, key = _own_key(ctx, request)
    keys = {**user["keys"], key: {**user["keys"][key], "status": request["Status"]}}
    await entities.keep(ctx, "user", user["name"], {**user, "keys": keys})
    return {}


async def delete_access_key(ctx: Context, request: Request) -> Response:
    """Handle DeleteAccessKey."""
    user, key = _own_key(ctx, request)
    keys = {k: v for k, v in user["keys"].items() if k != key}
    await entities.keep(ctx, "user", user["name"], {**user, "keys": keys})
    return {}


async def get_access_key_last_used(ctx: Context, request: Request) -> Response:
    """Handle GetAccessKeyLastUsed: uses are not recorded."""
    user, _ = _own_key(ctx, request)
    never = {"ServiceName": "N/A", "Region": "N/A"}
    return {"UserName": user["name"], "AccessKeyLastUsed": never}


# -- groups -----------------------------------------------------------------------------------


def _shown_group(group: Entity) -> dict[str, Any]:
    return {
        "Path": group["path"],
        "GroupName": group["name"],
        "GroupId": group["id"],
        "Arn": group["arn"],
        "CreateDate": group["created"],
    }


def _members(ctx: Context, group: str) -> list[Entity]:
    return [each for each in of(ctx).all(ctx.account, "user") if group in each.get("groups", [])]


async def create_group(ctx: Context, request: Request) -> Response:
    """Handle CreateGroup."""
    path, name = request.get("Path") or "/", request["GroupName"]
    if of(ctx).is_taken(ctx.account, "group", name):
        raise entities.already_there("Group", name)
    group: Entity = {
        "name": name,
        "id": new_id("group"),
        "path": path,
        "arn": entities.arn(ctx, "group", path, name),
        "created": ctx.clock.now(),
    }
    await entities.keep(ctx, "group", name, group)
    return {"Group": _shown_group(group)}


async def get_group(ctx: Context, request: Request) -> Response:
    """Handle GetGroup."""
    group = entities.find(ctx, "group", request["GroupName"])
    members = [_shown(each) for each in _members(ctx, group["name"])]
    return {"Group": _shown_group(group), **entities.page(members, request, "Users")}


async def list_groups(ctx: Context, request: Request) -> Response:
    """Handle ListGroups."""
    found = entities.below(of(ctx).all(ctx.account, "group"), request)
    return entities.page([_shown_group(each) for each in found], request, "Groups")


async def list_groups_for_user(ctx: Context, request: Request) -> Response:
    """Handle ListGroupsForUser."""
    user = entities.find(ctx, "user", request["UserName"])
    groups = [of(ctx).find(ctx.account, "group", name) for name in user.get("groups", [])]
    found = [_shown_group(each) for each in groups if each is not None]
    return entities.page(found, request, "Groups")


async def update_group(ctx: Context, request: Request) -> Response:
    """Handle UpdateGroup: its users stay in it, and their own ARNs are as before."""
    group = entities.find(ctx, "group", request["GroupName"])
    before, name = group["name"], request.get("NewGroupName") or group["name"]
    path = request.get("NewPath") or group["path"]
    if name.lower() != before.lower() and of(ctx).is_taken(ctx.account, "group", name):
        raise entities.already_there("Group", name)
    changed = {**group, "name": name, "path": path, "arn": entities.arn(ctx, "group", path, name)}
    await entities.keep(ctx, "group", name, changed)
    if name != before:
        for user in _members(ctx, before):
            groups = [name if each == before else each for each in user["groups"]]
            await entities.keep(ctx, "user", user["name"], {**user, "groups": groups})
        await of(ctx).delete(ctx.account, "group", before)
    return {}


async def delete_group(ctx: Context, request: Request) -> Response:
    """Handle DeleteGroup."""
    group = entities.find(ctx, "group", request["GroupName"])
    if _members(ctx, group["name"]):
        raise entities.delete_conflict("remove users from group")
    if group.get("attached"):
        raise entities.delete_conflict("detach all policies")
    if group.get("inline"):
        raise entities.delete_conflict("delete policies")
    await of(ctx).delete(ctx.account, "group", group["name"])
    return {}


async def add_user_to_group(ctx: Context, request: Request) -> Response:
    """Handle AddUserToGroup."""
    group = entities.find(ctx, "group", request["GroupName"])
    user = entities.find(ctx, "user", request["UserName"])
    groups = list(dict.fromkeys([*user.get("groups", []), group["name"]]))
    await entities.keep(ctx, "user", user["name"], {**user, "groups": groups})
    return {}


async def remove_user_from_group(ctx: Context, request: Request) -> Response:
    """Handle RemoveUserFromGroup."""
    group = entities.find(ctx, "group", request["GroupName"])
    user = entities.find(ctx, "user", request["UserName"])
    groups = [each for each in user.get("groups", []) if each != group["name"]]
    await entities.keep(ctx, "user", user["name"], {**user, "groups": groups})
    return {}
