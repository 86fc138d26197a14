"""Where KMS answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    constraint_code="ValidationException",
    tags=TagRules(
        code="TagException",
        reserved="aws: prefixed tag key name is not allowed",
        repeated="Duplicate tag keys",
    ),
)
