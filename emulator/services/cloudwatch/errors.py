"""CloudWatch's errors, in its words."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(message: str) -> AwsError:
    """Return the error for a value that is none."""
    return AwsError("InvalidParameterValueException", message)


def combination(message: str) -> AwsError:
    """Return the error for values that don't go together."""
    return AwsError("InvalidParameterCombinationException", message)


def missing(message: str) -> AwsError:
    """Return the error for a value that has to be there."""
    return AwsError("MissingRequiredParameterException", message)


def violated(message: str) -> AwsError:
    """Return the error of operations whose model has none for bad input."""
    return AwsError("ValidationError", message, status=400)


def bad_token() -> AwsError:
    """Return the error for a token that was not made here."""
    return AwsError("InvalidNextToken", "The next token is invalid.")
