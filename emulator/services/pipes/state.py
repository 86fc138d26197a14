"""What Pipes keeps: pipes, and what is at work for those that run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable
from emulator.services.pipes.consumer import PipeConsumer
from emulator.services.pipes.mapping import mapping_of

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

Pipe = dict[str, Any]


class Pipes:
    """The service's state; :func:`open` makes it.

    Attributes:
        table: Pipes by name.
        running: What is at work, by the pipe's ARN.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.table = ResourceTable("pipe", parts.documents)
        self.running: dict[str, PipeConsumer] = {}

    async def open(self) -> None:
        """Bring back what was kept, and go on with what runs."""
        await self.table.load()
        for *_, pipe in self.table.all():
            await self._apply(pipe)

    def find(self, account: str, region: str, name: str) -> Pipe | None:
        """Return a pipe, or None."""
        return self.table.find(account, region, name)

    async def put(self, account: str, region: str, pipe: Pipe) -> None:
        """Keep a pipe, and have it run as it says; returns when that is so.

        Raises:
            AwsError: The disk did not take it.
        """
        await self.table.put(account, region, pipe["name"], pipe)
        await self._apply(pipe)

    async def drop(self, account: str, region: str, pipe: Pipe) -> None:
        """Remove a pipe; what it has in flight ends before this returns.

        Raises:
            AwsError: The disk did not take it.
        """
        await self.table.delete(account, region, pipe["name"])
        await self._stop(pipe)

    async def _apply(self, pipe: Pipe) -> None:
        mapping = mapping_of(pipe)
        if not mapping["Enabled"]:
            await self._stop(pipe)
            return
        consumer = PipeConsumer(self._parts, pipe)
        self.running[pipe["arn"]] = consumer
        await self._parts.sources.apply(mapping["UUID"], mapping, consumer)

    async def _stop(self, pipe: Pipe) -> None:
        self.running.pop(pipe["arn"], None)
        await self._parts.sources.apply(mapping_of(pipe)["UUID"], None)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for owner, _, _, pipe in self.table.all():
            if account in (None, owner):
                self.running.pop(pipe["arn"], None)
                self._parts.spawn(self._parts.sources.apply(mapping_of(pipe)["UUID"], None))
        self.table.clear(account)

    async def close(self) -> None:
        """What polls is closed with all other pollers."""


async def open(parts: Parts) -> Pipes:
    """Open the service's state."""
    state = Pipes(parts)
    await state.open()
    return state


def of(context: Context) -> Pipes:
    """Return the state of a request."""
    state: Pipes = context.state
    return state
