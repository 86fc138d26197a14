"""What an account sets for its traces: encryption, where they go, resource policies."""

from __future__ import annotations

import json

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.xray import state
from emulator.services.xray.errors import invalid
from emulator.services.xray.paging import page

#: Resource policies of an account and region, and the characters of one.
_MOST_POLICIES, _MOST_CHARACTERS = 5, 5120


async def get_encryption_config(ctx: Context, request: Request) -> Response:
    """Return how an account's traces are encrypted.

    https://docs.aws.amazon.com/xray/latest/api/API_GetEncryptionConfig.html
    """
    return {
        "EncryptionConfig": {"Status": "ACTIVE", "Type": "NONE", **state.setting(ctx, "encryption")}
    }


async def put_encryption_config(ctx: Context, request: Request) -> Response:
    """Say how an account's traces are encrypted.

    https://docs.aws.amazon.com/xray/latest/api/API_PutEncryptionConfig.html

    It is kept and shown; traces lie in a folder that is closed to others.
    """
    key = request.get("KeyId")
    if (request["Type"] == "KMS") != bool(key):
        raise invalid("KeyId is required if, and only if, Type is KMS.")
    body = {"Type": request["Type"], **({"KeyId": key} if key else {})}
    await state.of(ctx).settings.put(ctx.account, ctx.region, "encryption", body)
    return await get_encryption_config(ctx, request)


async def get_trace_segment_destination(ctx: Context, request: Request) -> Response:
    """Return where segments go.

    https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSegmentDestination.html
    """
    return {"Destination": "XRay", "Status": "ACTIVE"}


async def put_resource_policy(ctx: Context, request: Request) -> Response:
    """Keep a resource policy.

    https://docs.aws.amazon.com/xray/latest/api/API_PutResourcePolicy.html
    """
    name, document = request["PolicyName"], request["PolicyDocument"]
    if len(document) > _MOST_CHARACTERS:
        message = "The policy document must not be larger than 5 KB."
        raise AwsError("PolicySizeLimitExceededException", message)
    try:
        if not isinstance(json.loads(document), dict):
            raise ValueError
    except (ValueError, RecursionError) as error:
        message = "The policy document is not valid JSON."
        raise AwsError("MalformedPolicyDocumentException", message) from error
    table = state.of(ctx).policies
    before = table.find(ctx.account, ctx.region, name)
    _check_revision(request.get("PolicyRevisionId"), before["revision"] if before else 0)
    if before is None and len(table.keys(ctx.account, ctx.region)) >= _MOST_POLICIES:
        message = "The maximum number of resource policies is 5."
        raise AwsError("PolicyCountLimitExceededException", message)
    body = {
        "document": document,
        "revision": (before["revision"] if before else 0) + 1,
        "updated_at": ctx.clock.now(),
    }
    await table.put(ctx.account, ctx.region, name, body)
    return {"ResourcePolicy": _policy(name, body)}


def _check_revision(given: str | None, current: int) -> None:
    if given is not None and given != str(current):
        message = "The policy revision id does not match the current one."
        raise AwsError("InvalidPolicyRevisionIdException", message)


def _policy(name: str, body: dict[str, object]) -> dict[str, object]:
    return {
        "PolicyName": name,
        "PolicyDocument": body["document"],
        "PolicyRevisionId": str(body["revision"]),
        "LastUpdatedTime": body["updated_at"],
    }


async def list_resource_policies(ctx: Context, request: Request) -> Response:
    """List the resource policies of an account.

    https://docs.aws.amazon.com/xray/latest/api/API_ListResourcePolicies.html
    """
    table = state.of(ctx).policies
    names = table.keys(ctx.account, ctx.region)
    every = [_policy(each, table.find(ctx.account, ctx.region, each) or {}) for each in names]
    shown, token = page(every, request)
    return {"ResourcePolicies": shown, "NextToken": token}


async def delete_resource_policy(ctx: Context, request: Request) -> Response:
    """Remove a resource policy.

    https://docs.aws.amazon.com/xray/latest/api/API_DeleteResourcePolicy.html
    """
    table = state.of(ctx).policies
    before = table.find(ctx.account, ctx.region, request["PolicyName"])
    if before is None:
        raise invalid("The resource policy does not exist.")
    _check_revision(request.get("PolicyRevisionId"), before["revision"])
    await table.delete(ctx.account, ctx.region, request["PolicyName"])
    return {}
