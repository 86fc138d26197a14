"""Where SNS answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    constraint_code="InvalidParameter",
    tags=TagRules(
        reserved=f"Invalid parameter: {TagRules().reserved}",
        # Recorded.
        repeated="Invalid parameter: Duplicated keys are not allowed.",
    ),
)
