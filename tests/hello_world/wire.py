"""Where Hello World answers otherwise than its published model says."""

from __future__ import annotations

from emulator.wire.deviations import Deviations

# The code of a violated constraint stands in no model.
DEVIATIONS = Deviations(constraint_code="InvalidGreetingException")
