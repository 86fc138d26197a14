"""Errors of Step Functions, in its words (recorded unless a comment says otherwise)."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid_arn(text: str) -> AwsError:
    """Return InvalidArn."""
    return AwsError("InvalidArn", f"Invalid Arn: '{text}'")


def wrong_resource(kind: str) -> AwsError:
    """Return the error for an ARN of a resource that an operation does not take."""
    return invalid_arn(f"Resource type not valid in this context: {kind}")


def invalid_name(name: str) -> AwsError:
    """Return InvalidName."""
    return AwsError("InvalidName", f"Invalid Name: '{name}'")


def invalid(message: str) -> AwsError:
    """Return ValidationException."""
    return AwsError("ValidationException", message)


def invalid_token() -> AwsError:
    """Return the error for a page's token that is none."""
    return AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


def no_machine(arn: str) -> AwsError:
    """Return StateMachineDoesNotExist."""
    return AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_execution(arn: str) -> AwsError:
    """Return ExecutionDoesNotExist."""
    return AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def no_activity(arn: str) -> AwsError:
    """Return ActivityDoesNotExist."""
    return AwsError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def no_resource(arn: str = "") -> AwsError:
    """Return ResourceNotFound."""
    text = f"Resource not found: '{arn}'" if arn else _NOT_THERE
    return AwsError("ResourceNotFound", text, resourceName=arn or None)


_NOT_THERE = "Request references a resource that does not exist."


def wrong_type() -> AwsError:
    """Return the error for an operation on a machine of a type that it does not take."""
    text = "This operation is not supported by this type of state machine"
    return AwsError("StateMachineTypeNotSupported", text)
