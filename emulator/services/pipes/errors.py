"""Errors of Pipes."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(message: str) -> AwsError:
    """Return the error of a request that makes no sense."""
    return AwsError("ValidationException", message)


def not_found(name: str) -> AwsError:
    """Return the error for a pipe that does not exist."""
    return AwsError("NotFoundException", f"Pipe {name} does not exist.")


def conflict(name: str, message: str) -> AwsError:
    """Return the error of what can't be done with a pipe as it is."""
    return AwsError("ConflictException", message, resourceId=name, resourceType="Pipe")
