"""What CloudWatch's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.authorization import Rules
from emulator.services.context import Context


def _resources(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    if arn := request.get("ResourceARN"):
        return [str(arn)]
    dashboards = request.get("DashboardNames") or []
    if name := request.get("DashboardName"):
        dashboards = [name]
    if dashboards:
        return [f"arn:aws:cloudwatch::{ctx.account}:dashboard/{each}" for each in dashboards]
    alarms = request.get("AlarmNames") or []
    if name := request.get("AlarmName"):
        alarms = [name]
    where = f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:"
    return [f"{where}{each}" for each in alarms] or ["*"]


RULES = Rules(prefix="cloudwatch", resources=_resources)
