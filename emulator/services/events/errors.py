"""EventBridge's errors, in its words (recorded)."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(text: str) -> AwsError:
    """Return ValidationException."""
    return AwsError("ValidationException", text)


def not_found(text: str) -> AwsError:
    """Return ResourceNotFoundException."""
    return AwsError("ResourceNotFoundException", text)


def no_bus(name: str) -> AwsError:
    """Return the error for a bus that does not exist."""
    return not_found(f"Event bus {name} does not exist.")


def no_rule(name: str, bus: str) -> AwsError:
    """Return the error for a rule that does not exist."""
    return not_found(f"Rule {name} does not exist on EventBus {bus}.")


def exists(what: str) -> AwsError:
    """Return ResourceAlreadyExistsException: "Event bus x already exists."."""
    return AwsError("ResourceAlreadyExistsException", f"{what} already exists.")


def too_many() -> AwsError:
    """Return LimitExceededException."""
    text = "The requested resource exceeds the maximum number allowed."
    return AwsError("LimitExceededException", text)


def bad_pattern(reason: str) -> AwsError:
    """Return InvalidEventPatternException."""
    text = f"Event pattern is not valid. Reason: {reason}"
    return AwsError("InvalidEventPatternException", text)
