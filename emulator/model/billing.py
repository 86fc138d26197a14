"""The milliseconds that AWS bills for an invocation."""

from __future__ import annotations

import math
from typing import NamedTuple


class Restored(NamedTuple):
    """How long the restore took that an invocation waited for."""

    duration_ms: float
    #: What of it the function's own hooks took, as it is billed.
    billed_ms: int


def billed_ms(duration_ms: float, init_ms: float | None, restored: Restored | None = None) -> int:
    """Return the milliseconds AWS bills: the init counts too, since 2025-08-01.

    Of a restore counts what is billed of it (in all public REPORT lines that have the fields).
    """
    extra = restored.billed_ms if restored is not None else init_ms or 0.0
    return max(1, math.ceil(duration_ms + extra))
