"""Who asks, and what it may do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from emulator.access.decision import EVERYTHING, Granted
from emulator.model import credentials
from emulator.model.credentials import Identity
from emulator.model.errors import LocalfaasError
from emulator.services.context import Context
from emulator.services.iam.granted import granted_to, session_policies
from emulator.services.iam.state import Iam

_ROOT_KEY = re.compile(r"\d{12}")
#: The principals of a request without a signature.
ANYBODY = ("*",)


class UnknownCaller(LocalfaasError):
    """A request is signed by nobody that is known."""


class SessionIsOver(UnknownCaller):
    """A request is signed by a session that is over."""


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
        UnknownCaller: Nobody has such a key.
        SessionIsOver: Its session is over.
    """
    account = ctx.account
    if not key:
        return Caller(Granted(), "anonymous", ANYBODY)
    if _ROOT_KEY.fullmatch(key):
        root = f"arn:aws:iam::{account}:root"
        return Caller(None, root, _principals(account, root))
    state: Iam = await ctx.parts.table.state("iam")
    identity = credentials.identify(token, key) if token else None
    if identity is not None:
        if identity.expires_at is not None and identity.expires_at <= ctx.clock.now():
            raise SessionIsOver
        return _session(state, account, identity)
    # Keys of users come without a token: one that is not the key's own makes them nobody's.
    for user in () if token else state.all(account, "user"):
        if user.get("keys", {}).get(key, {}).get("status") == "Active":
            granted = granted_to(state, account, "user", user["name"]) or Granted()
            return Caller(granted, user["arn"], _principals(account, user["arn"]), user["name"])
    raise UnknownCaller


def _session(state: Iam, account: str, identity: Identity) -> Caller:
    """Return the caller that a session token stands for.

    A session of a role may do what the role may; one of a user what the user may; a federated user
    what the user may who asked for it. Policies of the session bound each of them.
    """
    name = identity.arn.rpartition(":")[2]
    kind, _, rest = name.partition("/")
    principal, session = identity.issuer or identity.arn, rest
    if kind == "assumed-role":
        role, _, session = rest.partition("/")
        found = state.find(account, "role", role)
        principal = found["arn"] if found else f"arn:aws:iam::{account}:role/{role}"
    is_root = principal.endswith(":root")
    if is_root and identity.policies is None:
        return Caller(None, identity.arn, _principals(account, identity.arn))
    if is_root:
        granted = Granted(identity=(EVERYTHING,))
    else:
        owner, _, path = principal.rpartition(":")[2].partition("/")
        granted = granted_to(state, account, owner, path.rpartition("/")[2]) or Granted()
    if identity.policies is not None:
        granted = replace(granted, session=session_policies(state, account, identity.policies))
    granted = replace(granted, session_arn=identity.arn)
    arns = (identity.arn,) if identity.issuer else (principal, identity.arn)
    return Caller(granted, identity.arn, _principals(account, *arns), session.rpartition("/")[2])


def _principals(account: str, *arns: str) -> tuple[str, ...]:
    return (*arns, account, f"arn:aws:iam::{account}:root", "*")
