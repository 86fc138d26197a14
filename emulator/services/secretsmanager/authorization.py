"""What Secrets Manager's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.authorization import Rules
from emulator.services.context import Context
from emulator.services.secretsmanager.state import of


def _secret(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    name = str(request.get("SecretId") or request.get("Name") or "")
    if not name:
        return ["*"]
    if name.startswith("arn:"):
        return [name]
    found = of(ctx).find(ctx.account, ctx.region, name)
    if found is not None:
        return [str(found["arn"])]
    return [f"arn:aws:secretsmanager:{ctx.region}:{ctx.account}:secret:{name}"]


async def _policy(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    try:
        found = await ctx.parts.table.call(
            "secretsmanager",
            "GetResourcePolicy",
            {"SecretId": resource},
            account=ctx.account,
            region=ctx.region,
        )
    except AwsError:
        return None
    text = found.get("ResourcePolicy")
    policy: Mapping[str, Any] | None = json.loads(text) if text else None
    return policy


RULES = Rules(prefix="secretsmanager", resources=_secret, policy=_policy)
