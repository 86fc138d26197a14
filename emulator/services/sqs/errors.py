"""SQS's errors in AWS's words. The codec gives each its status and its query-protocol code.

Texts without another source are recorded from AWS.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.model.errors import AwsError
from emulator.queues import errors as engine

#: The codes batch answers carry, where they are not the shape's name.
BATCH_CODES = {
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
}


def invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def invalid_value(value: object, parameter: str, reason: str) -> AwsError:
    return invalid_parameter(
        f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    )


def missing_parameter(name: str) -> AwsError:
    return AwsError(
        "MissingRequiredParameterException", f"The request must contain the parameter {name}."
    )


def unknown_attribute(name: str) -> AwsError:
    return AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def invalid_attribute(name: str, reason: str = "") -> AwsError:
    text = f"Invalid value for the parameter {name}."
    return AwsError("InvalidAttributeValue", f"{text} Reason: {reason}" if reason else text)


def no_such_queue() -> AwsError:
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def no_such_resource(parameter: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException",
        f"The resource that you specified for the {parameter} parameter doesn't exist.",
    )


def invalid_address(address: str) -> AwsError:
    return AwsError("InvalidAddress", f"The address {address} is not valid for this endpoint.")


def too_many_in_flight() -> AwsError:
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
    """Return AWS's answer to a receipt handle the engine refused."""
    if isinstance(error, engine.VisibilityTooLong):
        return invalid_value(
            timeout,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
        )
    return _HANDLE_ERRORS[type(error)](handle)
