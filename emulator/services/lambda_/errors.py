"""The errors that nearly every operation has."""

from __future__ import annotations

from emulator.model.errors import AwsError

NO_RESOURCE = "The resource you requested does not exist."


def invalid(message: str) -> AwsError:
    """Return the error for an invalid parameter."""
    return AwsError("InvalidParameterValueException", message, Type="User")


def not_found(message: str = NO_RESOURCE) -> AwsError:
    """Return the error for a resource that does not exist."""
    return AwsError("ResourceNotFoundException", message, Type="User")


def conflict(message: str) -> AwsError:
    """Return the error for a resource that exists already or is being changed."""
    return AwsError("ResourceConflictException", message, Type="User")


def violation(value: str, member: str, constraint: str) -> AwsError:
    """Return a violation of a rule that the service model lacks, worded like the model's own."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: {constraint}",
        status=400,
    )


def stale(call: str = "GetFunction/GetAlias") -> AwsError:
    """Return the error for a RevisionId that is not the current one.

    Args:
        call: The operation that returns the current one.
    """
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        f"{call} API to retrieve the latest Revision Id",
        Type="User",
    )
