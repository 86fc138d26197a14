"""Has a service keep what the emulator measures of itself, where nobody asks for it in time."""

from __future__ import annotations

import logging

from emulator.model.clock import Timer
from emulator.model.errors import LocalfaasError
from emulator.services.context import Parts

log = logging.getLogger(__name__)

#: Seconds after which measurements are kept, where the state lasts.
_PATIENCE_S = 60.0


class MetricsKeeper:
    """Keeps measurements a minute later, where they are to outlive a restart; and when it is much.

    Args:
        parts: The emulator's.
        keeper: The service whose state keeps them, by the name of its model.
    """

    def __init__(self, parts: Parts, keeper: str) -> None:
        self._parts, self._keeper = parts, keeper
        self._timer: Timer | None = None
        self._is_busy = False
        self._closed = False
        own = parts.own_metrics
        own.on_full.append(self._keep)
        if parts.documents.lasting:
            own.on_first.append(self._wait)

    def _wait(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._parts.clock.call_later(_PATIENCE_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._keep()

    def _keep(self) -> None:
        if not self._is_busy and not self._closed:
            self._is_busy = True
            self._parts.spawn(self._kept())

    async def _kept(self) -> None:
        try:
            state = await self._parts.table.state(self._keeper)
            await state.settle()
        except (LocalfaasError, LookupError) as error:
            log.error("what the emulator measures of itself was not kept: %s", error)
        finally:
            self._is_busy = False

    async def close(self) -> None:
        """Keep what is there, where it is to outlive a restart."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            await self._kept()
