"""Where CloudWatch answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    # The code that its query protocol always had, which newer SDKs get, too.
    constraint_code="ValidationError",
    tags=TagRules(
        code="InvalidParameterValueException",
        too_many=(
            "InvalidParameterValueException",
            "A resource must not have more than 50 tags.",
        ),
    ),
)
