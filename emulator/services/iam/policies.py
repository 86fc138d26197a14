"""Managed policies and their versions. AWS's own are all there, by their ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.iam import entities, managed
from emulator.services.iam.state import Entity, new_id, of

#: What the ARNs of AWS's managed policies begin with.
AWS = "arn:aws:iam::aws:policy/"
_MOST_VERSIONS = 5
#: Characters of one policy, without its white space.
_LARGEST = 6_144


def find(ctx: Context, arn: str) -> Entity:
    """Return a policy.

    Raises:
        AwsError: NoSuchEntity.
    """
    found = of(ctx).find(ctx.account, "policy", arn)
    if found is not None:
        return found
    if arn.startswith(AWS):
        path, _, name = arn.removeprefix(AWS).rpartition("/")
        return {
            "arn": arn,
            "name": name,
            "id": "ANPA" + name.upper()[:17].ljust(17, "A"),
            "path": f"/{path}/" if path else "/",
            "created": 0.0,
            "updated": 0.0,
            "default": "v1",
            "versions": {"v1": {"document": managed.document(name), "created": 0.0}},
        }
    raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", status=404)


def _shown(ctx: Context, policy: Entity) -> dict[str, Any]:
    return {
        "PolicyName": policy["name"],
        "PolicyId": policy["id"],
        "Arn": policy["arn"],
        "Path": policy["path"],
        "DefaultVersionId": policy["default"],
        "AttachmentCount": len(_users(ctx, policy["arn"])),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": policy.get("description"),
        "CreateDate": policy["created"],
        "UpdateDate": policy["updated"],
        "Tags": entities.shown_tags(policy),
    }


def _users(ctx: Context, arn: str) -> list[tuple[str, Entity]]:
    """Return the principals that a policy is attached to, with their kinds."""
    return [
        (kind, each)
        for kind in ("role", "user", "group")
        for each in of(ctx).all(ctx.account, kind)
        if arn in each.get("attached", [])
    ]


def _checked(text: str) -> str:
    text = entities.checked_permissions(text)
    if entities.measured(text) > _LARGEST:
        quota = f"Cannot exceed quota for PolicySize: {_LARGEST}"
        raise AwsError("LimitExceeded", quota, status=409)
    return text


async def create_policy(ctx: Context, request: Request) -> Response:
    """Handle CreatePolicy."""
    path, name = request.get("Path") or "/", request["PolicyName"]
    arn = entities.arn(ctx, "policy", path, name)
    if of(ctx).is_taken(ctx.account, "policy", name):
        raise AwsError(
            "EntityAlreadyExists",
            f"A policy called {name} already exists. Duplicate names are not allowed.",
            status=409,
        )
    now = ctx.clock.now()
    policy: Entity = {
        "arn": arn,
        "name": name,
        "id": new_id("policy"),
        "path": path,
        "description": request.get("Description"),
        "created": now,
        "updated": now,
        "default": "v1",
        "next": 2,
        "tags": entities.tags_of(request),
        "versions": {
            "v1": {
                "document": _checked(request["PolicyDocument"]),
                "created": now,
            }
        },
    }
    await entities.keep(ctx, "policy", arn, policy)
    return {"Policy": _shown(ctx, policy)}


async def get_policy(ctx: Context, request: Request) -> Response:
    """Handle GetPolicy."""
    return {"Policy": _shown(ctx, find(ctx, request["PolicyArn"]))}


async def delete_policy(ctx: Context, request: Request) -> Response:
    """Handle DeletePolicy."""
    policy = _own(ctx, request["PolicyArn"])
    if _users(ctx, policy["arn"]):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", status=409)
    if len(policy["versions"]) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the"
            " policy's versions. The default version is deleted with the policy.",
            status=409,
        )
    await of(ctx).delete(ctx.account, "policy", policy["arn"])
    return {}


def _own(ctx: Context, arn: str) -> Entity:
    found = of(ctx).find(ctx.account, "policy", arn)
    if found is None:
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.", status=404)
    return found


async def list_policies(ctx: Context, request: Request) -> Response:
    """Handle ListPolicies: the account's own."""
    found = entities.below(of(ctx).all(ctx.account, "policy"), request)
    if request.get("Scope") == "AWS":
        found = []
    if request.get("OnlyAttached"):
        found = [each for each in found if _users(ctx, each["arn"])]
    return entities.page([_shown(ctx, each) for each in found], request, "Policies")


async def create_policy_version(ctx: Context, request: Request) -> Response:
    """Handle CreatePolicyVersion."""
    policy = _own(ctx, request["PolicyArn"])
    if len(policy["versions"]) >= _MOST_VERSIONS:
        raise AwsError(
            "LimitExceeded",
            f"A managed policy can have up to {_MOST_VERSIONS} versions. Before you create a new"
            " version, you must delete an existing version.",
            status=409,
        )
    number, now = f"v{policy['next']}", ctx.clock.now()
    version = {"document": _checked(request["PolicyDocument"]), "created": now}
    changed = {
        **policy,
        "versions": {**policy["versions"], number: version},
        "next": policy["next"] + 1,
        "updated": now,
        "default": number if request.get("SetAsDefault") else policy["default"],
    }
    await entities.keep(ctx, "policy", policy["arn"], changed)
    return {"PolicyVersion": _shown_version(changed, number)}


def _shown_version(policy: Entity, number: str, *, document: bool = False) -> dict[str, Any]:
    version = policy["versions"].get(number)
    if version is None:
        raise AwsError(
            "NoSuchEntity",
            f"Policy {policy['arn']} version {number} does not exist or is not attachable.",
            status=404,
        )
    return {
        "VersionId": number,
        "IsDefaultVersion": number == policy["default"],
        "CreateDate": version["created"],
        "Document": entities.shown_document(version["document"]) if document else None,
    }


async def get_policy_version(ctx: Context, request: Request) -> Response:
    """Handle GetPolicyVersion."""
    policy = find(ctx, request["PolicyArn"])
    return {"PolicyVersion": _shown_version(policy, request["VersionId"], document=True)}


async def list_policy_versions(ctx: Context, request: Request) -> Response:
    """Handle ListPolicyVersions: the newest first."""
    policy = find(ctx, request["PolicyArn"])
    found = [_shown_version(policy, number) for number in reversed(policy["versions"])]
    return entities.page(found, request, "Versions")


async def delete_policy_version(ctx: Context, request: Request) -> Response:
    """Handle DeletePolicyVersion."""
    policy = _own(ctx, request["PolicyArn"])
    number = request["VersionId"]
    _shown_version(policy, number)
    if number == policy["default"]:
        raise AwsError(
            "DeleteConflict", "Cannot delete the default version of a policy.", status=409
        )
    versions = {k: v for k, v in policy["versions"].items() if k != number}
    await entities.keep(ctx, "policy", policy["arn"], {**policy, "versions": versions})
    return {}


async def set_default_policy_version(ctx: Context, request: Request) -> Response:
    """Handle SetDefaultPolicyVersion."""
    policy = _own(ctx, request["PolicyArn"])
    _shown_version(policy, request["VersionId"])
    changed = {**policy, "default": request["VersionId"], "updated": ctx.clock.now()}
    await entities.keep(ctx, "policy", policy["arn"], changed)
    return {}


async def list_entities_for_policy(ctx: Context, request: Request) -> Response:
    """Handle ListEntitiesForPolicy."""
    users = _users(ctx, find(ctx, request["PolicyArn"])["arn"])

    def of_kind(kind: str) -> list[dict[str, str]]:
        title = kind.capitalize()
        return [
            {f"{title}Name": each["name"], f"{title}Id": each["id"]}
            for found, each in users
            if found == kind
        ]

    return {
        "PolicyRoles": of_kind("role"),
        "PolicyUsers": of_kind("user"),
        "PolicyGroups": of_kind("group"),
        "IsTruncated": False,
    }


async def tag_policy(ctx: Context, request: Request) -> Response:
    """Handle TagPolicy."""
    policy = _own(ctx, request["PolicyArn"])
    tags = {**policy.get("tags", {}), **entities.tags_of(request)}
    await entities.keep(ctx, "policy", policy["arn"], {**policy, "tags": tags})
    return {}


async def untag_policy(ctx: Context, request: Request) -> Response:
    """Handle UntagPolicy."""
    policy = _own(ctx, request["PolicyArn"])
    gone = set(request["TagKeys"])
    tags = {k: v for k, v in policy.get("tags", {}).items() if k not in gone}
    await entities.keep(ctx, "policy", policy["arn"], {**policy, "tags": tags})
    return {}


async def list_policy_tags(ctx: Context, request: Request) -> Response:
    """Handle ListPolicyTags."""
    policy = find(ctx, request["PolicyArn"])
    return entities.page(entities.shown_tags(policy), request, "Tags")
