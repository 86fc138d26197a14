"""Where the API to connections answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(
    constraint_code="BadRequestException",
    # It has an error of its own: PayloadTooLargeException.
    checked_by_operation=frozenset({("PostToConnectionRequest", "Data")}),
)
