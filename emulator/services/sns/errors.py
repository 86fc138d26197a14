"""SNS's errors, in its words (recorded)."""

from __future__ import annotations

from emulator.model.errors import AwsError


def invalid(reason: str) -> AwsError:
    """Return InvalidParameter: "Invalid parameter: …"."""
    return AwsError("InvalidParameter", f"Invalid parameter: {reason}")


def bad(text: str) -> AwsError:
    """Return InvalidParameter in other words."""
    return AwsError("InvalidParameter", text)


def not_found(what: str) -> AwsError:
    """Return NotFound: "Topic does not exist"."""
    return AwsError("NotFound", f"{what} does not exist")
