"""What Lambda's operations are called in policies, and what they are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.authorization import Rules
from emulator.services.context import Context


def _resources(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    where = f"arn:aws:lambda:{ctx.region}:{ctx.account}"
    name = str(request.get("FunctionName") or "")
    if name:
        if name.startswith("arn:"):
            arn = name
        else:
            # "name", "name:alias", "123456789012:function:name"
            arn = f"{where}:function:{name.rpartition('function:')[2]}"
        qualifier = request.get("Qualifier")
        plain = arn.count(":") == 6
        return [f"{arn}:{qualifier}" if qualifier and plain else arn]
    if request.get("LayerName"):
        return [f"{where}:layer:{request['LayerName']}"]
    if request.get("UUID"):
        return [f"{where}:event-source-mapping:{request['UUID']}"]
    found = request.get("Resource")
    return [str(found) if found else "*"]


async def _policy(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    request: dict[str, Any] = {"FunctionName": resource}
    try:
        found = await ctx.parts.table.call(
            "lambda", "GetPolicy", request, account=ctx.account, region=ctx.region
        )
    except AwsError:
        return None
    policy: Mapping[str, Any] = json.loads(found["Policy"])
    return policy


RULES = Rules(
    prefix="lambda",
    actions={
        "Invoke": ("InvokeFunction",),
        "InvokeWithResponseStream": ("InvokeFunction",),
    },
    resources=_resources,
    policy=_policy,
)
