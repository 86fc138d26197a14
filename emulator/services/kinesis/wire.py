"""Where Kinesis answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    # As its SDKs' users report it; the model has no such error for most operations.
    constraint_code="ValidationException",
    tags=TagRules(code="InvalidArgumentException"),
)
