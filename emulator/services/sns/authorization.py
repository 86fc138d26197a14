"""What SNS's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.authorization import Rules, named
from emulator.services.context import Context


async def _policy(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    try:
        found = await ctx.parts.table.call(
            "sns",
            "GetTopicAttributes",
            {"TopicArn": resource},
            account=ctx.account,
            region=ctx.region,
        )
    except AwsError:
        return None
    text = (found.get("Attributes") or {}).get("Policy")
    policy: Mapping[str, Any] | None = json.loads(text) if text else None
    return policy


RULES = Rules(
    prefix="sns",
    denied="AuthorizationError",
    anonymous=True,
    actions={"PublishBatch": ("Publish",)},
    resources=named(
        "sns",
        {
            "TopicArn": "{}",
            "TargetArn": "{}",
            "SubscriptionArn": "{}",
            "ResourceArn": "{}",
            "Name": "{}",
        },
    ),
    policy=_policy,
)
