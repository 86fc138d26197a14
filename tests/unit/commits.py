"""Waiting for a store: its commits, and what is read again from it, are made by another thread."""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.model.errors import StorageError
from emulator.store.database import Done, Work
from emulator.store.store import Store
from emulator.testing import until_idle


class Commits:
    """Knows what the thread of a store in memory has been asked and has not answered."""

    def __init__(self, store: Store) -> None:
        self._submit = store.database.submit
        self._asked = 0
        self._answered = asyncio.Event()
        store.database.submit = self._counted  # type: ignore[method-assign]

    def _counted(self, work: Work[Any], done: Done) -> None:
        def answered(result: Any, error: StorageError | None) -> None:
            self._asked -= 1
            self._answered.set()
            done(result, error)

        self._submit(work, answered)
        self._asked += 1

    async def until_idle(self) -> None:
        """Return when nothing is due on the loop, and nothing asked of the store.

        While something is, a clock must not be moved: what it is for would be overdue before it
        has begun.
        """
        await until_idle()
        while self._asked:
            self._answered.clear()
            await self._answered.wait()
            await until_idle()
