"""Tags of alarms and dashboards.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.services.cloudwatch.errors import invalid
from emulator.services.cloudwatch.state import of
from emulator.services.context import Context, Request, Response

_MOST = 50


def _find(ctx: Context, arn: str) -> tuple[ResourceTable, tuple[str, str, str], dict[str, Any]]:
    """Return where a resource is kept, and it."""
    parts = arn.split(":", 6)
    state = of(ctx)
    if len(parts) > 5 and parts[0] == "arn" and parts[2] == "cloudwatch":
        table, key = None, ("", "", "")
        if parts[5] == "alarm" and len(parts) == 7:
            table, key = state.alarms, (parts[4], parts[3], parts[6])
        elif parts[5].startswith("dashboard/"):
            table, key = state.dashboards, (parts[4], "*", parts[5].partition("/")[2])
        if table is not None and key[0] == ctx.account:
            found = table.find(*key)
            if found is not None:
                return table, key, found
            raise AwsError("ResourceNotFoundException", f"Unknown resource {arn}.")
    raise invalid(f"The value {arn} for parameter ResourceARN is invalid.")


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
    """
    table, key, body = _find(ctx, request["ResourceARN"])
    tags = {**body["tags"], **{each["Key"]: each["Value"] for each in request["Tags"]}}
    if len(tags) > _MOST:
        raise invalid(f"A resource must not have more than {_MOST} tags.")
    await table.put(*key, {**body, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_UntagResource.html
    """
    table, key, body = _find(ctx, request["ResourceARN"])
    gone = set(request["TagKeys"])
    tags = {name: value for name, value in body["tags"].items() if name not in gone}
    await table.put(*key, {**body, "tags": tags})
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListTagsForResource.html
    """
    _, _, body = _find(ctx, request["ResourceARN"])
    return {"Tags": [{"Key": name, "Value": value} for name, value in body["tags"].items()]}
