"""The errors of API Gateway v2, in its words."""

from __future__ import annotations

from emulator.model.errors import AwsError


def bad_request(text: str) -> AwsError:
    """Return the error for a request that makes no sense."""
    return AwsError("BadRequestException", text)


def not_found(title: str) -> AwsError:
    """Return the error for a part of an API that does not exist: "Integration"."""
    return AwsError("NotFoundException", f"Invalid {title} identifier specified")


def api_not_found(account: str, api_id: str) -> AwsError:
    """Return the error for an API that does not exist."""
    return AwsError("NotFoundException", f"Invalid API identifier specified {account}:{api_id}")


def conflict(text: str) -> AwsError:
    """Return the error for what is there already, or is still in use."""
    return AwsError("ConflictException", text)
