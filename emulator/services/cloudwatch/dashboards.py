"""Dashboards are kept, and shown by nobody.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.cloudwatch.errors import bad_token, invalid
from emulator.services.cloudwatch.state import of
from emulator.services.context import Context, Request, Response
from emulator.services.paging import page

_NAME = re.compile(r"[\w-]{1,255}", re.ASCII)
_PAGE = 1000
#: Dashboards belong to an account, not to a region.
_ANYWHERE = "*"


def arn(account: str, name: str) -> str:
    """Return a dashboard's ARN."""
    return f"arn:aws:cloudwatch::{account}:dashboard/{name}"


async def put_dashboard(ctx: Context, request: Request) -> Response:
    """Serve PutDashboard.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
    """
    name, text = request["DashboardName"], request["DashboardBody"]
    if not _NAME.fullmatch(name):
        raise _refused(
            f"The value {name} for field DashboardName contains invalid characters. It can only "
            "contain alphanumerics, dash (-) and underscore (_).\n"
        )
    try:
        whole: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        whole = None
    if not isinstance(whole, dict):
        raise _refused("The field DashboardBody must be a valid JSON object")
    widgets = whole.get("widgets", [])
    if not isinstance(widgets, list) or not all(
        isinstance(each, dict) and isinstance(each.get("type"), str) for each in widgets
    ):
        raise _refused("The field widgets must be an array of objects that have a type")
    before = of(ctx).dashboards.find(ctx.account, _ANYWHERE, name)
    tags = {each["Key"]: each["Value"] for each in request.get("Tags") or ()}
    body = {
        "body": text,
        "changed": ctx.clock.now(),
        "tags": tags if before is None else before["tags"],
    }
    await of(ctx).dashboards.put(ctx.account, _ANYWHERE, name, body)
    return {"DashboardValidationMessages": []}


def _refused(message: str) -> AwsError:
    return AwsError("DashboardInvalidInputError", message)


def _not_found(name: str) -> AwsError:
    return AwsError("DashboardNotFoundError", f"Dashboard {name} does not exist")


async def get_dashboard(ctx: Context, request: Request) -> Response:
    """Serve GetDashboard.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetDashboard.html
    """
    name = request["DashboardName"]
    found = of(ctx).dashboards.find(ctx.account, _ANYWHERE, name)
    if found is None:
        raise _not_found(name)
    return {
        "DashboardArn": arn(ctx.account, name),
        "DashboardBody": found["body"],
        "DashboardName": name,
    }


async def list_dashboards(ctx: Context, request: Request) -> Response:
    """Serve ListDashboards.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListDashboards.html
    """
    prefix = request.get("DashboardNamePrefix") or ""
    if prefix and not _NAME.fullmatch(prefix):
        raise invalid(f"The value {prefix} for field DashboardNamePrefix is invalid.")
    table = of(ctx).dashboards
    names = [each for each in table.keys(ctx.account, _ANYWHERE) if each.startswith(prefix)]
    try:
        chosen, token = page(names, None, request.get("NextToken"), _PAGE)
    except ValueError as error:
        raise bad_token() from error
    entries = []
    for name in chosen:
        body = table.find(ctx.account, _ANYWHERE, name) or {}
        entries.append(
            {
                "DashboardName": name,
                "DashboardArn": arn(ctx.account, name),
                "LastModified": body.get("changed"),
                "Size": len(str(body.get("body", "")).encode()),
            }
        )
    return {"DashboardEntries": entries, "NextToken": token}


async def delete_dashboards(ctx: Context, request: Request) -> Response:
    """Serve DeleteDashboards: all of them, or none.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteDashboards.html
    """
    table = of(ctx).dashboards
    names = list(dict.fromkeys(request["DashboardNames"]))
    for name in names:
        if table.find(ctx.account, _ANYWHERE, name) is None:
            raise _not_found(name)
    for name in names:
        await table.delete(ctx.account, _ANYWHERE, name)
    return {}
