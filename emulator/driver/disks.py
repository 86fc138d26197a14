"""Disks of a given size for /tmp: sparse ext4 files, seen by nobody but their sandbox.

A tmpfs would be charged to the sandbox's memory. A disk is made by copying an empty one, mounted
by a loop device that frees itself, and held as a detached mount: nothing is mounted on the host,
and nothing is left once the descriptors are closed, even by a ``kill -9``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from emulator.driver import mounts
from emulator.model.errors import DriverFault

#: The share of a disk that ext4 itself takes: about 4 %, and some megabytes of a small one.
_OVERHEAD = (1.04, 12)
_MAKERS = 4
_TMP = "/tmp"
T = TypeVar("T")


class Disks:
    """Makes disks and shows them at a sandbox's /tmp, in threads of its own.

    Args:
        folder: For templates and for disks on their way.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mkfs = _mkfs()
        #: The only thread that enters other mount namespaces.
        self._entering = mounts.entering_executor()
        #: To make a disk, and to let go of one, is to wait for the kernel: several at a time.
        self._makers = ThreadPoolExecutor(_MAKERS, thread_name_prefix="disks")
        self._making_template = Lock()
        self._numbers = count(1)

    @staticmethod
    def available() -> bool:
        """Say whether this process can make and mount disks."""
        return mounts.available() and _mkfs() is not None and Path("/dev/loop-control").exists()

    async def make(self, size_mb: int) -> int:
        """Return a new, empty disk as a detached mount.

        Raises:
            DriverFault: The machine could not make one.
        """
        return await self._run(self._makers, self._make, size_mb)

    async def show(self, disk: int, pid: int) -> int:
        """Mount ``disk`` at /tmp of the mount namespace of ``pid``; it is used up.

        Returns:
            The same disk, for its next user.

        Raises:
            DriverFault: The kernel refused, or the process is gone.
        """
        return await self._run(self._entering, mounts.place, pid, disk, _TMP)

    async def mount(self, disk: int, folder: Path) -> int:
        """Mount ``disk`` at a folder of this machine, for a container to take; it is used up.

        Returns:
            The same disk, for its next user.

        Raises:
            DriverFault: The kernel refused.
        """
        return await self._run(self._entering, _attach, disk, folder)

    async def unmount(self, folder: Path) -> None:
        """Take a disk away from where :meth:`mount` put it; who has it keeps it."""
        await self._run(self._entering, mounts.unmount, folder)

    async def give(self, disk: int, uid: int) -> None:
        """Make ``uid`` the owner of all that is on ``disk``."""
        await self._run(self._entering, give_tree, Path(f"/proc/self/fd/{disk}"), uid)

    async def drop(self, disk: int) -> None:
        """Let go of a disk; unmounting it may write, so not on the loop."""
        await self._run(self._makers, os.close, disk)

    def close(self) -> None:
        for threads in (self._entering, self._makers):
            threads.shutdown(wait=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _run(self, threads: Executor, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, call, *arguments)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip()
            raise DriverFault(f"no disk for /tmp: {said or error}") from error
        except OSError as error:
            raise DriverFault(f"no disk for /tmp: {error}") from error

    def _make(self, size_mb: int) -> int:
        template = self._folder / f"{size_mb}.ext4"
        with self._making_template:
            if not template.exists():
                self._make_template(template, size_mb)
        image = self._folder / f"disk-{next(self._numbers)}"
        try:
            _copy_sparse(template, image)
            return mounts.open_disk(image)
        finally:
            image.unlink(missing_ok=True)

    def _make_template(self, path: Path, size_mb: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        factor, extra = _OVERHEAD
        unfinished = path.with_suffix(".new")
        # No journal: nobody needs a /tmp after a power cut.
        command = [str(self._mkfs), "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard"]
        try:
            with unfinished.open("wb") as file:
                file.truncate(int(size_mb * factor + extra) << 20)
            subprocess.run([*command, str(unfinished)], check=True, capture_output=True)
            disk = mounts.open_disk(unfinished)
            try:
                root = Path(f"/proc/self/fd/{disk}")
                (root / "lost+found").rmdir()
                root.chmod(0o1777)
            finally:
                os.close(disk)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _mkfs() -> str | None:
    return shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _attach(disk: int, folder: Path) -> int:
    try:
        mounts.move(disk, str(folder))
    finally:
        os.close(disk)
    return mounts.clone(folder)


def give_tree(folder: Path, uid: int) -> None:
    """Make ``uid`` the owner of what is in ``folder``. Blocks.

    Raises:
        OSError: The kernel refused.
    """
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                os.lchown(os.path.join(root, name), uid, uid)


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy a file with holes, holes included."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        writer.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(reader.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole until the end
                return
            end = os.lseek(reader.fileno(), at, os.SEEK_HOLE)
            reader.seek(at)
            writer.seek(at)
            writer.write(reader.read(end - at))
            at = end
