"""Marker and MaxItems, as every list operation has them."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError

#: What AWS gives where the caller does not say.
DEFAULT = 50


def page(
    keys: Sequence[str], request: Mapping[str, Any], default: int = DEFAULT
) -> tuple[Sequence[str], str | None]:
    """Return a page of sorted ``keys`` and the marker of the next one, None at the end.

    Raises:
        AwsError: The marker is not one of ours.
    """
    start = 0
    marker = request.get("Marker")
    if marker:
        try:
            after = base64.urlsafe_b64decode(marker.encode("ascii")).decode()
        except (binascii.Error, UnicodeError) as error:
            raise AwsError(
                "InvalidParameterValueException", f"Invalid marker: {marker}", Type="User"
            ) from error
        start = bisect_right(keys, after)
    end = start + min(request.get("MaxItems") or default, default)
    chosen = keys[start:end]
    if end >= len(keys):
        return chosen, None
    return chosen, base64.urlsafe_b64encode(chosen[-1].encode()).decode()
