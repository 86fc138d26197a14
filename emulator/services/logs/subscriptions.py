"""Subscription filters: what passes on the events of a log group as they come.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Subscriptions.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.logs import lookup
from emulator.services.logs.lookup import invalid, not_found
from emulator.services.logs.pattern import compile_pattern
from emulator.services.logs.state import of

#: Filters of one group.
_MOST = 2
_SERVED = ("lambda", "kinesis")
_NOT_SERVED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields")


async def put_subscription_filter(ctx: Context, request: Request) -> Response:
    """Serve PutSubscriptionFilter.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
    """
    group = lookup.group(ctx, request["logGroupName"])
    for member in _NOT_SERVED:
        if request.get(member):
            raise invalid(f"localfaas does not serve {member} of subscription filters.")
    name, destination = request["filterName"], request["destinationArn"]
    compile_pattern(request["filterPattern"])
    await _check_destination(ctx, group.name, destination, request.get("roleArn"))
    state = of(ctx)
    there = state.filters_of(ctx.account, ctx.region, group.name)
    before = there.get(name)
    if before is None and len(there) >= _MOST:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    body = {
        "group": group.name,
        "name": name,
        "pattern": request["filterPattern"],
        "destination": destination,
        "role": request.get("roleArn"),
        "distribution": request.get("distribution") or "ByLogStream",
        "created": int(ctx.clock.now() * 1000) if before is None else before["created"],
    }
    await state.put_filter(ctx.account, ctx.region, body)
    return {}


async def _check_destination(ctx: Context, group: str, arn: str, role: str | None) -> None:
    parts = arn.split(":", 6)
    service = parts[2] if len(parts) > 5 else ""
    if service not in _SERVED:
        raise invalid(
            "localfaas passes log events on to functions and Kinesis streams; destinationArn is "
            f"{arn}."
        )
    if service == "kinesis" and not role:
        raise invalid("destinationArn for vendor kinesis cannot be used without roleArn")
    if service == "lambda":
        if parts[6:] and group == f"/aws/lambda/{parts[6].partition(':')[0]}":
            raise invalid(
                f"The function writes to {group} itself: it would be called again for each of its "
                "own lines, for ever. localfaas does not serve that."
            )
        try:
            await _ask(ctx, "lambda", "GetFunctionConfiguration", {"FunctionName": arn})
        except AwsError as error:
            raise invalid(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs "
                "permission to execute your function."
            ) from error
    else:
        try:
            await _ask(ctx, "kinesis", "DescribeStreamSummary", {"StreamARN": arn})
        except AwsError as error:
            raise invalid(
                "Could not deliver test message to specified Kinesis stream. Check if the given "
                "kinesis stream is in ACTIVE state. "
            ) from error


async def _ask(ctx: Context, service: str, operation: str, given: dict[str, Any]) -> None:
    table, owner = ctx.parts.table, ctx.account
    await table.call(service, operation, given, account=owner, region=ctx.region)


async def describe_subscription_filters(ctx: Context, request: Request) -> Response:
    """Serve DescribeSubscriptionFilters.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeSubscriptionFilters.html
    """
    group = lookup.group(ctx, request["logGroupName"])
    prefix = request.get("filterNamePrefix") or ""
    found = [
        each
        for name, each in sorted(of(ctx).filters_of(ctx.account, ctx.region, group.name).items())
        if name.startswith(prefix)
    ]
    chosen, token = lookup.page(found, request, lambda each: str(each["name"]))
    return {"subscriptionFilters": [_shown(each) for each in chosen], "nextToken": token}


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "filterName": body["name"],
        "logGroupName": body["group"],
        "filterPattern": body["pattern"],
        "destinationArn": body["destination"],
        "roleArn": body["role"],
        "distribution": body["distribution"],
        "creationTime": body["created"],
    }


async def delete_subscription_filter(ctx: Context, request: Request) -> Response:
    """Serve DeleteSubscriptionFilter.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteSubscriptionFilter.html
    """
    group, name = lookup.group(ctx, request["logGroupName"]), request["filterName"]
    if name not in of(ctx).filters_of(ctx.account, ctx.region, group.name):
        raise not_found("The specified subscription filter does not exist.")
    await of(ctx).drop_filter(ctx.account, ctx.region, group.name, name)
    return {}
