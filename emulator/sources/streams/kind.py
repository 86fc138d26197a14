"""The streams of one service as event sources; see :class:`emulator.sources.base.SourceKind`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from emulator.invoke.targets import Targets
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.registry.functions import Registry
from emulator.sources.patterns import InvalidPattern
from emulator.sources.streams.base import PolledStream, StreamKind
from emulator.sources.streams.checkpoints import MIGRATIONS, Checkpoints
from emulator.sources.streams.settings import POSITIONS, StreamSettings
from emulator.sources.streams.source import StreamSource
from emulator.store.store import Store


class StreamSources:
    """Satisfies :class:`emulator.sources.base.SourceKind`.

    Args:
        kind: Which service's.
        name: The name of the database that keeps the checkpoints.
        find: Returns a stream by a mapping's source ARN and the function's role. The stream may be
            missing.
        exists: Says whether there is a stream or consumer of an ARN.
        store: Keeps how far mappings have come.
        registry: Has the mappings.
        targets: Takes records of failures.
        clock: The clock.
        retry_scale: What delays between attempts are multiplied by.
    """

    def __init__(
        self,
        kind: StreamKind,
        name: str,
        *,
        find: Callable[[str, Callable[[], str]], PolledStream],
        exists: Callable[[str], Awaitable[bool]],
        store: Store,
        registry: Registry,
        targets: Targets,
        clock: Clock,
        retry_scale: float,
    ) -> None:
        self._kind, self._find, self._exists = kind, find, exists
        self._registry, self._targets = registry, targets
        self._clock, self._retry_scale = clock, retry_scale
        self._checkpoints = Checkpoints(store.open_database(name, MIGRATIONS))
        #: What polls for each mapping.
        self._sources: dict[str, StreamSource] = {}
        there = {key for _, _, key, _ in registry.mappings.all()}
        self._tidying = asyncio.ensure_future(self._checkpoints.keep(there))

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that the stream exists.

        Raises:
            AwsError: InvalidParameterValueException, in AWS's words.
        """
        arn = mapping["EventSourceArn"]
        if not await self._exists(arn):
            text = f"Stream not found: {arn}"
            raise AwsError("InvalidParameterValueException", text, Type="User")

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what LATEST is for a mapping that is made now: the last record of each shard.

        Raises:
            AwsError: The stream can't be read now.
            StorageError: It can't be read now.
        """
        if mapping.get("StartingPosition") != "LATEST":
            return {}
        try:
            return {POSITIONS: await self._find(mapping["EventSourceArn"], str).latest()}
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                # All that will be in it comes later; a pipe may be made before its source.
                return {POSITIONS: {}}
            raise

    def make(self, mapping: Mapping[str, Any]) -> StreamSource:
        """Return the poller of a mapping's stream.

        Raises:
            ConfigurationError: Its stored filter, from a release with fewer checks, is no pattern.
        """
        try:
            settings = StreamSettings.of(mapping, self._kind)
        except InvalidPattern as error:
            raise ConfigurationError(f"its filter is no pattern: {error}") from error
        source = StreamSource(
            settings,
            self._find(settings.arn, partial(self._role, settings.function_arn)),
            self._clock,
            self._checkpoints,
            targets=self._targets,
            report=partial(self._report, mapping),
            retry_scale=self._retry_scale,
            before=self._sources.get(settings.mapping),
        )
        self._sources = {k: each for k, each in self._sources.items() if not each.drained.is_set()}
        self._sources[settings.mapping] = source
        return source

    def _role(self, function_arn: str) -> str:
        """Return the ARN of a function's role, or ""; pipes know their own."""
        parts = function_arn.split(":")
        if len(parts) < 7:
            return ""
        function = self._registry.find(parts[4], parts[3], parts[6])
        return "" if function is None else str(function.latest.settings.get("Role") or "")

    def _report(self, mapping: Mapping[str, Any], text: str) -> None:
        """Show how a mapping's last batch went."""
        parts = str(mapping["EventSourceMappingArn"]).split(":")
        at = (parts[4], parts[3], mapping["UUID"])
        body = self._registry.mappings.find(*at)
        if body is not None and body.get("LastProcessingResult") != text:
            body["LastProcessingResult"] = text

    async def close(self) -> None:
        await asyncio.gather(self._tidying, return_exceptions=True)
        await self._checkpoints.close()
