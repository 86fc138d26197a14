"""Removes containers off the critical path, again and again until the engine has done it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from emulator.driver.docker.engine import Engine
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.driver.docker.workspace import Workspace
from emulator.model.clock import Clock
from emulator.model.errors import DriverFault

T = TypeVar("T")

#: Removals at once: they hold dockerd up, and nobody waits for them.
_CONCURRENCY = 2
#: Seconds before another try to remove what the engine did not remove.
_RETRIES = (0.5, 2.0, 8.0, 30.0)


class Removals:
    """The driver's containers that live, and those on their way out.

    Args:
        engine: Where they run.
        remove_workspace: Removes the folder of a container that is gone.
        clock: For the pauses between attempts.
    """

    def __init__(
        self,
        engine: Engine,
        remove_workspace: Callable[[Workspace], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._remove_workspace = remove_workspace
        self._clock = clock
        self._closing = False
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        self._tasks: set[asyncio.Task[Any]] = set()
        #: The sandboxes that are neither removed nor being removed.
        self.alive: set[DockerSandbox] = set()

    def remove(self, sandbox: DockerSandbox) -> None:
        """Remove the container and all it had, in the background. Idempotent."""
        self.alive.discard(sandbox)
        if not sandbox.container.removed:
            sandbox.container.removed = True
            self.spawn(self._remove(sandbox))

    async def _remove(self, sandbox: DockerSandbox) -> None:
        container = sandbox.container
        sandbox.killed = True
        if sandbox.channel is not None and not sandbox.handed_out:
            sandbox.channel.close()
        sandbox.unfreeze()
        for pause in (*_RETRIES, None):
            try:
                async with self._slots:
                    await self._engine.remove(container.id)
                break
            except DriverFault:
                # The engine is down or overloaded. What is left at last, the driver's `close`
                # or the next start of the emulator removes by its labels.
                if pause is None or self._closing:
                    break
                await self._clock.sleep(pause)
        sandbox.close()
        if container.workspace is not None:
            await self._remove_workspace(container.workspace)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` in the background; :meth:`close` waits for its end."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Remove every container and wait until all are gone."""
        self._closing = True
        while self._tasks or self.alive:
            for sandbox in list(self.alive):
                self.remove(sandbox)
            await asyncio.gather(*self._tasks, return_exceptions=True)
