"""X-Ray's errors."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(message: str) -> AwsError:
    """Return the error for a request that can't be served as it is."""
    return AwsError("InvalidRequestException", message)


def not_found(arn: str) -> AwsError:
    """Return the error for a resource that is not there."""
    message = "The resource was not found. Verify that the name or ARN of the resource is correct."
    return AwsError("ResourceNotFoundException", message, ResourceName=arn)
