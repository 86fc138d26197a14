"""The errors nearly every operation has."""

from __future__ import annotations

from emulator.model.errors import AwsError

NO_RESOURCE = "The resource you requested does not exist."


def invalid(message: str) -> AwsError:
    """Return the error of a parameter that cannot be so."""
    return AwsError("InvalidParameterValueException", message, Type="User")


def not_found(message: str = NO_RESOURCE) -> AwsError:
    """Return the error of a resource that is not there."""
    return AwsError("ResourceNotFoundException", message, Type="User")


def conflict(message: str) -> AwsError:
    """Return the error of a resource that is there already, or is being changed."""
    return AwsError("ResourceConflictException", message, Type="User")


def violation(value: str, member: str, constraint: str) -> AwsError:
    """Return a violation that the service model does not have, in the words of those it has."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: {constraint}",
        status=400,
    )


def stale(call: str = "GetFunction/GetAlias") -> AwsError:
    """Return the error of a RevisionId that is not the present one.

    Args:
        call: The operation that tells the present one.
    """
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        f"{call} API to retrieve the latest Revision Id",
        Type="User",
    )
