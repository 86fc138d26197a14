"""Removes what emulators that are no more have left on the engine and on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping

from emulator.driver.docker import labels
from emulator.driver.docker.engine import Engine
from emulator.driver.instance import Instance
from emulator.model.errors import DriverFault

#: Removals at once. One that the engine does not get done holds a thread up for as long as the
#: engine has for an answer: others are needed meanwhile.
_CONCURRENCY = 2
#: Seconds the start of an emulator waits for them.
_PATIENCE = 5.0


class Sweep:
    """One look for orphans, and their removal."""

    def __init__(self, engine: Engine, owner: labels.Owner, instance: Instance) -> None:
        self._engine = engine
        self._owner = owner
        self._instance = instance
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        self._running: asyncio.Task[int] | None = None

    async def begin(self) -> str:
        """Remove orphans; what takes the engine long goes on in the background.

        Returns:
            What people should know of it; empty for nothing.
        """
        self._running = asyncio.ensure_future(self.run())
        done, _ = await asyncio.wait({self._running}, timeout=_PATIENCE)
        if done and self._running.exception() is None:
            return ""
        return "the engine has not removed all that an earlier emulator left (label " + (
            f"{labels.INSTANCE}): {self._running.exception() if done else 'it is still at it'}"
        )

    async def run(self) -> int:
        """Remove orphans; return how many containers.

        Raises:
            DriverFault: The engine did not answer, or kept one of them.
        """
        listed = await self._engine.containers(labels.INSTANCE)
        found = await self._engine.volumes(labels.INSTANCE)
        # Asked last: whoever made one of those runs by then, or runs no more.
        running: frozenset[str] = frozenset()
        marked = [one.labels for one in listed] + [marks for _, marks in found]
        if any(labels.CONTROL in marks for marks in marked):
            running = frozenset(one.id for one in await self._engine.containers("") if one.running)
        locked = self._instance.living()

        def orphan(marks: Mapping[str, str]) -> bool:
            return labels.is_orphan(marks, self._owner, running=running, locked=locked)

        orphans = [one.id for one in listed if orphan(one.labels)]
        failures = await self._all(self._engine.remove(one) for one in orphans)
        volumes = [name for name, marks in found if orphan(marks)]
        failures += await self._all(self._engine.remove_volume(name) for name in volumes)
        await asyncio.to_thread(self._instance.sweep)
        if failures:
            raise failures[0]
        return len(orphans)

    async def _all(self, removals: Iterable[Coroutine[object, object, None]]) -> list[DriverFault]:
        """Await all ``removals``, a few at a time; return what went wrong."""

        async def one(removal: Coroutine[object, object, None]) -> DriverFault | None:
            async with self._slots:
                try:
                    await removal
                except DriverFault as fault:
                    return fault
            return None

        ended = await asyncio.gather(*map(one, removals))
        return [fault for fault in ended if fault is not None]

    async def close(self) -> None:
        """Leave the rest to the next start."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
