"""Where CloudWatch Logs' answers differ from its published model."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

DEVIATIONS = Deviations(constraint_code="InvalidParameterException")
