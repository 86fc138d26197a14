"""The pollers of all event source mappings: starts, changes and stops them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from emulator.invoke.function_invoker import FunctionInvoker
from emulator.model.console import Console
from emulator.model.errors import ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.sources.base import EventSource, SourceKind
from emulator.sources.mapped_function import MappedFunction
from emulator.telemetry.metrics.own import OwnMetrics

log = logging.getLogger(__name__)


class _Poller:
    """One mapping's source at work."""

    def __init__(self, source: EventSource, function: MappedFunction, console: Console) -> None:
        self._source = source
        self.function = function
        self._console = console
        self._run = asyncio.get_running_loop().create_task(source.run(function))
        self._run.add_done_callback(self._ended)

    def _ended(self, run: asyncio.Task[None]) -> None:
        if not run.cancelled() and (error := run.exception()) is not None:
            log.error("the poller for %s ended", self.function.arn, exc_info=error)
            self._console.warn(f"the poller for {self.function.arn} ended: {error!r}")

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

    A mapping is the document that the API shows, with ``Enabled``: what its user asked for.

    Attributes:
        closed: Nothing more is polled.

    Args:
        polls: Says by a service's name in ARNs whether its ARNs can be polled.
        find: Returns the sources of such a service.
        console: Shows what went wrong.
        metrics: Told how old the records of streams are.
    """

    def __init__(
        self,
        registry: Registry,
        functions: FunctionInvoker,
        *,
        polls: Callable[[str], bool],
        find: Callable[[str], SourceKind],
        console: Console,
        metrics: OwnMetrics | None = None,
    ) -> None:
        self._registry, self._functions, self._metrics = registry, functions, metrics
        self._polls, self._find = polls, find
        self._console = console
        #: Sources of the services that have had a mapping.
        self._kinds: dict[str, SourceKind] = {}
        self._pollers: dict[str, _Poller] = {}
        #: Pollers that are being stopped.
        self._leaving: set[_Poller] = set()
        self.closed = False
        registry.on_changed.append(self._on_changed)

    def is_polled(self, mapping: Mapping[str, Any]) -> bool:
        """Say whether a mapping's source can be polled."""
        return self._polls(_service_of(mapping))

    @staticmethod
    def is_pattern(text: str) -> bool:
        """Say whether a filter's pattern is valid."""
        from emulator.sources.filters import is_pattern

        return is_pattern(text)

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that a mapping's source exists and suits a function; it must be one that is polled.

        Raises:
            AwsError: It does not; AWS's text says why.
        """
        await self._kind(mapping).check(mapping, version)

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return further members for a new mapping, which must be polled: where it begins.

        Raises:
            AwsError: The source can't be read now.
            StorageError: It can't be read now.
        """
        return await self._kind(mapping).begin(mapping)

    def _kind(self, mapping: Mapping[str, Any]) -> SourceKind:
        service = _service_of(mapping)
        found = self._kinds.get(service)
        if found is None:
            found = self._kinds[service] = self._find(service)
        return found

    def resume(self) -> None:
        """Start the pollers of the mappings that were kept."""
        for _, _, key, mapping in self._registry.mappings.all():
            self._start(key, mapping)

    async def apply(
        self,
        key: str,
        mapping: Mapping[str, Any] | None,
        function: MappedFunction | None = None,
    ) -> None:
        """Poll as a mapping is configured; return once that is so.

        A changed mapping is polled with its new settings at once. Disabling or deleting one (None)
        may take until the batches in flight have ended.

        Args:
            key: The mapping's id.
            mapping: The mapping; None: it is gone.
            function: What takes its function's place; without, the function of its ARN.
        """
        before = self._pollers.pop(key, None)
        leaving = None if before is None else asyncio.ensure_future(self._leave(before))
        if mapping is not None and mapping["Enabled"]:
            self._start(key, mapping, function)
        elif leaving is not None:
            await leaving

    def _start(
        self, key: str, mapping: Mapping[str, Any], function: MappedFunction | None = None
    ) -> None:
        if self.closed or not mapping["Enabled"] or not self.is_polled(mapping):
            return
        try:
            source = self._kind(mapping).make(mapping)
        except ConfigurationError as error:
            self._console.warn(f"the mapping {key} is not polled: {error}")
            return
        if function is None:
            arn = mapping["FunctionArn"]
            function = MappedFunction(self._registry, self._functions, arn, self._metrics)
        self._pollers[key] = _Poller(source, function, self._console)

    async def _leave(self, poller: _Poller) -> None:
        self._leaving.add(poller)
        try:
            await poller.stop()
        finally:
            self._leaving.discard(poller)

    def _on_changed(self, function: Function) -> None:
        for poller in self._pollers.values():
            poller.function.notice(function)

    async def close(self) -> None:
        """Poll nothing more; returns when no batch is in flight."""
        self.closed = True
        stopping = [poller.stop() for poller in (*self._pollers.values(), *self._leaving)]
        await asyncio.gather(*stopping, return_exceptions=True)
        await asyncio.gather(*(kind.close() for kind in self._kinds.values()))

    async def abort(self) -> None:
        """Give up the batches in flight: their messages will be received again."""
        self.closed = True
        for poller in (*self._pollers.values(), *self._leaving):
            poller.cancel()
        await self.close()


def _service_of(mapping: Mapping[str, Any]) -> str:
    """Return the service in a mapping's source ARN, or ""."""
    parts = str(mapping.get("EventSourceArn", "")).split(":", 3)
    return parts[2] if len(parts) == 4 else ""
