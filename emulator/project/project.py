"""The user's project: its functions and resources, kept in step with the folder."""

from __future__ import annotations

import asyncio

from emulator.model.console import Console
from emulator.model.errors import ConfigurationError
from emulator.project.declared import DeclaredResources
from emulator.project.folder import Folder
from emulator.project.watching import Watching


class Project:
    """A :class:`Folder` and what it declares beside functions.

    Args:
        folder: The user's.
        resources: Makes what it declares.
        console: Told of reloads, and of what could not be done.
    """

    def __init__(self, folder: Folder, resources: DeclaredResources, console: Console) -> None:
        self.folder = folder
        self.resources = resources
        self._console = console
        self._watching: Watching | None = None
        self._applying: set[asyncio.Task[None]] = set()

    async def apply(self) -> None:
        """Make what the folder declares now.

        Raises:
            ConfigurationError: AWS would refuse a part; the other parts are made all the same.
        """
        await self.resources.apply(self.folder.contents)

    async def apply_anew(self) -> None:
        """Make again what the folder declares, after all of it was removed.

        Raises:
            ConfigurationError: As :meth:`apply`.
        """
        self.folder.declare_anew()
        await self.apply()

    async def watch(self) -> None:
        """Follow the folder's changes from now on."""
        self._watching = Watching(self.folder, console=self._console, follow=self._follow)
        self._watching.start()

    async def stop_watching(self) -> None:
        """Follow no changes any more."""
        if self._watching is not None:
            await self._watching.stop()

    async def close(self) -> None:
        """Follow no changes any more, and give up what is being made."""
        await self.stop_watching()
        for task in self._applying:
            task.cancel()
        await asyncio.gather(*self._applying, return_exceptions=True)

    def _follow(self) -> None:
        task = asyncio.get_running_loop().create_task(self._apply_again())
        self._applying.add(task)
        task.add_done_callback(self._applying.discard)

    async def _apply_again(self) -> None:
        try:
            await self.apply()
        except ConfigurationError as error:
            self._console.warn(str(error))
