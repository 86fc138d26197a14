"""The role by which CloudFormation is to act: one that is there has to trust it.

Roles that are not there are taken: nothing here needs them, and a pipeline may name its own.
"""

from __future__ import annotations

from urllib.parse import unquote

import orjson

from emulator.access.policy import InvalidPolicy, evaluate
from emulator.model.errors import AwsError
from emulator.services.cloudformation.lookup import refused
from emulator.services.context import Context, Request

_SERVICE = "cloudformation.amazonaws.com"


async def refuse_distrustful(ctx: Context, request: Request) -> None:
    """Refuse a role whose trust policy does not let CloudFormation assume it.

    Raises:
        AwsError: ValidationError.
    """
    arn = str(request.get("RoleARN") or "")
    account, name = arn.split(":")[4:5], arn.rpartition("/")[2]
    if account != [ctx.account] or not name:
        return
    try:
        found = await ctx.parts.table.call(
            "iam", "GetRole", {"RoleName": name}, account=ctx.account, region=ctx.region
        )
    except (AwsError, LookupError):
        return
    trust = orjson.loads(unquote(found["Role"]["AssumeRolePolicyDocument"]))
    try:
        says = evaluate(_at_best(trust), arn, action="sts:AssumeRole", principals=(_SERVICE,))
    except InvalidPolicy:
        says = None
    if says != "Allow":
        raise refused(f"Role {arn} is invalid or cannot be assumed")


def _at_best(trust: dict[str, object]) -> dict[str, object]:
    """Return what a trust policy says where its conditions let CloudFormation in.

    Whether they do (``aws:SourceArn`` is that of a stack that may not be there yet) is not told
    here. The resource that such a policy never names is the role itself.
    """
    statements = trust.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    found: list[object] = []
    for each in listed:
        if not isinstance(each, dict):
            found.append(each)
        elif not (each.get("Condition") and each.get("Effect") == "Deny"):
            found.append({**each, "Resource": "*", "Condition": {}})
    return {"Statement": found}
