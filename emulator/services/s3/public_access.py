"""Which policies of buckets let the public in, and what a public access block makes of them.

A policy is public unless each thing that it allows is for fixed values: of principals, networks and
the like, without wildcards and variables.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from emulator.model import credentials
from emulator.model.errors import AwsError
from emulator.services.context import Context
from emulator.services.s3.rows import Bucket
from emulator.services.s3.state import PUBLIC_ACCESS, S3

USUAL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
#: Condition keys whose fixed value says who may.
_WHO = frozenset(
    "aws:principalaccount aws:principalarn aws:principalorgid aws:sourceaccount aws:sourcearn"
    " aws:sourceorgid aws:sourceowner aws:sourcevpc aws:sourcevpce aws:userid"
    " s3:dataaccesspointaccount s3:dataaccesspointarn".split()
)
#: Operators that hold for the values they name alone; a missing key holds for none of them.
_FIXING = frozenset("stringequals stringequalsignorecase stringlike arnequals arnlike".split())
#: The shortest prefixes of networks that are not all the world's.
_NARROW_V4, _NARROW_V6 = 8, 32


def blocks(state: S3, bucket: Bucket, setting: str) -> bool:
    """Say whether a bucket's public access block has a setting.

    Args:
        state: The service's state.
        bucket: The bucket.
        setting: "BlockPublicPolicy" and the like.
    """
    block = state.held(PUBLIC_ACCESS, bucket.name)
    return bool((USUAL if block is None else block).get(setting))


def check_policy(ctx: Context, state: S3, bucket: Bucket, policy: Mapping[str, Any]) -> None:
    """Refuse a public policy where the bucket's block says so.

    Raises:
        AwsError: AccessDenied.
    """
    if blocks(state, bucket, "BlockPublicPolicy") and is_public(policy):
        who = credentials.identify(ctx.session_token) if ctx.session_token else None
        raise AwsError(
            "AccessDenied",
            f"User: {(who or credentials.root(ctx.account)).arn} is not authorized to perform:"
            f' s3:PutBucketPolicy on resource: "arn:aws:s3:::{bucket.name}" because public policies'
            " are blocked by the BlockPublicPolicy block public access setting.",
            status=403,
        )


def restricted(state: S3, bucket: Bucket, policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a bucket's policy says where its block restricts it.

    What a public policy allows is then for those of the bucket's own account alone.
    """
    if not blocks(state, bucket, "RestrictPublicBuckets") or not is_public(policy):
        return policy
    statements = [
        each if each.get("Effect") != "Allow" else _for_account(each, bucket.account)
        for each in _statements(policy)
    ]
    return {**policy, "Statement": statements}


def _for_account(statement: Mapping[str, Any], account: str) -> Mapping[str, Any]:
    conditions = statement.get("Condition") or {}
    equal = {**conditions.get("StringEquals", {}), "aws:PrincipalAccount": account}
    return {**statement, "Condition": {**conditions, "StringEquals": equal}}


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement") or []
    statements = found if isinstance(found, list) else [found]
    return [each for each in statements if isinstance(each, Mapping)]


def is_public(policy: Mapping[str, Any]) -> bool:
    """Say whether a policy lets the public in."""
    return any(
        each.get("Effect") == "Allow" and not _is_for_some(each) for each in _statements(policy)
    )


def _is_for_some(statement: Mapping[str, Any]) -> bool:
    """Say whether a statement is for fixed principals, or under a condition that fixes some."""
    named = list(_texts(statement.get("Principal")))
    if named and all(map(_is_fixed, named)):
        return True
    conditions = statement.get("Condition")
    return isinstance(conditions, Mapping) and any(
        _fixes(str(operator).lower(), str(key).lower(), list(_texts(values)))
        for operator, keys in conditions.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
    )


def _fixes(operator: str, key: str, values: list[str]) -> bool:
    operator = operator.removeprefix("foranyvalue:")
    if not values:
        return False
    if operator == "ipaddress" and key == "aws:sourceip":
        return all(map(_is_narrow, values))
    if operator not in _FIXING or key not in _WHO:
        return False
    if key == "s3:dataaccesspointarn":
        # Its account is what has to be fixed: "arn:aws:s3:us-west-2:123456789012:accesspoint/*".
        return all(
            each.count(":") >= 5 and _is_fixed(":".join(each.split(":")[:5])) for each in values
        )
    return all(map(_is_fixed, values))


def _is_fixed(text: str) -> bool:
    return not any(sign in text for sign in ("*", "?", "${"))


def _is_narrow(text: str) -> bool:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return False
    if isinstance(network, IPv4Network):
        return network.prefixlen >= _NARROW_V4
    return network.prefixlen >= _NARROW_V6


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)
