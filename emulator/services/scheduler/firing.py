"""Makes schedules come due, and hands their calls to the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from emulator.invoke.outbox.outbox import Outbox
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, LocalfaasError
from emulator.schedules.errors import ScheduleError
from emulator.schedules.missed import PRECISION_S, Missed
from emulator.schedules.timers import Timers
from emulator.services.scheduler.keys import Key
from emulator.services.scheduler.payloads import dispatch, execution_id
from emulator.services.scheduler.timing import Due, first_after, next_due, schedule_of

log = logging.getLogger(__name__)

#: Seconds until a call is accepted again that the disk did not take.
_PAUSE_S = 5.0


class Kept(Protocol):
    """The schedules that are kept."""

    def find(self, key: Key) -> dict[str, Any] | None:
        """Return a schedule, or None."""
        ...

    async def put(self, key: Key, body: dict[str, Any]) -> None:
        """Keep a schedule, and have it come due."""
        ...

    async def drop(self, key: Key) -> None:
        """Remove a schedule."""
        ...


class Firing:
    """Waits for all schedules with one timer.

    Args:
        kept: The schedules.
        outbox: Takes their calls.
        clock: The time.
        missed: Told of each time that a target is called for; None: nobody is.
    """

    def __init__(
        self, kept: Kept, outbox: Outbox, clock: Clock, missed: Missed | None = None
    ) -> None:
        self._kept, self._outbox, self._clock = kept, outbox, clock
        self._missed = missed
        self._timers: Timers[Key] = Timers(clock, self._on_due)
        self._due: dict[Key, Due] = {}
        self._work: set[asyncio.Task[None]] = set()

    def arm(self, key: Key, body: Mapping[str, Any]) -> None:
        """Have a schedule come due as its document says."""
        self.disarm(key)
        due = self._find_due(key, body)
        if due is not None:
            self._due[key] = due
            self._timers.set(key, due.at)

    def _find_due(self, key: Key, body: Mapping[str, Any]) -> Due | None:
        if body["fields"]["State"] != "ENABLED":
            return None
        try:
            schedule = schedule_of(body)
        except ScheduleError as error:
            # A time zone that was there when it was made.
            log.error("%s does not come due: %s", key.arn, error)
            return None
        after = first_after(body, schedule)
        return next_due(body, schedule, after, self._clock.now(), key.arn)

    def disarm(self, key: Key) -> None:
        """Have a schedule not come due any more."""
        if self._due.pop(key, None) is not None:
            self._timers.cancel(key)

    def next(self, key: Key) -> Due | None:
        """Return what a schedule waits for."""
        return self._due.get(key)

    async def fire(self, key: Key, body: Mapping[str, Any], due: Due) -> str:
        """Call a schedule's target, whatever the time; return the execution's id.

        Raises:
            StorageError: The disk did not take it.
        """
        # A call that was missed is as old as if it had been tried since.
        since = min(due.at, self._clock.now())
        await self._outbox.accept([dispatch(key, body, due.occurrence, since)])
        return execution_id(key.arn, due.occurrence)

    async def close(self) -> None:
        """Nothing comes due any more."""
        self._timers.close()
        if self._missed is not None:
            self._missed.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def _on_due(self, key: Key, at: float) -> None:
        due = self._due.get(key)
        body = self._kept.find(key)
        if due is None or body is None:
            return
        now = self._clock.now()
        if now > due.at + PRECISION_S:
            # The clock has jumped: what is too old now is left out.
            due = self._find_due(key, body)
            if due is None or due.at > now:
                self.arm(key, body)
                return
            self._due[key] = due
        task = asyncio.get_running_loop().create_task(self._see_to(key, body, due))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _see_to(self, key: Key, body: dict[str, Any], due: Due) -> None:
        try:
            await self.fire(key, body, due)
        except LocalfaasError as error:
            log.error("%s is called again in %g s: %s", key.arn, _PAUSE_S, error)
            if self._due.get(key) is due:
                self._timers.set(key, self._clock.now() + _PAUSE_S)
            return
        if self._kept.find(key) is not body:
            # It was changed or removed meanwhile, and comes due as it is now.
            return
        if self._missed is not None:
            self._missed.note(due.at)
        # Only now: a crash before this calls the target twice rather than never.
        seen = {**body, "fired": due.occurrence}
        try:
            schedule = schedule_of(seen)
            if (
                schedule.next_after(due.occurrence) is None
                and body["fields"]["ActionAfterCompletion"] == "DELETE"
            ):
                await self._kept.drop(key)
            else:
                await self._kept.put(key, seen)
        except (AwsError, ScheduleError) as error:
            log.error("%s was called, which could not be written down: %s", key.arn, error)
            if self._kept.find(key) is body:
                self.arm(key, seen)
