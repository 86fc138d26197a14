"""Where ECR answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    constraint_code="InvalidParameterException",
    tags=TagRules(
        code="InvalidTagParameterException",
        key_length="Tag keys must have 1 to 128 characters.",
        value_length="Tag values must have no more than 256 characters.",
    ),
)
