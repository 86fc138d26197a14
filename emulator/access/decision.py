"""What all policies together say of a request. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None


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

    A denial outweighs all else; then a boundary must allow what identity-based policies allow; what
    a resource's own policy allows needs no other.
    """
    own = [_effect(each, asked) for each in granted.identity]
    if "Deny" in own:
        return _denied("identity-based")
    of_resource = _effect(asked.policy, asked, named=True)
    if of_resource == "Deny":
        return _denied("resource-based")
    bound = "Allow" if granted.boundary is None else _effect(granted.boundary, asked)
    if bound == "Deny":
        return Decision(False, "with an explicit deny in a permissions boundary", explicit=True)
    if of_resource == "Allow":
        return Decision(True)
    if "Allow" not in own:
        text = f"because no identity-based policy allows the {asked.action} action"
        return Decision(False, text)
    if bound != "Allow":
        text = f"because no permissions boundary allows the {asked.action} action"
        return Decision(False, text)
    return Decision(True)


def _denied(kind: str) -> Decision:
    article = "an" if kind[0] in "aeiou" else "a"
    return Decision(False, f"with an explicit deny in {article} {kind} policy", explicit=True)


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
