"""Where IAM answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

_REPEATED = "Duplicate tag keys found. Please note that Tag keys are case insensitive."

DEVIATIONS = Deviations(
    constraint_code="ValidationError",
    tags=TagRules(code="InvalidInput", repeated=_REPEATED, folds_case=True),
)
