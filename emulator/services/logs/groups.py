"""Log groups: create, list, retain, tag, delete."""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.logs import lookup
from emulator.services.logs.lookup import invalid
from emulator.services.logs.state import of
from emulator.telemetry.groups import LogGroup

#: Days of retention that AWS accepts.
_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_TAGS = 50


async def create_log_group(ctx: Context, request: Request) -> Response:
    """Serve CreateLogGroup.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    """
    name = request["logGroupName"]
    if name.startswith("aws/"):
        raise invalid("Log groups starting with AWS/ are reserved for AWS.")
    if request.get("kmsKeyId"):
        raise invalid("localfaas encrypts no logs: leave out kmsKeyId.")
    if request.get("logGroupClass", "STANDARD") != "STANDARD":
        raise invalid("localfaas has log groups of the class STANDARD only.")
    if name in lookup.groups(ctx):
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists")
    made = ctx.parts.logs.group(ctx.account, ctx.region, name)
    made.tags.update(request.get("tags") or {})
    await ctx.parts.logs.stored()
    return {}


async def delete_log_group(ctx: Context, request: Request) -> Response:
    """Serve DeleteLogGroup.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html
    """
    found = lookup.group(ctx, request["logGroupName"])
    # Its filters go with it: a group that is made anew under its name has none.
    for name in of(ctx).filters_of(ctx.account, ctx.region, found.name):
        await of(ctx).drop_filter(ctx.account, ctx.region, found.name, name)
    for name in of(ctx).metric_filters_of(ctx.account, ctx.region, found.name):
        await of(ctx).drop_metric_filter(ctx.account, ctx.region, found.name, name)
    ctx.parts.logs.delete_group(ctx.account, ctx.region, found.name)
    await ctx.parts.logs.stored()
    return {}


async def describe_log_groups(ctx: Context, request: Request) -> Response:
    """Serve DescribeLogGroups.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
    """
    prefix, part = request.get("logGroupNamePrefix"), request.get("logGroupNamePattern")
    if prefix is not None and part is not None:
        raise invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    wanted = request.get("logGroupIdentifiers")
    names = None if wanted is None else {lookup.name_in(each) for each in wanted}
    found = [
        group
        for name, group in sorted(lookup.groups(ctx).items())
        if (prefix is None or name.startswith(prefix))
        and (part is None or part in name)
        and (names is None or name in names)
    ]
    if request.get("logGroupClass", "STANDARD") != "STANDARD":
        found = []
    chosen, token = lookup.page(found, request, lambda group: group.name)
    return {"logGroups": [_render(ctx, group) for group in chosen], "nextToken": token}


async def put_retention_policy(ctx: Context, request: Request) -> Response:
    """Serve PutRetentionPolicy.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    days = request["retentionInDays"]
    if days not in _DAYS:
        raise invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: {list(_DAYS)}"
        )
    found = lookup.group(ctx, request["logGroupName"])
    found.retention_days = days
    ctx.parts.logs.changed(found)
    ctx.parts.logs.expire(found)
    await ctx.parts.logs.stored()
    return {}


async def delete_retention_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteRetentionPolicy.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html
    """
    found = lookup.group(ctx, request["logGroupName"])
    found.retention_days = None
    ctx.parts.logs.changed(found)
    await ctx.parts.logs.stored()
    return {}


# --- tags ----------------------------------------------------------------------------------------


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
    """
    return await _tag(ctx, lookup.resource(ctx, request["resourceArn"]), request["tags"])


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagResource.html
    """
    return await _untag(ctx, lookup.resource(ctx, request["resourceArn"]), request["tagKeys"])


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Serve ListTagsForResource.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html
    """
    return {"tags": lookup.resource(ctx, request["resourceArn"]).tags}


async def tag_log_group(ctx: Context, request: Request) -> Response:
    """Serve TagLogGroup.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagLogGroup.html
    """
    return await _tag(ctx, lookup.group(ctx, request["logGroupName"]), request["tags"])


async def untag_log_group(ctx: Context, request: Request) -> Response:
    """Serve UntagLogGroup.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagLogGroup.html
    """
    return await _untag(ctx, lookup.group(ctx, request["logGroupName"]), request["tags"])


async def list_tags_log_group(ctx: Context, request: Request) -> Response:
    """Serve ListTagsLogGroup.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsLogGroup.html
    """
    return {"tags": lookup.group(ctx, request["logGroupName"]).tags}


async def _tag(ctx: Context, group: LogGroup, tags: dict[str, str]) -> Response:
    if len(group.tags.keys() | tags.keys()) > _TAGS:
        raise AwsError(
            "TooManyTagsException", "The resource already has the most tags it can have."
        )
    group.tags.update(tags)
    ctx.parts.logs.changed(group)
    await ctx.parts.logs.stored()
    return {}


async def _untag(ctx: Context, group: LogGroup, keys: list[str]) -> Response:
    for key in keys:
        group.tags.pop(key, None)
    ctx.parts.logs.changed(group)
    await ctx.parts.logs.stored()
    return {}


def _render(ctx: Context, group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention_days,
        "metricFilterCount": 0,
        "arn": f"{lookup.arn(ctx, group.name)}:*",
        "storedBytes": group.size,
        "logGroupClass": "STANDARD",
        "logGroupArn": lookup.arn(ctx, group.name),
    }
