"""The operations of CloudWatch Logs that are served: those that write, read and keep logs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.context import Context, Request, Response
from emulator.services.logs import events, groups, streams

Operation = Callable[[Context, Request], Awaitable[Response]]


def _complete(operation: Operation) -> Operation:
    """Let an operation see no half of what was kept over a restart."""

    async def call(ctx: Context, request: Request) -> Response:
        await ctx.parts.logs.loaded()
        return await operation(ctx, request)

    return call


_OPERATIONS: dict[str, Operation] = {
    "CreateLogGroup": groups.create_log_group,
    "CreateLogStream": streams.create_log_stream,
    "DeleteLogGroup": groups.delete_log_group,
    "DeleteLogStream": streams.delete_log_stream,
    "DeleteRetentionPolicy": groups.delete_retention_policy,
    "DescribeLogGroups": groups.describe_log_groups,
    "DescribeLogStreams": streams.describe_log_streams,
    "FilterLogEvents": events.filter_log_events,
    "GetLogEvents": events.get_log_events,
    "ListTagsForResource": groups.list_tags_for_resource,
    "ListTagsLogGroup": groups.list_tags_log_group,
    "PutLogEvents": events.put_log_events,
    "PutRetentionPolicy": groups.put_retention_policy,
    "TagLogGroup": groups.tag_log_group,
    "TagResource": groups.tag_resource,
    "UntagLogGroup": groups.untag_log_group,
    "UntagResource": groups.untag_resource,
}

OPERATIONS = {name: _complete(operation) for name, operation in _OPERATIONS.items()}

#: What has more to say than that it is not there.
UNSUPPORTED = {
    "StartLiveTail": "localfaas does not serve StartLiveTail; FilterLogEvents, which `aws logs "
    "tail --follow` uses, shows new events at once.",
    "StartQuery": "localfaas does not serve CloudWatch Logs Insights; use FilterLogEvents.",
}
