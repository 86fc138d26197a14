"""What is wrong with a schedule."""

from __future__ import annotations

from emulator.model.errors import LocalfaasError


class ScheduleError(LocalfaasError):
    """An expression or a time zone is none; the message says why, for people."""
