"""Repositories, their tags and their documents.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.ecr.state import Repository, of

_MOST_TAGS = 50


def find(ctx: Context, request: Request) -> Repository:
    """Return the repository that a request names.

    Raises:
        AwsError: RepositoryNotFoundException.
    """
    return _find(ctx, request["repositoryName"], request.get("registryId"))


def _find(ctx: Context, name: str, registry: str | None = None) -> Repository:
    registry = registry or ctx.account
    found = of(ctx).repositories.find(registry, ctx.region, name)
    if found is None or registry != ctx.account:
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id"
            f" '{registry}'",
        )
    return found


async def keep(ctx: Context, repository: Repository, **changes: Any) -> None:
    """Keep a repository with changes."""
    changed = {**repository, **changes}
    await of(ctx).repositories.put(ctx.account, ctx.region, repository["name"], changed)


def shown(ctx: Context, repository: Repository) -> dict[str, Any]:
    """Return a repository as answers show it."""
    name = repository["name"]
    return {
        "repositoryArn": f"arn:aws:ecr:{ctx.region}:{ctx.account}:repository/{name}",
        "registryId": ctx.account,
        "repositoryName": name,
        "repositoryUri": f"{ctx.account}.dkr.ecr.{ctx.region}.amazonaws.com/{name}",
        "createdAt": repository["created_at"],
        "imageTagMutability": repository["mutability"],
        "imageTagMutabilityExclusionFilters": repository.get("exclusions"),
        "imageScanningConfiguration": {"scanOnPush": repository["scans"]},
        "encryptionConfiguration": repository["encryption"],
    }


async def create_repository(ctx: Context, request: Request) -> Response:
    """Serve CreateRepository.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    """
    name = request["repositoryName"]
    if of(ctx).repositories.find(ctx.account, ctx.region, name) is not None:
        raise AwsError(
            "RepositoryAlreadyExistsException",
            f"The repository with name '{name}' already exists in the registry with id"
            f" '{ctx.account}'",
        )
    repository: Repository = {
        "name": name,
        "created_at": ctx.clock.now(),
        "mutability": request.get("imageTagMutability") or "MUTABLE",
        "exclusions": request.get("imageTagMutabilityExclusionFilters"),
        "scans": bool((request.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        "encryption": dict(request.get("encryptionConfiguration") or {"encryptionType": "AES256"}),
        "tags": _checked_tags({tag["Key"]: tag["Value"] for tag in request.get("tags") or []}),
    }
    await keep(ctx, repository)
    return {"repository": shown(ctx, repository)}


async def describe_repositories(ctx: Context, request: Request) -> Response:
    """Serve DescribeRepositories.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    """
    registry = request.get("registryId")
    names = request.get("repositoryNames")
    if names is None:
        names = of(ctx).repositories.keys(registry or ctx.account, ctx.region)
    found = [shown(ctx, _find(ctx, name, registry)) for name in names]
    token = request.get("nextToken") or "0"
    if not token.isdecimal():
        raise AwsError("InvalidParameterException", "Invalid parameter at 'nextToken'.")
    start, most = int(token), int(request.get("maxResults") or 100)
    more = str(start + most) if start + most < len(found) else None
    return {"repositories": found[start : start + most], "nextToken": more}


async def delete_repository(ctx: Context, request: Request) -> Response:
    """Serve DeleteRepository.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html
    """
    repository = find(ctx, request)
    await of(ctx).repositories.delete(ctx.account, ctx.region, repository["name"])
    return {"repository": shown(ctx, repository)}


async def put_image_scanning_configuration(ctx: Context, request: Request) -> Response:
    """Serve PutImageScanningConfiguration.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html
    """
    scans = bool(request["imageScanningConfiguration"].get("scanOnPush"))
    repository = find(ctx, request)
    await keep(ctx, repository, scans=scans)
    return {**_named(ctx, repository), "imageScanningConfiguration": {"scanOnPush": scans}}


async def put_image_tag_mutability(ctx: Context, request: Request) -> Response:
    """Serve PutImageTagMutability.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html
    """
    repository = find(ctx, request)
    mutability = request["imageTagMutability"]
    exclusions = request.get("imageTagMutabilityExclusionFilters")
    await keep(ctx, repository, mutability=mutability, exclusions=exclusions)
    return {
        **_named(ctx, repository),
        "imageTagMutability": mutability,
        "imageTagMutabilityExclusionFilters": exclusions,
    }


# -- documents --------------------------------------------------------------------------------


def _named(ctx: Context, repository: Mapping[str, Any]) -> dict[str, Any]:
    return {"registryId": ctx.account, "repositoryName": repository["name"]}


def checked_json(text: str, what: str) -> str:
    """Return a document's text.

    Raises:
        AwsError: InvalidParameterException: it is no object in JSON.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at '{what}' failed to satisfy constraint: 'Invalid JSON'",
        )
    return text


def _text(ctx: Context, repository: Repository, kind: str) -> str:
    """Return a document of a repository: "lifecycle" or "policy"."""
    text = repository.get(kind)
    if text is None:
        what, code = {
            "lifecycle": ("Lifecycle policy", "LifecyclePolicyNotFoundException"),
            "policy": ("Repository policy", "RepositoryPolicyNotFoundException"),
        }[kind]
        raise AwsError(
            code,
            f"{what} does not exist for the repository with name '{repository['name']}' in the"
            f" registry with id '{ctx.account}'",
        )
    return str(text)


async def put_lifecycle_policy(ctx: Context, request: Request) -> Response:
    """Serve PutLifecyclePolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html
    """
    repository = find(ctx, request)
    text = checked_json(request["lifecyclePolicyText"], "LifecyclePolicyText")
    await keep(ctx, repository, lifecycle=text)
    return {**_named(ctx, repository), "lifecyclePolicyText": text}


async def get_lifecycle_policy(ctx: Context, request: Request) -> Response:
    """Serve GetLifecyclePolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicy.html
    """
    repository = find(ctx, request)
    text = _text(ctx, repository, "lifecycle")
    return {**_named(ctx, repository), "lifecyclePolicyText": text}


async def delete_lifecycle_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteLifecyclePolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html
    """
    repository = find(ctx, request)
    text = _text(ctx, repository, "lifecycle")
    await keep(ctx, repository, lifecycle=None)
    return {**_named(ctx, repository), "lifecyclePolicyText": text}


async def set_repository_policy(ctx: Context, request: Request) -> Response:
    """Serve SetRepositoryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
    """
    repository = find(ctx, request)
    text = checked_json(request["policyText"], "PolicyText")
    await keep(ctx, repository, policy=text)
    return {**_named(ctx, repository), "policyText": text}


async def get_repository_policy(ctx: Context, request: Request) -> Response:
    """Serve GetRepositoryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
    """
    repository = find(ctx, request)
    return {**_named(ctx, repository), "policyText": _text(ctx, repository, "policy")}


async def delete_repository_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteRepositoryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html
    """
    repository = find(ctx, request)
    text = _text(ctx, repository, "policy")
    await keep(ctx, repository, policy=None)
    return {**_named(ctx, repository), "policyText": text}


# -- tags -------------------------------------------------------------------------------------


def _tagged(ctx: Context, request: Request) -> Repository:
    return _find(ctx, request["resourceArn"].partition(":repository/")[2])


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise AwsError("TooManyTagsException", f"A repository has {_MOST_TAGS} tags at most.")
    return tags


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html
    """
    repository = _tagged(ctx, request)
    new = {tag["Key"]: tag["Value"] for tag in request["tags"]}
    await keep(ctx, repository, tags=_checked_tags({**repository["tags"], **new}))
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UntagResource.html
    """
    repository = _tagged(ctx, request)
    gone = set(request["tagKeys"])
    kept = {key: value for key, value in repository["tags"].items() if key not in gone}
    await keep(ctx, repository, tags=kept)
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForResource.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
    """
    tags = _tagged(ctx, request)["tags"]
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
