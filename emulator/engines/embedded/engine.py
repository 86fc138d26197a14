"""The process of the embedded library, as the emulator sees it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emulator.engines.base import EngineRequest, EngineResponse, EngineUnavailable
from emulator.engines.child import Child
from emulator.model.clock import Clock

#: How the library is installed.
INSTALL = "pip install 'localfaas[aws]'"
_MODULE = "emulator.engines.embedded.process"


def is_installed() -> bool:
    """Say whether the embedded library is there, without importing it."""
    return find_spec("moto") is not None


class EmbeddedEngine:
    """Satisfies :class:`emulator.engines.base.Engine`.

    Args:
        folder: Where its journal is kept.
        clock: The clock.
        announce: Told before it is started.
    """

    def __init__(self, folder: Path, clock: Clock, announce: Callable[[], None]) -> None:
        self._folder = folder
        self._child = Child(_MODULE, (str(folder),), clock, announce)

    @property
    def pid(self) -> int | None:
        """Its process's id; None while there is none."""
        return self._child.pid

    @property
    def has_kept(self) -> bool:
        """Whether its journal has something."""
        return self._folder.exists()

    async def request(self, request: EngineRequest) -> EngineResponse | None:
        """See :class:`emulator.engines.base.Engine`."""
        return await self._child.request(request)

    async def describe(self) -> dict[str, Any]:
        """Return what it serves so far: {service: {"requests": …, "lasts": …}}.

        It is not started for that.
        """
        if self._child.pid is None:
            return {}
        try:
            answer, _ = await self._child.ask({"do": "describe"})
        except EngineUnavailable:
            return {}
        found: dict[str, Any] = answer["services"]
        return found

    async def reset(self, account: str | None) -> None:
        """Forget everything, or what one account has made."""
        if account is None and self._child.pid is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        elif self.has_kept or self._child.pid is not None:
            await self._child.ask({"do": "reset", "account": account})

    async def close(self) -> None:
        """End its process."""
        await self._child.close()
