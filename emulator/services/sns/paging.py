"""Pages of 100, as all lists of SNS have them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.sns.errors import invalid

_PAGE = 100


def page(
    every: Sequence[Any], request: Mapping[str, Any], member: str, token: str = "NextToken"
) -> dict[str, Any]:
    """Return the page that a request asks for.

    Args:
        every: All items.
        request: With the token of the page.
        member: The answer's member for the items.
        token: The member for tokens, in request and answer.

    Raises:
        AwsError: The token is none.
    """
    given = request.get(token)
    start = 0
    if given:
        try:
            start = int(base64.b64decode(given, validate=True))
        except (binascii.Error, ValueError) as error:
            raise invalid(f"{token} Reason: it is no token of this list") from error
    end = start + _PAGE
    answer: dict[str, Any] = {member: list(every[max(0, start) : end])}
    if end < len(every):
        answer[token] = base64.b64encode(str(end).encode()).decode()
    return answer
