"""Where Secrets Manager answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    # CloudFormation's own tags of a secret come as all others do.
    tags=TagRules(code="InvalidParameterException"),
)
