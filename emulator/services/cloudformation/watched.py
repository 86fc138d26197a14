"""Calls of services that tell whether they may have changed anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import Call

_READING = ("Describe", "Get", "Head", "List")
#: The code of what is no refusal: a disk, or an environment, failed.
_FAULT = "ServiceException"


class Watched:
    """Calls operations as another does, and remembers those that may have changed something.

    Args:
        call: Does the calls.
        changes: Where the operations are noted; without, in a list of its own.

    Attributes:
        changes: The operations, but for those that read, and those that their service refused.
    """

    def __init__(self, call: Call, changes: list[str] | None = None) -> None:
        self._call = call
        self.account, self.region = call.account, call.region
        self.changes: list[str] = [] if changes is None else changes

    async def __call__(
        self, service: str, operation: str, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See :class:`Call`."""
        if operation.startswith(_READING):
            return await self._call(service, operation, request)
        self.changes.append(operation)
        try:
            return await self._call(service, operation, request)
        except AwsError as error:
            if error.code != _FAULT and (error.status or 400) < 500:
                self.changes.remove(operation)
            raise

    def fit(self, service: str, operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """See :class:`Call`."""
        return self._call.fit(service, operation, values)

    def at(self, region: str) -> Call:
        """See :class:`Call`."""
        return Watched(self._call.at(region), self.changes)
