"""Queues as event sources: those of this emulator, and those of another endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import FunctionVersion
from emulator.services.context import Parts
from emulator.services.sqs.polling.base import PolledQueues
from emulator.services.sqs.polling.own_queues import OwnQueues
from emulator.services.sqs.polling.poller import SqsSource
from emulator.services.sqs.polling.settings import SqsSettings
from emulator.sources.patterns import InvalidPattern


class SqsSources:
    """Satisfies :class:`emulator.sources.base.SourceKind`."""

    def __init__(self, parts: Parts) -> None:
        self._clock = parts.clock
        self._queues: PolledQueues = OwnQueues(partial(parts.table.state, "sqs"))
        if parts.settings.sqs_endpoint is not None:
            from emulator.services.sqs.polling.remote_queues import OwnAndRemoteQueues, RemoteQueues

            remote = RemoteQueues(parts.settings.sqs_endpoint, parts.clock)
            self._queues = OwnAndRemoteQueues(self._queues, remote)

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that the queue exists and its visibility timeout covers the function's timeout.

        Raises:
            AwsError: InvalidParameterValueException, in AWS's words.
        """
        try:
            timeout_s = await self._queues.visibility_timeout_s(mapping["EventSourceArn"])
        except AwsError as error:
            # The query protocol's code, whichever protocol the poller speaks.
            code = {"QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue"}
            raise _invalid(
                f"Error occurred while ReceiveMessage. SQS Error Code: "
                f"{code.get(error.code, error.code)}. SQS Error Message: {error.message}"
            ) from error
        if timeout_s < version.timeout_s:
            raise _invalid(
                f"Queue visibility timeout: {timeout_s:.0f} seconds is less than Function timeout: "
                f"{version.timeout_s} seconds"
            )

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        # A queue has no positions.
        return {}

    def make(self, mapping: Mapping[str, Any]) -> SqsSource:
        """Return the poller of a mapping's queue.

        Raises:
            ConfigurationError: Its stored filter, from a release with fewer checks, is no pattern.
        """
        try:
            settings = SqsSettings.of(mapping)
        except InvalidPattern as error:
            raise ConfigurationError(f"its filter is no pattern: {error}") from error
        return SqsSource(settings, self._queues, self._clock)

    async def close(self) -> None:
        await self._queues.close()


def open(parts: Parts) -> SqsSources:
    """Return the queues as event sources."""
    return SqsSources(parts)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, Type="User")
