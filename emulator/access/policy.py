"""What one policy says of an action: a principal's, a resource's or an authorizer's. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Literal

#: The action that policies of APIs speak of.
INVOKE = "execute-api:Invoke"

Effect = Literal["Allow", "Deny"]


class InvalidPolicy(Exception):
    """A policy is none."""


def evaluate(
    policy: Mapping[str, Any],
    resource: str,
    *,
    action: str = INVOKE,
    context: Mapping[str, str] | None = None,
    principals: Iterable[str] | None = None,
) -> Effect | None:
    """Return what a policy says of an action on a resource: a denial outweighs all else.

    Args:
        policy: With its ``Statement``.
        resource: The ARN of what is called.
        action: What is done.
        context: Values of condition keys, by their names in lower case: "aws:sourceip".
        principals: Who calls, where the policy names principals: ARNs and account ids. None: the
            policy is of somebody, and names none.

    Returns:
        None where no statement speaks of it.

    Raises:
        InvalidPolicy: It is no policy.
    """
    statements = policy.get("Statement") if isinstance(policy, Mapping) else None
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list):
        raise InvalidPolicy("it has no statements")
    callers = None if principals is None else frozenset(principals)
    effects = set()
    for each in statements:
        if not isinstance(each, Mapping) or each.get("Effect") not in ("Allow", "Deny"):
            raise InvalidPolicy("a statement has no effect")
        if _applies(each, resource, action, context or {}, callers):
            effects.add(each["Effect"])
    return "Deny" if "Deny" in effects else "Allow" if effects else None


def statements_of(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a policy: one may stand without a list.

    Raises:
        ValueError: It has something else there.
    """
    held = policy.get("Statement") or []
    found = held if isinstance(held, list) else [held]
    if not all(isinstance(each, dict) for each in found):
        raise ValueError("a statement must be an object")
    return found


def _applies(
    statement: Mapping[str, Any],
    resource: str,
    action: str,
    context: Mapping[str, str],
    callers: frozenset[str] | None,
) -> bool:
    if not _covers(statement, "Action", action, fold=True):
        return False
    if not _covers(statement, "Resource", resource):
        return False
    if callers is not None and not _names(statement, callers):
        return False
    conditions = statement.get("Condition") or {}
    return all(
        _holds(operator, key, wanted, context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _covers(statement: Mapping[str, Any], member: str, text: str, *, fold: bool = False) -> bool:
    """Say whether ``Action`` or ``Resource``, or its opposite ``Not…``, covers a text."""
    if (opposite := statement.get(f"Not{member}")) is not None:
        return not any(matches(each, text, fold=fold) for each in _texts(opposite))
    patterns = _texts(statement.get(member))
    if member == "Resource":
        # Resource policies of APIs may say "execute-api:/stage/GET/path".
        patterns = [_whole(each, text) for each in patterns]
    return any(matches(each, text, fold=fold) for each in patterns)


def _whole(pattern: str, resource: str) -> str:
    if not pattern.startswith("execute-api:/"):
        return pattern
    return f"{resource.partition('/')[0]}/{pattern.removeprefix('execute-api:/')}"


def _names(statement: Mapping[str, Any], callers: frozenset[str]) -> bool:
    """Say whether a statement's principals include one of the callers."""
    named = statement.get("Principal")
    if named is None:
        excluded = _principals(statement.get("NotPrincipal"))
        return bool(excluded) and not any(each in callers for each in excluded)
    found = _principals(named)
    return "*" in found or any(matches(each, one) for each in found for one in callers)


def _principals(named: Any) -> list[str]:
    groups = named.values() if isinstance(named, Mapping) else [named]
    found = [text for group in groups for text in _texts(group)]
    # "arn:aws:iam::123456789012:root" is the account.
    accounts = [each.split(":")[4] for each in found if re.fullmatch(r"arn:.*:iam::\d+:root", each)]
    return found + accounts


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """Say whether a text matches a pattern of a policy, with ``*`` and ``?``.

    It takes no longer than the two lengths multiplied: a star that has found its place is never
    moved once a later one has.
    """
    if fold:
        pattern, text = pattern.lower(), text.lower()
    at = place = 0
    star = marked = -1
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, marked = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            place += 1
            at += 1
        elif star >= 0:
            marked += 1
            place, at = star + 1, marked
        else:
            return False
    return not pattern[place:].strip("*")


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [_text(each) for each in values]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- conditions --------------------------------------------------------------------------------


def _holds(operator: str, key: str, wanted: Any, context: Mapping[str, str]) -> bool:
    """Say whether a condition holds.

    Raises:
        InvalidPolicy: There is no such operator.
    """
    name, _, suffix = operator.partition(":")
    if name in ("ForAnyValue", "ForAllValues"):
        name = suffix
    value = context.get(key.lower())
    if name == "Null":
        return _texts(wanted) == [str(value is None).lower()]
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    # "StringNotEquals" is "StringEquals" turned round.
    negative = "Not" in name and name not in ("NotIpAddress",)
    positive = name.replace("Not", "", 1)
    test = _TESTS.get(positive) or _TESTS.get(_JOINED.get(name, ""))
    if test is None:
        raise InvalidPolicy(f"{operator} is no operator of conditions")
    if value is None:
        return if_exists or negative or name == "NotIpAddress"
    try:
        found = any(test(each, value) for each in _texts(wanted))
    except ValueError:
        return False
    return found != (negative or name == "NotIpAddress")


#: Operators whose opposite is no "Not" in their middle.
_JOINED = {"NotIpAddress": "IpAddress"}
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": lambda wanted, value: float(wanted) == float(value),
    "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: float(value) >= float(wanted),
    "DateEquals": lambda wanted, value: wanted == value,
    "DateLessThan": lambda wanted, value: value < wanted,
    "DateLessThanEquals": lambda wanted, value: value <= wanted,
    "DateGreaterThan": lambda wanted, value: value > wanted,
    "DateGreaterThanEquals": lambda wanted, value: value >= wanted,
    "IpAddress": lambda wanted, value: ip_address(value) in ip_network(wanted, strict=False),
}
