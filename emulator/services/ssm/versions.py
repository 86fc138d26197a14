"""A parameter's next version, as a pure decision; and how versions are shown.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.ssm.state import Parameter, Version
from emulator.stack import patterns

#: Characters of a value at most, by tier.
_LONGEST = {"Standard": 4096, "Advanced": 8192}
_MOST_VERSIONS = 100
_MOST_POLICIES = 10
_DATA_TYPES = ("text", "aws:ec2:image", "aws:ssm:integration")
_POLICIES = ("Expiration", "ExpirationNotification", "NoChangeNotification")
#: The key that SecureString has without another.
USUAL_KEY = "alias/aws/ssm"
_TIERS_PAGE = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "parameter-store-advanced-parameters.html"
)


def next_version(
    before: Parameter | None, request: Mapping[str, Any], now: float, user: str
) -> Version:
    """Return the version that a PutParameter makes.

    Args:
        before: The parameter, where there is one.
        request: PutParameter's.
        now: The time, in seconds since the epoch.
        user: The ARN of the caller.

    Raises:
        AwsError: It is refused.
    """
    last: Version = before["versions"][-1] if before is not None else {}
    kind = request.get("Type") or last.get("type")
    if kind is None:
        raise _invalid("A parameter type is required when you create a parameter.")
    value = request["Value"]
    if not value:
        raise _invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint:"
            " Member must have length greater than or equal to 1."
        )
    data_type = request.get("DataType") or last.get("data_type") or "text"
    if data_type not in _DATA_TYPES:
        raise _invalid(
            f"The following data type is not supported: {data_type} (Data type names are all"
            " lowercase.)"
        )
    policies = request.get("Policies")
    version: Version = {
        "version": last.get("version", 0) + 1,
        "type": kind,
        "value": value,
        "tier": _tier(request.get("Tier"), value, policies, last.get("tier")),
        "data_type": data_type,
        "modified_at": now,
        "user": user,
        "description": request.get("Description", last.get("description")),
        "pattern": request.get("AllowedPattern", last.get("pattern")),
        "policies": _parsed_policies(policies),
    }
    if kind == "SecureString":
        version["key"] = request.get("KeyId") or last.get("key") or USUAL_KEY
    elif request.get("KeyId"):
        raise _invalid("KeyId is required for SecureString type parameter only.")
    return version


def _tier(given: str | None, value: str, policies: str | None, before: str | None) -> str:
    needed = "Advanced" if len(value) > _LONGEST["Standard"] or policies else "Standard"
    if given == "Intelligent-Tiering":
        return "Advanced" if before == "Advanced" else needed
    tier = given or before or "Standard"
    if before == "Advanced" and tier == "Standard":
        raise _invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from"
            " the advanced-parameter tier to the standard-parameter tier. If necessary, you can"
            " delete the advanced parameter and recreate it as a standard parameter."
        )
    if len(value) > _LONGEST[tier]:
        text = f"{tier} tier parameters support a maximum parameter value of {_LONGEST[tier]}"
        more = (
            " To create a larger parameter value, upgrade the parameter to use the"
            f" advanced-parameter tier. For more information, see {_TIERS_PAGE}"
        )
        raise _invalid(f"{text} characters.{more if tier == 'Standard' else ''}")
    if policies and tier == "Standard":
        raise _invalid(
            "Parameter policies are only supported for parameters of the advanced-parameter tier."
            f" For more information, see {_TIERS_PAGE}"
        )
    return tier


async def check_value(version: Version) -> None:
    """Check a version's value by the pattern it has to match as a whole.

    Raises:
        AwsError: ParameterPatternMismatchException, InvalidAllowedPatternException.
    """
    pattern, found = version["pattern"], None
    if not pattern:
        return
    if patterns.is_quick(pattern):
        with suppress(ValueError):
            found = patterns.matches(pattern, version["value"])
    else:
        (found,) = await patterns.match_all([(pattern, version["value"])])
    if found is None:
        raise AwsError(
            "InvalidAllowedPatternException",
            f"The pattern is no regular expression, or takes too long: {pattern}",
        )
    if not found:
        raise AwsError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {pattern}",
        )


def _parsed_policies(text: str | None) -> list[dict[str, Any]]:
    if not text:
        return []
    try:
        policies = json.loads(text)
    except ValueError:
        policies = None
    if not isinstance(policies, list) or not all(isinstance(each, dict) for each in policies):
        raise AwsError("InvalidPolicyAttributeException", "Policies must be a list in JSON.")
    if len(policies) > _MOST_POLICIES:
        raise AwsError(
            "PoliciesLimitExceededException",
            f"You specified more than the maximum number of allowed policies: {_MOST_POLICIES}.",
        )
    for each in policies:
        if each.get("Type") not in _POLICIES:
            raise AwsError(
                "InvalidPolicyTypeException", f"The policy type {each.get('Type')} isn't supported."
            )
    return policies


def expires_at(version: Version) -> float | None:
    """Return when a version's policy has the parameter removed, in seconds since the epoch.

    Raises:
        AwsError: InvalidPolicyAttributeException: the policy does not say when.
    """
    for policy in version["policies"]:
        if policy["Type"] == "Expiration":
            try:
                text = policy["Attributes"]["Timestamp"]
                return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise AwsError(
                    "InvalidPolicyAttributeException",
                    "A policy attribute is invalid: Expiration needs a Timestamp in ISO 8601.",
                ) from error
    return None


def appended(before: Parameter | None, name: str, version: Version) -> Parameter:
    """Return a parameter with one more version. The oldest one goes where there are too many.

    Raises:
        AwsError: ParameterMaxVersionLimitExceeded: the oldest one has a label.
    """
    parameter = before or {"name": name, "versions": [], "labels": {}, "tags": {}}
    versions = [*parameter["versions"], version]
    if len(versions) > _MOST_VERSIONS:
        oldest = versions.pop(0)["version"]
        if oldest in parameter["labels"].values():
            raise AwsError(
                "ParameterMaxVersionLimitExceeded",
                f"You attempted to create a new version of {name} by calling the PutParameter API"
                f" with the overwrite flag. Version {oldest}, the oldest version, can't be deleted"
                " because it has a label associated with it. Move the label to another version of"
                " the parameter, and try again.",
            )
    return {**parameter, "versions": versions, "expires_at": expires_at(version)}


def labels_of(parameter: Parameter, version: int) -> list[str]:
    """Return the labels of a version."""
    return sorted(label for label, at in parameter["labels"].items() if at == version)


def shown_value(version: Version, *, decrypted: bool) -> str:
    """Return a version's value; one of a SecureString looks encrypted unless it is asked for."""
    if version["type"] != "SecureString" or decrypted:
        return str(version["value"])
    # As long and as opaque as what KMS makes of it; it says nothing of the value.
    seed = f"{version['key']}\n{version['version']}\n{version['modified_at']}".encode()
    body = hashlib.shake_256(seed).digest(120 + len(version["value"]))
    return base64.b64encode(b"\x01\x02\x02\x00\x78" + body).decode()


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text)
