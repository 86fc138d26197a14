"""What SQS's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.authorization import Rules
from emulator.services.context import Context


def _queue(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    name = str(request.get("QueueUrl") or request.get("QueueName") or "").rpartition("/")[2]
    arn = request.get("SourceArn")
    return [str(arn) if arn else f"arn:aws:sqs:{ctx.region}:{ctx.account}:{name}" if name else "*"]


async def _policy(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    name = resource.rpartition(":")[2]
    url = f"{ctx.endpoint}/{ctx.account}/{name}"
    request = {"QueueUrl": url, "AttributeNames": ["Policy"]}
    try:
        found = await ctx.parts.table.call(
            "sqs", "GetQueueAttributes", request, account=ctx.account, region=ctx.region
        )
    except AwsError:
        return None
    text = (found.get("Attributes") or {}).get("Policy")
    policy: Mapping[str, Any] | None = json.loads(text) if text else None
    return policy


RULES = Rules(
    prefix="sqs",
    denied="AccessDenied",
    anonymous=True,
    actions={
        "SendMessageBatch": ("SendMessage",),
        "DeleteMessageBatch": ("DeleteMessage",),
        "ChangeMessageVisibilityBatch": ("ChangeMessageVisibility",),
    },
    resources=_queue,
    policy=_policy,
)
