"""What Parameter Store keeps: one document per parameter, with its versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: ``versions`` (oldest first), ``labels`` (version by label), ``tags``, ``expires_at``.
Parameter = dict[str, Any]
#: One version: ``version``, ``type``, ``value``, ``modified_at`` and what describes it.
Version = dict[str, Any]


class Parameters:
    """The service's state."""

    def __init__(self, parts: Parts) -> None:
        self._table = ResourceTable("ssm-parameter", parts.documents)
        self._now: Callable[[], float] = parts.clock.now

    async def open(self) -> None:
        """Bring back what was kept."""
        await self._table.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        self._table.clear(account)

    async def close(self) -> None:
        """Let go of everything."""

    def find(self, account: str, region: str, name: str) -> Parameter | None:
        """Return a parameter; None if there is none, or none any more."""
        found = self._table.find(account, region, name)
        if found is None or (found.get("expires_at") or self._now() + 1) <= self._now():
            return None
        return found

    def all(self, account: str, region: str) -> list[Parameter]:
        """Return an account's parameters of a region, by name."""
        names = self._table.keys(account, region)
        found = (self.find(account, region, name) for name in names)
        return [each for each in found if each is not None]

    async def put(self, account: str, region: str, name: str, parameter: Parameter) -> None:
        """Keep a parameter."""
        await self._table.put(account, region, name, parameter)

    async def delete(self, account: str, region: str, name: str) -> None:
        """Remove a parameter."""
        await self._table.delete(account, region, name)


async def open(parts: Parts) -> Parameters:
    """Open the service's state."""
    state = Parameters(parts)
    await state.open()
    return state


def of(context: Context) -> Parameters:
    """Return the state of a request."""
    state: Parameters = context.state
    return state
