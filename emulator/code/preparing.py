"""What a version needs before it starts: its packages, and its code as it is to run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from emulator.code.packages import Packages
from emulator.code.typescript import TypeScript
from emulator.model.console import Console
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.sandbox import Prepared

#: Returns what a version needs, once it is there.
Prepare = Callable[[FunctionVersion], Awaitable[Prepared]]


class Preparation:
    """Prepares versions, each once.

    Args:
        packages: Installs what they want installed.
        typescript: Builds what has to be built.
        console: Told what could not be prepared ahead of use.
    """

    def __init__(self, packages: Packages, typescript: TypeScript, *, console: Console) -> None:
        self._packages, self._typescript = packages, typescript
        self._console = console

    async def prepare(self, version: FunctionVersion) -> Prepared:
        """Return what a version needs.

        Raises:
            DriverFault: It can't be had; the next call tries again.
        """
        layer = await self._packages.layer(version)
        return Prepared(layer, await self._typescript.build(version, layer))

    async def ahead(self, versions: Iterable[FunctionVersion]) -> None:
        """Prepare ``versions`` ahead of use; warn if that fails."""
        for version in versions:
            try:
                await self.prepare(version)
            except DriverFault as fault:
                self._console.warn(str(fault))

    async def close(self) -> None:
        """Cancel what is being installed."""
        await self._packages.close()
