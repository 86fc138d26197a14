"""Resource policies of secrets: are they policies, and does one let everybody in?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError


def parsed(text: str) -> dict[str, Any]:
    """Return a policy.

    Raises:
        AwsError: MalformedPolicyDocumentException.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AwsError(
            "MalformedPolicyDocumentException", "This resource policy contains invalid Json."
        )
    if not all(isinstance(each, dict) for each in _statements(document)):
        raise AwsError(
            "MalformedPolicyDocumentException", "This resource policy contains a syntax error."
        )
    return document


def _statements(document: Mapping[str, Any]) -> list[Any]:
    found = document.get("Statement") or []
    return found if isinstance(found, list) else [found]


def is_public(document: Mapping[str, Any]) -> bool:
    """Say whether a policy allows something to everybody, without a condition."""
    return any(
        each.get("Effect") == "Allow"
        and not each.get("Condition")
        and _everybody(each.get("Principal"))
        for each in _statements(document)
    )


def _everybody(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return any(_everybody(each) for each in principal.values())
    return "*" in principal if isinstance(principal, list) else principal == "*"
