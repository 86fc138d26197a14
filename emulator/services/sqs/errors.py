"""SQS's errors in AWS's words. The codec gives each its status and its query-protocol code.

Texts without another source are recorded from AWS.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.model.errors import AwsError
from emulator.queues import errors as engine

#: The codes in batch answers, where they differ from the shape's name.
BATCH_CODES = {
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
}


def invalid_parameter(message: str) -> AwsError:
    """Return the error for an invalid parameter."""
    return AwsError("InvalidParameterValueException", message)


def invalid_value(value: object, parameter: str, reason: str) -> AwsError:
    """Return the error for a parameter's value, with the reason."""
    return invalid_parameter(
        f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    )


def missing_parameter(name: str) -> AwsError:
    """Return the error for a missing parameter."""
    return AwsError(
        "MissingRequiredParameterException", f"The request must contain the parameter {name}."
    )


def unknown_attribute(name: str) -> AwsError:
    """Return the error for an unknown attribute."""
    return AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def invalid_attribute(name: str, reason: str = "") -> AwsError:
    """Return the error for an attribute's value."""
    text = f"Invalid value for the parameter {name}."
    return AwsError("InvalidAttributeValue", f"{text} Reason: {reason}" if reason else text)


def no_such_queue() -> AwsError:
    """Return the error for a queue that does not exist."""
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def no_such_resource(parameter: str) -> AwsError:
    """Return the error for a queue, given by its ARN, that does not exist."""
    return AwsError(
        "ResourceNotFoundException",
        f"The resource that you specified for the {parameter} parameter doesn't exist.",
    )


def invalid_address(address: str) -> AwsError:
    """Return the error for an invalid queue URL."""
    return AwsError("InvalidAddress", f"The address {address} is not valid for this endpoint.")


def too_many_in_flight() -> AwsError:
    """Return the error for a queue at its limit of messages in flight."""
    return AwsError(
        "OverLimit", "The maximum number of in flight messages is reached for this queue."
    )


_HANDLE_ERRORS: dict[type[engine.QueueError], Callable[[str], AwsError]] = {
    engine.InvalidHandle: lambda handle: AwsError(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
    ),
    engine.ExpiredHandle: lambda handle: invalid_value(
        handle, "ReceiptHandle", "The receipt handle has expired."
    ),
    engine.NotInFlight: lambda handle: invalid_value(
        handle,
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.",
    ),
}


def handle_error(error: engine.QueueError, handle: str, timeout: int | None = None) -> AwsError:
    """Return AWS's error for a receipt handle that the engine refused."""
    if isinstance(error, engine.VisibilityTooLong):
        return invalid_value(
            timeout,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
        )
    return _HANDLE_ERRORS[type(error)](handle)
