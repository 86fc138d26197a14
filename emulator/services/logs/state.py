"""Log groups are kept by :mod:`emulator.telemetry`, which writes them; this resets them."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.telemetry.logs import Logs


class LogGroups:
    """All log groups.

    Args:
        logs: What keeps them.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        for (owner, region), groups in self._logs.groups.items():
            if account in (None, owner):
                for name in list(groups):
                    self._logs.delete_group(owner, region, name)

    async def close(self) -> None:
        """Let go of nothing: the groups are not this service's own."""


async def open(parts: Parts) -> LogGroups:
    """Return the state."""
    return LogGroups(parts.logs)
