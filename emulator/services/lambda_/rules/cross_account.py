"""Who may use a function of another account: those whom its resource policy allows.

Within one account, every caller may do everything. Unlike AWS, localfaas says when a function does
not
exist: that makes a wrong ARN easier to find.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from emulator.model.arn import function_arn
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.registry.function import Function
from emulator.services.context import Context
from emulator.services.lambda_.rules import policies

#: Actions whose names differ from their operations'.
_ACTIONS = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}


def check(ctx: Context, account: str, name: str, qualifier: str | None) -> None:
    """Refuse the operation on a function of another account, unless its policy allows it.

    Raises:
        AwsError: AccessDeniedException (403).
    """
    if account == ctx.account:
        return
    function = ctx.parts.registry.find(account, ctx.region, name)
    action = f"lambda:{_ACTIONS.get(ctx.operation, ctx.operation)}"
    if function is not None and not allowed(function, qualifier, action, ctx.account):
        arn = function_arn(account, ctx.region, name, qualifier)
        raise denied(ctx, arn, action, f"no resource-based policy allows the {action} action")


def denied(ctx: Context, arn: str, action: str, reason: str) -> AwsError:
    """Return the error for a caller of another account whom no policy allows."""
    return AwsError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{ctx.account}:root is not authorized to perform: {action} on "
        f"resource: {arn} because {reason}",
        status=403,
    )


def allowed(function: Function, qualifier: str | None, action: str, account: str) -> bool:
    """Say whether the policy of a function, version or alias allows an account."""
    held = function.attached.policies.get(qualifier or LATEST)
    found = policies.statements(None if held is None else held.policy)
    effects = {
        each["Effect"]
        for each in found
        if not each.get("Condition") and _names(each, account) and _acts(each, action)
    }
    return effects == {"Allow"}


def _names(statement: Mapping[str, Any], account: str) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    named = principal if isinstance(principal, list) else [principal]
    return any(
        each in ("*", account) or (isinstance(each, str) and each.startswith(_of(account)))
        for each in named
    )


def _of(account: str) -> str:
    return f"arn:aws:iam::{account}:"


def _acts(statement: Mapping[str, Any], action: str) -> bool:
    actions = statement.get("Action")
    named = actions if isinstance(actions, list) else [actions]
    return any(isinstance(each, str) and fnmatchcase(action, each) for each in named)
