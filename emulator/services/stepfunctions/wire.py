"""Where Step Functions answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

DEVIATIONS = Deviations(
    tags=TagRules(
        characters="Tags may only contain Unicode letters, digits, white space, or these symbols:"
        " _ . : / = + - @.",
    ),
)
