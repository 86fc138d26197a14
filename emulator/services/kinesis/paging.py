"""Tokens of pages: stateless, good for five minutes. Pure."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.kinesis import errors

_LASTS_S = 300.0


def page_token(owner: str, after: str, filter_: Any, now: float) -> str:
    """Return a token.

    Args:
        owner: Of what it lists the next page.
        after: The last item of this page.
        filter_: What the list was asked for.
        now: Seconds since the epoch.
    """
    return urlsafe_b64encode(json.dumps([owner, after, filter_, now]).encode()).decode()


def read_token(token: str, now: float) -> tuple[str, str, Any]:
    """Return owner, last item and filter of a token.

    Raises:
        AwsError: It is none, or too old.
    """
    try:
        owner, after, filter_, made = json.loads(urlsafe_b64decode(token))
        made = float(made)
    except (ValueError, TypeError, binascii.Error):
        raise errors.invalid("NextToken is invalid.") from None
    if not isinstance(owner, str) or not isinstance(after, str):
        raise errors.invalid("NextToken is invalid.")
    if now - made > _LASTS_S:
        raise AwsError("ExpiredNextTokenException", "NextToken has expired.")
    return owner, after, filter_
