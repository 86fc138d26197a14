"""What belongs to a table: expiry, tags, policies, recovery, insights, limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodb import rows
from emulator.services.dynamodb.errors import invalid, no_resource, table_not_found
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Table
from emulator.services.dynamodb.state import lookup, of, split
from emulator.services.dynamodb.tables import find_table

_MOST_TAGS = 50
_RECOVERY_DAYS = 35


async def update_time_to_live(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html."""
    table = find_table(ctx, request["TableName"])
    wanted = request["TimeToLiveSpecification"]
    if bool(wanted["Enabled"]) == bool(table.expiry):
        raise invalid(f"TimeToLive is already {'enabled' if table.expiry else 'disabled'}")
    if table.expiry and wanted["AttributeName"] != table.expiry:
        raise invalid(
            "TimeToLive is active on a different AttributeName: current AttributeName is "
            f"{table.expiry}"
        )
    changed = table.with_body(ExpiryAttribute=wanted["AttributeName"] if wanted["Enabled"] else "")
    state = of(ctx)

    def work(connection: Connection) -> None:
        rows.put_table(connection, changed)
        rows.set_expiry(connection, changed)
        # From here on writes keep the items' ends.
        state.show(changed)

    try:
        await state.database.write(work)
    except BaseException:
        state.show(table)
        raise
    await state.expiry.changed(changed)
    return {"TimeToLiveSpecification": wanted}


async def describe_time_to_live(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTimeToLive.html."""
    table = find_table(ctx, request["TableName"])
    if not table.expiry:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    shown = {"TimeToLiveStatus": "ENABLED", "AttributeName": table.expiry}
    return {"TimeToLiveDescription": shown}


# -- tags -----------------------------------------------------------------------------------------


def _named(ctx: Context, arn: str) -> Table:
    """Return the table of an ARN, or of an ARN of its index or stream."""
    if not arn.startswith("arn:"):
        raise invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    found = lookup(ctx, arn)
    if found is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Requested resource not found: ResourcArn: {arn} not found",
        )
    return found


async def tag_resource(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TagResource.html."""
    table = _named(ctx, request["ResourceArn"])
    tags = {**table.body["Tags"], **{each["Key"]: each["Value"] for each in request["Tags"]}}
    if len(tags) > _MOST_TAGS:
        raise invalid("One or more parameter values were invalid: Too many tags: 50 at most")
    await of(ctx).change(table, Tags=tags)
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UntagResource.html."""
    table = _named(ctx, request["ResourceArn"])
    left = {k: v for k, v in table.body["Tags"].items() if k not in request["TagKeys"]}
    await of(ctx).change(table, Tags=left)
    return {}


async def list_tags_of_resource(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTagsOfResource.html."""
    tags = _named(ctx, request["ResourceArn"]).body["Tags"]
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


# -- policies -------------------------------------------------------------------------------------


def _policy(table: Table, expected: str | None) -> Mapping[str, str] | None:
    found: Mapping[str, str] | None = table.body.get("Policy")
    if expected is not None and expected not in (
        "NO_POLICY" if found is None else found["RevisionId"],
    ):
        raise AwsError(
            "PolicyNotFoundException",
            "Resource-based policy not found for the provided ResourceArn: Policy revision ID "
            "does not match",
        )
    return found


def _check_policy(text: str) -> None:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or not policy.get("Statement"):
        raise invalid("Invalid policy document")


async def put_resource_policy(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html."""
    table = _named(ctx, request["ResourceArn"])
    _check_policy(request["Policy"])
    found = _policy(table, request.get("ExpectedRevisionId"))
    if found is not None and found["Policy"] == request["Policy"]:
        return {"RevisionId": found["RevisionId"]}
    revision = str(int(ctx.clock.now() * 1000))
    await of(ctx).change(table, Policy={"Policy": request["Policy"], "RevisionId": revision})
    return {"RevisionId": revision}


async def get_resource_policy(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetResourcePolicy.html."""
    found = _named(ctx, request["ResourceArn"]).body.get("Policy")
    if found is None:
        raise AwsError(
            "PolicyNotFoundException",
            "Resource-based policy not found for the provided ResourceArn: "
            f"{request['ResourceArn']}",
        )
    return dict(found)


async def delete_resource_policy(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteResourcePolicy.html."""
    table = _named(ctx, request["ResourceArn"])
    found = _policy(table, request.get("ExpectedRevisionId"))
    if found is None:
        return {}
    await of(ctx).change(table, Policy=None)
    return {"RevisionId": found["RevisionId"]}


# -- continuous backups ---------------------------------------------------------------------------


def _of_backups(ctx: Context, name: str) -> Table:
    found = lookup(ctx, name)
    if found is None:
        raise table_not_found(split(name, ctx.account, ctx.region)[2])
    return found


def _continuous(ctx: Context, table: Table) -> Response:
    recovery = table.body.get("Recovery")
    shown: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if recovery:
        now = ctx.clock.now()
        shown = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery["Days"],
            "EarliestRestorableDateTime": max(recovery["Since"], now - recovery["Days"] * 86400.0),
            "LatestRestorableDateTime": now,
        }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": shown,
        }
    }


async def describe_continuous_backups(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContinuousBackups.html."""
    return _continuous(ctx, _of_backups(ctx, request["TableName"]))


async def update_continuous_backups(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContinuousBackups.html."""
    table = _of_backups(ctx, request["TableName"])
    wanted = request["PointInTimeRecoverySpecification"]
    recovery = None
    if wanted["PointInTimeRecoveryEnabled"]:
        before = table.body.get("Recovery") or {}
        recovery = {
            "Since": before.get("Since", ctx.clock.now()),
            "Days": wanted.get("RecoveryPeriodInDays", before.get("Days", _RECOVERY_DAYS)),
        }
    return _continuous(ctx, await of(ctx).change(table, Recovery=recovery))


# -- insights -------------------------------------------------------------------------------------


async def update_contributor_insights(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContributorInsights.html."""
    table = find_table(ctx, request["TableName"])
    index = request.get("IndexName", "")
    if index and index not in table.indexes:
        raise no_resource()
    insights = {**(table.body.get("Insights") or {})}
    is_on = request["ContributorInsightsAction"] == "ENABLE"
    mode = request.get("ContributorInsightsMode", "ACCESSED_AND_THROTTLED_KEYS")
    if is_on:
        insights[index] = {"Mode": mode, "At": ctx.clock.now()}
    else:
        insights.pop(index, None)
    await of(ctx).change(table, Insights=insights)
    return {
        "TableName": table.name,
        "IndexName": index or None,
        "ContributorInsightsStatus": "ENABLING" if is_on else "DISABLING",
        "ContributorInsightsMode": mode if is_on else None,
    }


async def describe_contributor_insights(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContributorInsights.html."""
    table = find_table(ctx, request["TableName"])
    index = request.get("IndexName", "")
    found = (table.body.get("Insights") or {}).get(index)
    return {
        "TableName": table.name,
        "IndexName": index or None,
        "ContributorInsightsRuleList": [],
        "ContributorInsightsStatus": "DISABLED" if found is None else "ENABLED",
        "ContributorInsightsMode": None if found is None else found["Mode"],
        "LastUpdateDateTime": None if found is None else found["At"],
    }


async def list_contributor_insights(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListContributorInsights.html."""
    if "TableName" in request:
        tables = [find_table(ctx, request["TableName"])]
    else:
        tables = list(of(ctx).tables(ctx.account, ctx.region).values())
    return {
        "ContributorInsightsSummaries": [
            {
                "TableName": table.name,
                "IndexName": index or None,
                "ContributorInsightsStatus": "ENABLED",
                "ContributorInsightsMode": each["Mode"],
            }
            for table in tables
            for index, each in (table.body.get("Insights") or {}).items()
        ]
    }


# -- the account ----------------------------------------------------------------------------------


async def describe_limits(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeLimits.html."""
    return {
        "AccountMaxReadCapacityUnits": 80000,
        "AccountMaxWriteCapacityUnits": 80000,
        "TableMaxReadCapacityUnits": 40000,
        "TableMaxWriteCapacityUnits": 40000,
    }


async def describe_endpoints(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeEndpoints.html."""
    address = urlsplit(ctx.endpoint).netloc
    return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": 1440}]}
