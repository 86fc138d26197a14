"""What Secrets Manager keeps: one document per secret, with its versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: ``name``, ``arn``, ``versions`` by id, ``rotation``, and what describes it.
Secret = dict[str, Any]


class Secrets:
    """The service's state.

    Attributes:
        rotating: The rotations under way, by the secret's ARN.
    """

    def __init__(self, parts: Parts) -> None:
        self._table = ResourceTable("secret", parts.documents)
        self._now: Callable[[], float] = parts.clock.now
        self.rotating: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Bring back what was kept."""
        await self._table.load()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        for arn, rotation in self.rotating.items():
            if account in (None, arn.split(":")[4]):
                rotation.cancel()
        self._table.clear(account)

    async def close(self) -> None:
        """Let go of everything."""

    def find(self, account: str, region: str, name: str) -> Secret | None:
        """Return a secret; None if there is none, or its recovery window is over."""
        found = self._table.find(account, region, name)
        if found is None or (found.get("gone_at") or self._now() + 1) <= self._now():
            return None
        return found

    def all(self, account: str, region: str) -> list[Secret]:
        """Return an account's secrets of a region, by their names."""
        names = self._table.keys(account, region)
        found = (self.find(account, region, name) for name in names)
        return [each for each in found if each is not None]

    async def put(self, account: str, region: str, secret: Secret) -> None:
        """Keep a secret."""
        await self._table.put(account, region, secret["name"], secret)

    def show(self, account: str, region: str, secret: Secret) -> None:
        """Show a secret with what need not outlive the emulator: when it was read."""
        self._table.settle(account, region, secret["name"], secret)

    async def delete(self, account: str, region: str, name: str) -> None:
        """Remove a secret."""
        await self._table.delete(account, region, name)


async def open(parts: Parts) -> Secrets:
    """Open the service's state."""
    state = Secrets(parts)
    await state.open()
    return state


def of(context: Context) -> Secrets:
    """Return the state of a request."""
    state: Secrets = context.state
    return state
