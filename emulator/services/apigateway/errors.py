"""The errors of API Gateway, in its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError

#: What an identifier that means nothing is called.
NAMES = {
    "apikey": "API Key",
    "authorizer": "Authorizer",
    "certificate": "Client Certificate",
    "deployment": "Deployment",
    "documentation": "Documentation part",
    "documentation version": "Documentation version",
    "domain": "domain name",
    "mapping": "base path mapping",
    "integration": "Integration",
    "method": "Method",
    "resource": "Resource",
    "stage": "Stage",
    "validator": "Request Validator",
    "vpclink": "Vpc Link",
}


def bad_request(message: str) -> AwsError:
    """Return the error for a request that can't be done."""
    return AwsError("BadRequestException", message)


def conflict(message: str) -> AwsError:
    """Return the error for what stands in the way of something that is there."""
    return AwsError("ConflictException", message)


def not_found(message: str) -> AwsError:
    """Return the error for what is not there."""
    return AwsError("NotFoundException", message)


def unknown(kind: str) -> AwsError:
    """Return the error for an identifier that means nothing.

    Args:
        kind: A key of ``NAMES``.
    """
    return not_found(f"Invalid {NAMES[kind]} identifier specified")


def invalid(errors: list[str], warnings: list[str] | None = None) -> str:
    """Return the text of what a check found."""
    listed = ", ".join(warnings or [])
    return f"Validation Result: warnings : [{listed}], errors : [{', '.join(errors)}]"


def found(items: Mapping[str, Any], key: str, kind: str) -> dict[str, Any]:
    """Return what an identifier means.

    Raises:
        AwsError: It means nothing.
    """
    value: dict[str, Any] | None = items.get(key)
    if value is None:
        raise unknown(kind)
    return value
