"""What a user acknowledges before a template is used: roles it makes, macros that change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.sections import transforms

_IAM = "AWS::IAM::"
_NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}


def wanted(template: Mapping[str, Any]) -> list[str]:
    """Return the capabilities that a template needs, as AWS asks for them."""
    resources = [r for r in (template.get("Resources") or {}).values() if isinstance(r, dict)]
    kinds = [(str(r.get("Type", "")), r.get("Properties") or {}) for r in resources]
    needed = []
    if any(kind.startswith(_IAM) for kind, _ in kinds):
        named = any(_NAMED_IAM.get(kind, "") in properties for kind, properties in kinds)
        needed.append("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
    if is_transformed(template):
        needed.append("CAPABILITY_AUTO_EXPAND")
    return needed


def is_transformed(template: Mapping[str, Any]) -> bool:
    """Say whether macros change a template, as a whole or somewhere in it.

    Raises:
        TemplateError: A transform has no name.
    """
    return bool(transforms(template)) or _has_transform(template)


def _has_transform(value: Any) -> bool:
    """Say whether a macro stands anywhere in a value."""
    if isinstance(value, dict):
        return "Fn::Transform" in value or any(_has_transform(each) for each in value.values())
    return isinstance(value, list) and any(_has_transform(each) for each in value)


def refuse_without(needed: list[str], given: list[str]) -> None:
    """Refuse what the user has not acknowledged.

    Raises:
        AwsError: InsufficientCapabilitiesException.
    """
    allowed = {*given, *(["CAPABILITY_IAM"] if "CAPABILITY_NAMED_IAM" in given else [])}
    missing = [each for each in needed if each not in allowed]
    if missing:
        raise AwsError(
            "InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]"
        )
