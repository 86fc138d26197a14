"""The greetings there are."""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Parts


class Greetings:
    """Greetings by account, region and name; they outlive a restart.

    Args:
        table: What keeps them.
    """

    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        #: Set once somebody waits for a change.
        self.awaited = asyncio.Event()
        #: Those who wait for one, by account, region and name.
        self._waiting: dict[tuple[str, str, str], list[asyncio.Future[str]]] = {}

    def find(self, account: str, region: str, name: str) -> dict[str, Any] | None:
        """Return a greeting, or None."""
        return self._table.find(account, region, name)

    async def put(self, account: str, region: str, name: str, greeting: dict[str, Any]) -> None:
        """Add or replace a greeting; it is kept once this returns.

        Raises:
            AwsError: The disk did not take it.
        """
        await self._table.put(account, region, name, greeting)
        for waiter in self._waiting.pop((account, region, name), ()):
            if not waiter.done():
                waiter.set_result(greeting["Text"])

    async def changed(self, account: str, region: str, name: str) -> str:
        """Wait until a greeting is put, and return its text."""
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((account, region, name), []).append(waiter)
        self.awaited.set()
        return await waiter

    async def delete(self, account: str, region: str, name: str) -> None:
        """Remove a greeting for good.

        Raises:
            AwsError: The disk did not take it.
        """
        await self._table.delete(account, region, name)

    async def reset(self, account: str | None) -> None:
        """Forget all greetings, or those of one account."""
        self._table.clear(account)

    async def close(self) -> None:
        """Nothing has to be let go of: each change was kept when it was made."""


async def open(parts: Parts) -> Greetings:
    """Return the greetings that are kept. Called once, before the first operation."""
    table = ResourceTable("hello-world", parts.documents)
    await table.load()
    return Greetings(table)
