"""Log streams: create, list, delete."""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.logs import lookup
from emulator.services.logs.lookup import invalid
from emulator.telemetry.groups import LogStream


async def create_log_stream(ctx: Context, request: Request) -> Response:
    """Serve CreateLogStream.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
    """
    group = lookup.group(ctx, request["logGroupName"])
    if request["logStreamName"] in group.streams:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
    ctx.parts.logs.stream(group, request["logStreamName"])
    await ctx.parts.logs.stored()
    return {}


async def delete_log_stream(ctx: Context, request: Request) -> Response:
    """Serve DeleteLogStream.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogStream.html
    """
    group = lookup.group(ctx, request["logGroupName"])
    ctx.parts.logs.delete_stream(group, lookup.stream(group, request["logStreamName"]).name)
    await ctx.parts.logs.stored()
    return {}


async def describe_log_streams(ctx: Context, request: Request) -> Response:
    """Serve DescribeLogStreams.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
    """
    prefix = request.get("logStreamNamePrefix")
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and prefix is not None:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    group = lookup.group_of(ctx, request)
    found = [each for each in group.streams.values() if each.name.startswith(prefix or "")]
    found.sort(key=lambda each: each.name)
    if by_time:
        found.sort(key=lambda each: _times(each)[1])
    if request.get("descending"):
        found.reverse()
    chosen, token = lookup.page(found, request, lambda stream: stream.name)
    arn = lookup.arn(ctx, group.name)
    return {"logStreams": [_render(arn, stream) for stream in chosen], "nextToken": token}


def _times(stream: LogStream) -> tuple[int, int]:
    """Return the timestamps of the first and the last event; 0 if there is none."""
    events = stream.events
    if not events:
        return 0, 0
    if stream.ordered:
        return events[0].timestamp, events[-1].timestamp
    times = [event.timestamp for event in events]
    return min(times), max(times)


def _render(group_arn: str, stream: LogStream) -> dict[str, Any]:
    rendered = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "arn": f"{group_arn}:log-stream:{stream.name}",
        "storedBytes": 0,  # as AWS says of every stream since 2019
    }
    if stream.events:
        first, last = _times(stream)
        rendered |= {
            "firstEventTimestamp": first,
            "lastEventTimestamp": last,
            "lastIngestionTime": stream.last_ingestion,
            "uploadSequenceToken": f"{stream.events[-1].sequence:056d}",
        }
    return rendered
