"""Roles and instance profiles.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities
from emulator.services.iam.state import Entity, new_id, of

_SESSION_S = 3600


def shown(role: Entity) -> dict[str, Any]:
    """Return a role as answers show it."""
    boundary = role.get("boundary")
    return {
        "Path": role["path"],
        "RoleName": role["name"],
        "RoleId": role["id"],
        "Arn": role["arn"],
        "CreateDate": role["created"],
        "AssumeRolePolicyDocument": entities.shown_document(role["trust"]),
        "Description": role.get("description"),
        "MaxSessionDuration": role.get("session_s", _SESSION_S),
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
        if boundary
        else None,
        "Tags": entities.shown_tags(role) or None,
        "RoleLastUsed": {},
    }


async def create_role(ctx: Context, request: Request) -> Response:
    """Handle CreateRole."""
    path, name = request.get("Path") or "/", request["RoleName"]
    return {"Role": shown(await _make(ctx, path, name, request))}


async def _make(ctx: Context, path: str, name: str, request: Request) -> Entity:
    if of(ctx).is_taken(ctx.account, "role", name):
        raise entities.already_there("Role", name)
    role: Entity = {
        "name": name,
        "id": new_id("role"),
        "path": path,
        "arn": entities.arn(ctx, "role", path, name),
        "created": ctx.clock.now(),
        "trust": entities.checked_trust(request["AssumeRolePolicyDocument"]),
        "description": request.get("Description"),
        "session_s": request.get("MaxSessionDuration") or _SESSION_S,
        "boundary": request.get("PermissionsBoundary"),
        "tags": entities.tags_of(request),
    }
    await entities.keep(ctx, "role", name, role)
    return role


async def get_role(ctx: Context, request: Request) -> Response:
    """Handle GetRole."""
    return {"Role": shown(entities.find(ctx, "role", request["RoleName"]))}


async def list_roles(ctx: Context, request: Request) -> Response:
    """Handle ListRoles."""
    found = entities.below(of(ctx).all(ctx.account, "role"), request)
    return entities.page([shown(each) for each in found], request, "Roles")


async def update_role(ctx: Context, request: Request) -> Response:
    """Handle UpdateRole."""
    role = entities.find(ctx, "role", request["RoleName"])
    changed = {**role, "description": request.get("Description", role.get("description"))}
    if request.get("MaxSessionDuration"):
        changed["session_s"] = request["MaxSessionDuration"]
    await entities.keep(ctx, "role", role["name"], changed)
    return {}


async def update_role_description(ctx: Context, request: Request) -> Response:
    """Handle UpdateRoleDescription."""
    role = entities.find(ctx, "role", request["RoleName"])
    changed = {**role, "description": request["Description"]}
    await entities.keep(ctx, "role", role["name"], changed)
    return {"Role": shown(changed)}


async def update_assume_role_policy(ctx: Context, request: Request) -> Response:
    """Handle UpdateAssumeRolePolicy."""
    role = entities.find(ctx, "role", request["RoleName"])
    trust = entities.checked_trust(request["PolicyDocument"])
    await entities.keep(ctx, "role", role["name"], {**role, "trust": trust})
    return {}


async def delete_role(ctx: Context, request: Request) -> Response:
    """Handle DeleteRole."""
    role = entities.find(ctx, "role", request["RoleName"])
    if role.get("attached"):
        raise entities.delete_conflict("detach all policies")
    if role.get("inline"):
        raise entities.delete_conflict("delete policies")
    if _profiles_of(ctx, role["name"]):
        raise entities.delete_conflict("remove roles from instance profile")
    await of(ctx).delete(ctx.account, "role", role["name"])
    return {}


async def create_service_linked_role(ctx: Context, request: Request) -> Response:
    """Handle CreateServiceLinkedRole."""
    service = request["AWSServiceName"]
    words = service.removesuffix(".amazonaws.com").replace("-", " ").replace(".", " ")
    name = "AWSServiceRoleFor" + "".join(part.capitalize() for part in words.split())
    if request.get("CustomSuffix"):
        name += f"_{request['CustomSuffix']}"
    if of(ctx).is_taken(ctx.account, "role", name):
        raise AwsError(
            "InvalidInput",
            f"Service role name {name} has been taken in this account, please try a different"
            " suffix.",
            status=400,
        )
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        f'"Principal":{{"Service":"{service}"}}}}]}}'
    )
    given = {"AssumeRolePolicyDocument": trust, "Description": request.get("Description")}
    return {"Role": shown(await _make(ctx, f"/aws-service-role/{service}/", name, given))}


async def delete_service_linked_role(ctx: Context, request: Request) -> Response:
    """Handle DeleteServiceLinkedRole: it is gone at once."""
    role = entities.find(ctx, "role", request["RoleName"])
    await of(ctx).delete(ctx.account, "role", role["name"])
    return {"DeletionTaskId": f"task{role['path']}{role['name']}"}


async def get_service_linked_role_deletion_status(ctx: Context, request: Request) -> Response:
    """Handle GetServiceLinkedRoleDeletionStatus."""
    return {"Status": "SUCCEEDED"}


# -- instance profiles ------------------------------------------------------------------------


def _shown_profile(ctx: Context, profile: Entity) -> dict[str, Any]:
    roles = [of(ctx).find(ctx.account, "role", name) for name in profile.get("roles", [])]
    return {
        "Path": profile["path"],
        "InstanceProfileName": profile["name"],
        "InstanceProfileId": profile["id"],
        "Arn": profile["arn"],
        "CreateDate": profile["created"],
        "Roles": [shown(each) for each in roles if each is not None],
        "Tags": entities.shown_tags(profile),
    }


def _profiles_of(ctx: Context, role: str) -> list[Entity]:
    profiles = of(ctx).all(ctx.account, "instance-profile")
    return [each for each in profiles if role in each.get("roles", [])]


async def create_instance_profile(ctx: Context, request: Request) -> Response:
    """Handle CreateInstanceProfile."""
    path, name = request.get("Path") or "/", request["InstanceProfileName"]
    if of(ctx).is_taken(ctx.account, "instance-profile", name):
        raise AwsError(
            "EntityAlreadyExists", f"Instance Profile {name} already exists.", status=409
        )
    profile: Entity = {
        "name": name,
        "id": new_id("instance-profile"),
        "path": path,
        "arn": entities.arn(ctx, "instance-profile", path, name),
        "created": ctx.clock.now(),
        "tags": entities.tags_of(request),
        "roles": [],
    }
    await entities.keep(ctx, "instance-profile", name, profile)
    return {"InstanceProfile": _shown_profile(ctx, profile)}


def _profile(ctx: Context, request: Request) -> Entity:
    name = request["InstanceProfileName"]
    found = of(ctx).find(ctx.account, "instance-profile", name)
    if found is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", status=404)
    return found


async def get_instance_profile(ctx: Context, request: Request) -> Response:
    """Handle GetInstanceProfile."""
    return {"InstanceProfile": _shown_profile(ctx, _profile(ctx, request))}


async def delete_instance_profile(ctx: Context, request: Request) -> Response:
    """Handle DeleteInstanceProfile."""
    profile = _profile(ctx, request)
    if profile.get("roles"):
        raise entities.delete_conflict("remove roles from instance profile")
    await of(ctx).delete(ctx.account, "instance-profile", profile["name"])
    return {}


async def list_instance_profiles(ctx: Context, request: Request) -> Response:
    """Handle ListInstanceProfiles."""
    found = entities.below(of(ctx).all(ctx.account, "instance-profile"), request)
    shown_ = [_shown_profile(ctx, each) for each in found]
    return entities.page(shown_, request, "InstanceProfiles")


async def list_instance_profiles_for_role(ctx: Context, request: Request) -> Response:
    """Handle ListInstanceProfilesForRole."""
    role = entities.find(ctx, "role", request["RoleName"])
    found = [_shown_profile(ctx, each) for each in _profiles_of(ctx, role["name"])]
    return entities.page(found, request, "InstanceProfiles")


async def add_role_to_instance_profile(ctx: Context, request: Request) -> Response:
    """Handle AddRoleToInstanceProfile."""
    profile = _profile(ctx, request)
    role = entities.find(ctx, "role", request["RoleName"])
    if profile.get("roles"):
        raise AwsError(
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            status=409,
        )
    await entities.keep(
        ctx, "instance-profile", profile["name"], {**profile, "roles": [role["name"]]}
    )
    return {}


async def remove_role_from_instance_profile(ctx: Context, request: Request) -> Response:
    """Handle RemoveRoleFromInstanceProfile."""
    profile = _profile(ctx, request)
    if request["RoleName"] not in profile.get("roles", []):
        raise entities.no_such_entity("role", request["RoleName"])
    await entities.keep(ctx, "instance-profile", profile["name"], {**profile, "roles": []})
    return {}
