"""DynamoDB's errors, in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError

_INVALID = "One or more parameter values were invalid: "


def invalid(message: str) -> AwsError:
    """Return a ``ValidationException``."""
    return AwsError("ValidationException", message, status=400)


def invalid_value(message: str) -> AwsError:
    """Return a ``ValidationException`` for parameter values."""
    return invalid(_INVALID + message)


def no_resource() -> AwsError:
    """Return the error of operations on items where there is no such table."""
    return AwsError("ResourceNotFoundException", "Requested resource not found")


def no_table(name: str) -> AwsError:
    """Return the error of operations on tables where there is none of this name."""
    return AwsError(
        "ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"
    )


def table_not_found(name: str) -> AwsError:
    """Return the error that names a table which is not there."""
    return AwsError("TableNotFoundException", f"Table not found: {name}")


def wrong_key() -> AwsError:
    """Return the error of a key that is not the table's."""
    return invalid("The provided key element does not match the schema")


def condition_failed(item: Mapping[str, Any] | None = None) -> AwsError:
    """Return the error of a condition that does not hold.

    Args:
        item: The item to show, where the caller wants to see it.
    """
    fields: dict[str, Any] = {"Item": item} if item else {}
    return AwsError("ConditionalCheckFailedException", "The conditional request failed", **fields)


def cancelled(reasons: Iterable[Mapping[str, Any]]) -> AwsError:
    """Return the error of a transaction that was not done."""
    listed = list(reasons)
    codes = ", ".join(each["Code"] for each in listed)
    text = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    return AwsError("TransactionCanceledException", text, CancellationReasons=listed)
