"""Tags of groups and sampling rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Context, Request, Response
from emulator.services.xray import state
from emulator.services.xray.errors import not_found
from emulator.services.xray.paging import page

#: Tags of a resource.
_MOST = 50


def read(given: Sequence[Mapping[str, str]] | None, before: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a resource, with those that are given.

    Raises:
        AwsError: There are too many.
    """
    tags = {**before, **{each["Key"]: each["Value"] for each in given or ()}}
    if len(tags) > _MOST:
        raise AwsError("TooManyTagsException", "The maximum number of tags is 50.")
    return tags


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Add tags to a group or a rule.

    https://docs.aws.amazon.com/xray/latest/api/API_TagResource.html
    """
    table, name, body = _find(ctx, request["ResourceARN"])
    tags = read(request["Tags"], body.get("tags") or {})
    await table.put(ctx.account, ctx.region, name, {**body, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Remove tags of a group or a rule.

    https://docs.aws.amazon.com/xray/latest/api/API_UntagResource.html
    """
    table, name, body = _find(ctx, request["ResourceARN"])
    gone = set(request["TagKeys"])
    tags = {key: value for key, value in (body.get("tags") or {}).items() if key not in gone}
    await table.put(ctx.account, ctx.region, name, {**body, "tags": tags})
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """List the tags of a group or a rule.

    https://docs.aws.amazon.com/xray/latest/api/API_ListTagsForResource.html
    """
    _, _, body = _find(ctx, request["ResourceARN"])
    tags = [{"Key": key, "Value": value} for key, value in (body.get("tags") or {}).items()]
    shown, token = page(tags, request)
    return {"Tags": shown, "NextToken": token}


def _find(ctx: Context, arn: str) -> tuple[ResourceTable, str, dict[str, Any]]:
    """Return the table and the name of a resource, and itself.

    Raises:
        AwsError: There is none.
    """
    kept = state.of(ctx)
    for table in (kept.groups, kept.rules):
        for name in table.keys(ctx.account, ctx.region):
            body = table.find(ctx.account, ctx.region, name)
            if body is not None and body["arn"] == arn:
                return table, name, body
    raise not_found(arn)
