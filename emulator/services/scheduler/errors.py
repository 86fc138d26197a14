"""Errors of Scheduler, and pages of its lists."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError

_PAGE = 100


def invalid(message: str) -> AwsError:
    """Return the error of a request that makes no sense."""
    return AwsError("ValidationException", message)


def no_schedule(name: str) -> AwsError:
    """Return the error for a schedule that does not exist."""
    return AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.")


def no_group(name: str) -> AwsError:
    """Return the error for a group that does not exist."""
    return AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.")


def page(
    names: Sequence[str],
    request: Mapping[str, Any],
    member: str,
    show: Callable[[str], dict[str, Any]],
) -> dict[str, Any]:
    """Return the page of a list that a request asks for.

    Args:
        names: What there is, sorted.
        request: With the token of the page and its size.
        member: The answer's member for the items.
        show: Makes an item of a name.

    Raises:
        AwsError: The token is none.
    """
    token = request.get("NextToken")
    after = ""
    if token:
        try:
            after = base64.b64decode(token.encode(), b"-_", validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise invalid("Invalid NextToken.") from error
    size = request.get("MaxResults") or _PAGE
    rest = [name for name in names if name > after]
    answer: dict[str, Any] = {member: [show(name) for name in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = base64.urlsafe_b64encode(rest[size - 1].encode()).decode()
    return answer
