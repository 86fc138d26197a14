"""Log groups are kept by :mod:`emulator.telemetry`, which writes them; this resets them."""

from __future__ import annotations

from emulator.services.context import Parts


class LogGroups:
    """All log groups.

    Args:
        parts: The parts of the emulator.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        logs = self._parts.logs
        for (owner, region), groups in logs.groups.items():
            if account in (None, owner):
                for name in list(groups):
                    logs.delete_group(owner, region, name)

    async def close(self) -> None:
        """Let go of nothing: the groups are not this service's own."""


async def open(parts: Parts) -> LogGroups:
    """Return the state."""
    return LogGroups(parts)
