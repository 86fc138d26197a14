"""What holds for a whole registry; and images, of which there are none.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.ecr.repositories import checked_json, find
from emulator.services.ecr.state import of

_TOKEN_S = 12 * 3600.0
_SCANNING = {"scanType": "BASIC", "rules": []}


async def get_authorization_token(ctx: Context, request: Request) -> Response:
    """Serve GetAuthorizationToken.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
    """
    registries = request.get("registryIds") or [ctx.account]
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(
                    f"AWS:{secrets.token_hex(32)}".encode()
                ).decode(),
                "expiresAt": ctx.clock.now() + _TOKEN_S,
                "proxyEndpoint": f"https://{each}.dkr.ecr.{ctx.region}.amazonaws.com",
            }
            for each in registries
        ]
    }


def _kept(ctx: Context, name: str, usual: Any = None) -> Any:
    return of(ctx).registry(ctx.account, ctx.region).get(name, usual)


async def _keep(ctx: Context, name: str, document: Any) -> None:
    registry = {**of(ctx).registry(ctx.account, ctx.region), name: document}
    await of(ctx).put_registry(ctx.account, ctx.region, registry)


async def describe_registry(ctx: Context, request: Request) -> Response:
    """Serve DescribeRegistry.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html
    """
    replication = _kept(ctx, "replication", {"rules": []})
    return {"registryId": ctx.account, "replicationConfiguration": replication}


async def put_replication_configuration(ctx: Context, request: Request) -> Response:
    """Serve PutReplicationConfiguration.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html
    """
    await _keep(ctx, "replication", request["replicationConfiguration"])
    return {"replicationConfiguration": request["replicationConfiguration"]}


async def get_registry_scanning_configuration(ctx: Context, request: Request) -> Response:
    """Serve GetRegistryScanningConfiguration.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html
    """
    return {
        "registryId": ctx.account,
        "scanningConfiguration": _kept(ctx, "scanning", _SCANNING),
    }


async def put_registry_scanning_configuration(ctx: Context, request: Request) -> Response:
    """Serve PutRegistryScanningConfiguration.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html
    """
    scanning = {
        "scanType": request.get("scanType") or "BASIC",
        "rules": request.get("rules") or [],
    }
    await _keep(ctx, "scanning", scanning)
    return {"registryScanningConfiguration": scanning}


def _policy(ctx: Context) -> str:
    text = _kept(ctx, "policy")
    if text is None:
        raise AwsError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{ctx.account}'",
        )
    return str(text)


async def put_registry_policy(ctx: Context, request: Request) -> Response:
    """Serve PutRegistryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html
    """
    text = checked_json(request["policyText"], "PolicyText")
    await _keep(ctx, "policy", text)
    return {"registryId": ctx.account, "policyText": text}


async def get_registry_policy(ctx: Context, request: Request) -> Response:
    """Serve GetRegistryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html
    """
    return {"registryId": ctx.account, "policyText": _policy(ctx)}


async def delete_registry_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteRegistryPolicy.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html
    """
    text = _policy(ctx)
    await _keep(ctx, "policy", None)
    return {"registryId": ctx.account, "policyText": text}


# -- images: none -----------------------------------------------------------------------------


async def list_images(ctx: Context, request: Request) -> Response:
    """Serve ListImages.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
    """
    find(ctx, request)
    return {"imageIds": []}


async def describe_images(ctx: Context, request: Request) -> Response:
    """Serve DescribeImages.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    repository = find(ctx, request)
    for image in request.get("imageIds") or []:
        digest, tag = image.get("imageDigest", "null"), image.get("imageTag", "null")
        raise AwsError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist"
            f" within the repository with name '{repository['name']}' in the registry with id"
            f" '{ctx.account}'",
        )
    return {"imageDetails": []}


def _failures(request: Request) -> list[dict[str, Any]]:
    return [
        {
            "imageId": image,
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
        for image in request["imageIds"]
    ]


async def batch_get_image(ctx: Context, request: Request) -> Response:
    """Serve BatchGetImage.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
    """
    find(ctx, request)
    return {"images": [], "failures": _failures(request)}


async def batch_delete_image(ctx: Context, request: Request) -> Response:
    """Serve BatchDeleteImage.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
    """
    find(ctx, request)
    return {"imageIds": [], "failures": _failures(request)}
