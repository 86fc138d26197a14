"""Where X-Ray answers otherwise than its model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(constraint_code="InvalidRequestException")
