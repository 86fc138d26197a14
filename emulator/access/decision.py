"""What all policies together say of a request. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.access.policy import Effect, InvalidPolicy, evaluate

Policy = Mapping[str, Any]
_VARIABLE = re.compile(r"\$\{(?P<key>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What is granted to a principal.

    Attributes:
        identity: Its identity-based policies.
        boundary: Its permissions boundary; None without one.
        session: The policies of its session, which must allow, too; None: the session has none.
        session_arn: What the policies of resources know the session itself by.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    session_arn: str = ""


#: What a policy says that allows everything: that of an account's root user.
EVERYTHING: Policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One action on one resource.

    Attributes:
        action: "s3:GetObject".
        resource: Its ARN, or "*".
        context: Values of condition keys, by their names in lower case.
        principals: Who asks: ARNs and the account.
        policy: The resource's own policy; None without one.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    principals: Iterable[str] = ()
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why not."""

    allowed: bool
    reason: str = ""
    explicit: bool = False


def decide(granted: Granted, asked: Asked) -> Decision:
    """Return what policies say of a request within one account.

    A denial outweighs all else; then a boundary and the session's policies must allow what
    identity-based policies allow. What a resource's own policy allows needs no other, unless the
    session has policies and the resource's does not name the session itself.
    """
    by_kind = _by_kind(granted, asked)
    if (denied := _explicit(by_kind)) is not None:
        return denied
    allowed = {kind for kind, effects in by_kind.items() if "Allow" in effects}
    if _RESOURCE in allowed:
        sessions = replace(asked, principals=[granted.session_arn])
        if _SESSION in allowed or _effect(asked.policy, sessions, named=True) == "Allow":
            return Decision(True)
    return _implicit([_IDENTITY, _BOUNDARY, _SESSION], allowed, asked)


def decide_across(granted: Granted, asked: Asked) -> Decision:
    """Return what policies say of a request for a resource of another account.

    Both sides have to allow it: the caller's policies, and the resource's own.
    """
    by_kind = _by_kind(granted, asked)
    if (denied := _explicit(by_kind)) is not None:
        return denied
    allowed = {kind for kind, effects in by_kind.items() if "Allow" in effects}
    return _implicit([_IDENTITY, _BOUNDARY, _SESSION, _RESOURCE], allowed, asked)


_IDENTITY, _RESOURCE = "identity-based policy", "resource-based policy"
_BOUNDARY, _SESSION = "permissions boundary", "session policy"
_Effects = Mapping[str, Sequence[Effect | None]]


def _by_kind(granted: Granted, asked: Asked) -> _Effects:
    """Return what each kind of policies says; a bound that is not there allows everything."""
    bound = granted.boundary
    session = granted.session
    return {
        _IDENTITY: [_effect(each, asked) for each in granted.identity],
        _RESOURCE: [_effect(asked.policy, asked, named=True)],
        _BOUNDARY: ["Allow" if bound is None else _effect(bound, asked)],
        _SESSION: ["Allow"] if session is None else [_effect(each, asked) for each in session],
    }


def _explicit(by_kind: _Effects) -> Decision | None:
    """Return the refusal of the first kind that denies."""
    for kind, effects in by_kind.items():
        if "Deny" in effects:
            article = "an" if kind[0] in "aeiou" else "a"
            return Decision(False, f"with an explicit deny in {article} {kind}", explicit=True)
    return None


def _implicit(needed: Sequence[str], allowed: Collection[str], asked: Asked) -> Decision:
    """Return the refusal of the first kind that is needed and does not allow."""
    for kind in needed:
        if kind not in allowed:
            return Decision(False, f"because no {kind} allows the {asked.action} action")
    return Decision(True)


def _effect(policy: Policy | None, asked: Asked, *, named: bool = False) -> Effect | None:
    if policy is None:
        return None
    try:
        return evaluate(
            _filled(policy, asked.context),
            asked.resource,
            action=asked.action,
            context=asked.context,
            principals=asked.principals if named else None,
        )
    except InvalidPolicy:
        return None


def _filled(value: Any, context: Mapping[str, str]) -> Any:
    """Return a policy with values for its variables; one without a value stays as it is."""
    if isinstance(value, Mapping):
        return {key: _filled(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, context) for item in value]
    if isinstance(value, str) and "${" in value:
        return _VARIABLE.sub(
            lambda match: context.get(match["key"].lower(), match["default"] or match[0]), value
        )
    return value


def context_keys(policies: Iterable[Policy]) -> list[str]:
    """Return the condition keys that policies ask for, in order."""
    found: set[str] = set()
    for policy in policies:
        found |= set(_keys(policy))
    return sorted(found)


def _keys(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _keys(item)
    elif isinstance(value, str):
        yield from (match["key"] for match in _VARIABLE.finditer(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Condition" and isinstance(item, Mapping):
                for wanted in item.values():
                    yield from wanted if isinstance(wanted, Mapping) else ()
            yield from _keys(item)
