"""Where CloudWatch answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(
    # The code that its query protocol always had, which newer SDKs get, too.
    constraint_code="ValidationError",
)
