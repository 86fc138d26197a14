"""Who asks, and what it may do."""

from __future__ import annotations

import re
from typing import NamedTuple

from emulator.access.decision import Granted
from emulator.model import credentials
from emulator.model.errors import AwsError
from emulator.services.context import Context
from emulator.services.iam.granted import granted_to
from emulator.services.iam.state import Iam

_ROOT_KEY = re.compile(r"\d{12}")


class Caller(NamedTuple):
    """Who has signed a request.

    Attributes:
        granted: What it may do; None: all.
        arn: As refusals call it.
        principals: What the policies of resources know it by.
        name: What ``aws:username`` stands for.
    """

    granted: Granted | None
    arn: str
    principals: tuple[str, ...]
    name: str = ""


async def caller_of(ctx: Context, key: str, token: str) -> Caller:
    """Return who has signed a request.

    Args:
        ctx: The request's context, of whatever service.
        key: The access key; "" for a request without a signature.
        token: The session token; "" without one.

    Raises:
        AwsError: InvalidClientTokenId (403): nobody has such a key.
    """
    account = ctx.account
    if not key:
        return Caller(Granted(), "anonymous", ("*",))
    if _ROOT_KEY.fullmatch(key):
        return Caller(None, f"arn:aws:iam::{account}:root", ())
    state: Iam = await ctx.parts.table.state("iam")
    identity = credentials.identify(token) if token else None
    if identity is not None:
        kind, _, rest = identity.arn.rpartition(":")[2].partition("/")
        if kind != "assumed-role":
            return Caller(None, identity.arn, ())
        role, _, session = rest.partition("/")
        found = state.find(account, "role", role)
        arn = found["arn"] if found else f"arn:aws:iam::{account}:role/{role}"
        granted = granted_to(state, account, "role", role) or Granted()
        return Caller(granted, identity.arn, _principals(account, arn, identity.arn), session)
    for user in state.all(account, "user"):
        if key in user.get("keys", {}):
            granted = granted_to(state, account, "user", user["name"]) or Granted()
            return Caller(granted, user["arn"], _principals(account, user["arn"]), user["name"])
    raise AwsError(
        "InvalidClientTokenId", "The security token included in the request is invalid.", status=403
    )


def _principals(account: str, *arns: str) -> tuple[str, ...]:
    return (*arns, account, f"arn:aws:iam::{account}:root", "*")
