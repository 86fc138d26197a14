"""The pollers of all event source mappings: started, changed and stopped as their mappings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from emulator.invoke.invoker import Invoker
from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.sources.base import EventSource, Queues
from emulator.sources.target import Target

log = logging.getLogger(__name__)


class _Poller:
    """One mapping's source at work."""

    def __init__(self, source: EventSource, target: Target, console: Console) -> None:
        self._source = source
        self.target = target
        self._console = console
        self._run = asyncio.get_running_loop().create_task(source.run(target))
        self._run.add_done_callback(self._ended)

    def _ended(self, run: asyncio.Task[None]) -> None:
        if not run.cancelled() and (error := run.exception()) is not None:
            log.error("the poller for %s ended", self.target.arn, exc_info=error)
            self._console.warn(f"the poller for {self.target.arn} ended: {error!r}")

    async def stop(self) -> None:
        """Receive nothing more; returns when what is in flight has ended."""
        self._run.cancel()
        await asyncio.wait((self._run,))
        await self._source.drain()

    def cancel(self) -> None:
        self._run.cancel()
        self._source.cancel()


class Pollers:
    """Runs an event source for each mapping that is enabled.

    A mapping is a document as the API shows it, and ``Enabled``: what its user asked for.

    Attributes:
        closed: Nothing more is polled.

    Args:
        queues: Where SQS queues are.
        console: Told what went wrong.
    """

    def __init__(
        self,
        registry: Registry,
        invoker: Invoker,
        clock: Clock,
        queues: Queues,
        *,
        console: Console,
    ) -> None:
        self._registry, self._invoker, self._clock = registry, invoker, clock
        self._queues = queues
        self._console = console
        self._pollers: dict[str, _Poller] = {}
        #: Those that are being stopped.
        self._leaving: set[_Poller] = set()
        self.closed = False
        registry.on_changed.append(self._on_changed)

    @staticmethod
    def is_polled(mapping: Mapping[str, Any]) -> bool:
        """Say whether a mapping's source is of a kind that is polled."""
        return str(mapping.get("EventSourceArn", "")).split(":", 3)[2:3] == ["sqs"]

    @staticmethod
    def is_pattern(text: str) -> bool:
        """Say whether a filter's pattern is one."""
        from emulator.sources.filters import is_pattern

        return is_pattern(text)

    async def check(self, arn: str) -> float:
        """Return the visibility timeout of a queue (seconds).

        Raises:
            AwsError: There is no such queue, in SQS's words.
        """
        return await self._queues.check(arn)

    def resume(self) -> None:
        """Take up the work of the mappings that are kept."""
        for _, _, key, mapping in self._registry.mappings.all():
            self._start(key, mapping)

    async def apply(self, key: str, mapping: Mapping[str, Any] | None) -> None:
        """Poll as a mapping says; returns when that is so.

        A mapping that is changed is polled by its new settings at once; one that is disabled or
        deleted (None) may take until the batches in flight have ended.
        """
        before = self._pollers.pop(key, None)
        leaving = None if before is None else asyncio.ensure_future(self._leave(before))
        if mapping is not None and mapping["Enabled"]:
            self._start(key, mapping)
        elif leaving is not None:
            await leaving

    def _start(self, key: str, mapping: Mapping[str, Any]) -> None:
        if self.closed or not mapping["Enabled"] or not self.is_polled(mapping):
            return
        # Loaded with the first mapping there is: most starts of the emulator do without.
        from emulator.sources.patterns import InvalidPattern
        from emulator.sources.sqs import SqsSettings, SqsSource

        try:
            settings = SqsSettings.of(mapping)
        except InvalidPattern as error:
            # Kept by a version that knew less of the language.
            self._console.warn(
                f"the mapping {key} is not polled: its filter is no pattern: {error}"
            )
            return
        target = Target(self._registry, self._invoker, self._clock, mapping["FunctionArn"])
        source = SqsSource(settings, self._queues, self._clock)
        self._pollers[key] = _Poller(source, target, self._console)

    async def _leave(self, poller: _Poller) -> None:
        self._leaving.add(poller)
        try:
            await poller.stop()
        finally:
            self._leaving.discard(poller)

    def _on_changed(self, function: Function) -> None:
        for poller in self._pollers.values():
            poller.target.touch(function)

    async def close(self) -> None:
        """Poll nothing more; returns when no batch is in flight."""
        self.closed = True
        stopping = [poller.stop() for poller in (*self._pollers.values(), *self._leaving)]
        await asyncio.gather(*stopping, return_exceptions=True)
        await self._queues.close()

    async def abort(self) -> None:
        """Give up the batches in flight: their messages are received again."""
        self.closed = True
        for poller in (*self._pollers.values(), *self._leaving):
            poller.cancel()
        await self.close()
