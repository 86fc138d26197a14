"""What Systems Manager's operations are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.authorization import Rules
from emulator.services.context import Context


def _parameters(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    names = [*(request.get("Names") or ()), request.get("Name") or request.get("Path")]
    return [
        str(name)
        if str(name).startswith("arn:")
        else f"arn:aws:ssm:{ctx.region}:{ctx.account}:parameter/{str(name).strip('/')}"
        for name in names
        if name
    ] or ["*"]


RULES = Rules(prefix="ssm", resources=_parameters)
