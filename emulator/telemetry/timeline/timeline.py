"""The timeline as a whole: it listens from the start to the end of the emulator."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from emulator.model.clock import Clock
from emulator.model.console import Console, SilentConsole
from emulator.model.lifecycle import Lifecycle
from emulator.model.timeline_journal import TimelineJournal
from emulator.telemetry.timeline.history import History
from emulator.telemetry.timeline.keeper import Keeper
from emulator.telemetry.timeline.recorder import Recorder


class Timeline:
    """Records the lives of environments and invocations.

    Args:
        lifecycle: The source of the events it records.
        clock: The emulator's.
        limit_bytes: The most memory: half of it for records, half for events and answers.
        journal: Keeps the records for later runs; None keeps them in memory only.
        console: Warned when the journal fails.

    Attributes:
        history: The records.
        recorder: Numbers them, and knows who waits for an environment.
        identity: Names this series of record numbers; numbers of another series mean nothing here.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        clock: Clock,
        limit_bytes: int,
        *,
        journal: TimelineJournal | None = None,
        console: Console | None = None,
    ) -> None:
        self._lifecycle = lifecycle
        self.history = History(limit_bytes // 2, limit_bytes // 2, clock.now())
        self.recorder = Recorder(self.history)
        self.identity = secrets.token_hex(4)
        self._stop_listening: Callable[[], None] = lambda: None
        self._keeper: Keeper | None = None
        if journal is not None:
            self._keeper = Keeper(
                journal,
                self.history,
                self.recorder,
                clock=clock,
                console=console or SilentConsole(),
                limit_bytes=limit_bytes,
            )

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            StorageError: The journal can't be read.
        """
        if self._keeper is not None:
            self.identity = await self._keeper.open(self.identity)
        self.listen()

    def listen(self) -> None:
        """Record from now on."""
        self._stop_listening = self._lifecycle.add(self.recorder, closely=False)

    def stop(self) -> None:
        """Stop recording for now; events in between are lost."""
        self._stop_listening()

    async def close(self) -> None:
        """Stop recording, and write the records that are not written yet."""
        self.stop()
        if self._keeper is not None:
            await self._keeper.close()

    async def loaded(self) -> None:
        """Return once the history has the records of earlier runs."""
        if self._keeper is not None:
            await self._keeper.loaded()
