"""What CloudWatch Logs' operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.authorization import Rules
from emulator.services.context import Context


def _group(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    name = request.get("logGroupName")
    if not name:
        found = request.get("logGroupIdentifier") or request.get("resourceArn")
        return [str(found) if found else "*"]
    group = f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{name}"
    stream = request.get("logStreamName")
    return [f"{group}:log-stream:{stream}" if stream else f"{group}:*"]


RULES = Rules(prefix="logs", resources=_group)
