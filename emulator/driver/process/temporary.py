"""/tmp of each sandbox: a disk of its own where this machine allows it, elsewhere a folder."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from emulator.driver.disks import Disks, give_tree
from emulator.driver.process.sandbox import ProcessSandbox

#: The size of a stem cell's disk: what functions have that do not say, MB.
_STEM_SIZE_MB = 512


@dataclass(slots=True)
class Tmp:
    """A sandbox's future /tmp: a folder of this machine, or a disk that was made ahead of use."""

    folder: Path | None = None
    disk: int | None = None
    #: It was another sandbox's before, with files in it.
    used: bool = False


class Temporary:
    """Makes, hands on and removes what sandboxes have at /tmp.

    Args:
        state: The driver's folder.
        disks: Makes disks; None where there can be none.
    """

    def __init__(self, state: Path, disks: Disks | None = None) -> None:
        self._folder = state / "tmp"
        self._disks = disks
        self._showing: set[asyncio.Task[None]] = set()

    @property
    def sized(self) -> bool:
        """Whether a /tmp has the size that its function asks for."""
        return self._disks is not None

    def take(self, before: ProcessSandbox | None) -> Tmp:
        """Return what ``before`` had, or something new."""
        tmp = Tmp() if before is None else _taken_from(before)
        if tmp.folder is None and self._disks is None:
            tmp.folder = self._folder / secrets.token_hex(8)
            tmp.folder.mkdir(parents=True)
            tmp.folder.chmod(0o1777)
        return tmp

    async def show(self, sandbox: ProcessSandbox, tmp: Tmp, size_mb: int) -> None:
        """See to it that ``sandbox``, which may be on its way still, has ``tmp`` at /tmp.

        Raises:
            DriverFault: The machine could not make a disk.
        """
        sandbox.tmp = tmp.folder
        if tmp.used and tmp.folder is not None and sandbox.uid is not None:
            # A reset sandbox has another user id.
            await asyncio.to_thread(give_tree, tmp.folder, sandbox.uid)
        has_one = tmp.disk is None and sandbox.disk is not None and size_mb == _STEM_SIZE_MB
        if self._disks is None or has_one:
            return
        # Not cancelled with its caller: the disk is a descriptor that nothing else would close.
        showing = asyncio.get_running_loop().create_task(
            self._show_disk(sandbox, self._disks, tmp.disk, size_mb)
        )
        self._showing.add(showing)
        showing.add_done_callback(self._showing.discard)
        await asyncio.shield(showing)

    def make_below(self, folder: Path, sandbox: ProcessSandbox) -> str:
        """Give ``sandbox`` a new folder within another's /tmp; returns its name."""
        name = f".{secrets.token_hex(8)}"
        sandbox.tmp = folder / name
        sandbox.tmp.mkdir()
        sandbox.tmp.chmod(0o1777)
        return name

    async def equip(self, stem: ProcessSandbox) -> None:
        """Give a stem cell ahead of its use what it will most likely need."""
        if self._disks is not None:
            await self.show(stem, Tmp(), _STEM_SIZE_MB)

    async def _show_disk(
        self, sandbox: ProcessSandbox, disks: Disks, kept: int | None, size_mb: int
    ) -> None:
        if kept is None:
            # While the sandbox is on its way to stand.
            kept = await disks.make(size_mb)
        elif sandbox.uid is not None:
            await disks.give(kept, sandbox.uid)
        await sandbox.standing
        if sandbox.exited.done():
            await disks.drop(kept)
            return
        unused, sandbox.disk = sandbox.disk, await disks.show(kept, sandbox.warden)
        if sandbox.released:  # stopped meanwhile: nobody else will let go of it
            unused, sandbox.disk = sandbox.disk, None
        if unused is not None:
            await disks.drop(unused)

    async def drop(self, tmp: Tmp) -> None:
        """Remove what no sandbox has got."""
        if tmp.folder is not None:
            await asyncio.to_thread(_remove_folder, tmp.folder)
        if tmp.disk is not None and self._disks is not None:
            await self._disks.drop(tmp.disk)

    async def remove(self, sandbox: ProcessSandbox) -> None:
        """Remove what ``sandbox`` had, once nothing of it runs any more."""
        await self.drop(_taken_from(sandbox))

    async def close(self) -> None:
        """End what is under way, and all there is for making disks."""
        # The callers that wait for these tasks get their errors.
        await asyncio.gather(*self._showing, return_exceptions=True)
        if self._disks is not None:
            await asyncio.to_thread(self._disks.close)
            self._disks = None


def _taken_from(sandbox: ProcessSandbox) -> Tmp:
    tmp = Tmp(sandbox.tmp, sandbox.disk, used=True)
    sandbox.tmp = sandbox.disk = None
    return tmp


def _remove_folder(folder: Path) -> None:
    """Remove what a function has left, also from folders it has locked."""
    with suppress(OSError):
        folder.rmdir()
        return
    for root, folders, _ in os.walk(folder):
        for name in folders:
            with suppress(OSError):
                path = os.path.join(root, name)
                if not stat.S_ISLNK(os.lstat(path).st_mode):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
