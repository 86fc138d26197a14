"""A container's folder on this machine: its socket, its output, its code and its /tmp."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator.driver import mounts
from emulator.driver.conventions import USER_NAME
from emulator.driver.disks import Disks
from emulator.driver.docker.create_request import Mount, user_id
from emulator.driver.docker.paths import CODE, LAYERS, RUN
from emulator.driver.instance import remove_folder
from emulator.driver.languages.table import sdk_of
from emulator.model.errors import ConfigurationError, DriverFault

#: Bytes of a Unix socket's path, less the final zero (sockaddr_un).
_LONGEST_SOCKET = 107


class Workspace:
    """The folder of one container. Everything in it may be seen by its function."""

    def __init__(self, root: Path, number: int) -> None:
        self.root, self.number = root, number
        self.run, self.code, self.layers = root / "run", root / "task", root / "opt"
        self.temporary = root / "tmp"
        for folder in (self.run, self.code, self.layers, self.temporary):
            folder.mkdir(parents=True)
            folder.chmod(0o755)
        user = user_id(number)
        entry = f"{USER_NAME}:x:{user}"
        (root / "passwd").write_text(
            f"root:x:0:0:root:/root:/sbin/nologin\n{entry}:{user}::/tmp:/sbin/nologin\n"
        )
        (root / "group").write_text(f"root:x:0:\n{entry}:\n")
        #: The sized disk mounted at /tmp, as a detached mount; None where it is a volume.
        self.disk: int | None = None

    def open_output(self) -> int:
        """Make a fresh pipe for the runtime's output and return its readable end."""
        path = self.run / "output"
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        path.chmod(0o666)
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def listen(self) -> socket.socket:
        """Return a fresh listener for the one connection of the container's bootstrap."""
        path = self.run / "control.sock"
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listener.setblocking(False)
            listener.bind(str(path))
            path.chmod(0o666)
            listener.listen(1)
        except BaseException:
            listener.close()
            raise
        return listener

    def users(self) -> list[Mount]:
        """Return the mounts that give the container's user AWS's name."""
        return [
            Mount(target=f"/etc/{name}", source=str(self.root / name), bind=True, read_only=True)
            for name in ("passwd", "group")
        ]

    def mounts(self) -> list[Mount]:
        """Return the mounts of a stem cell, which gets its code later."""
        return [
            Mount(target=RUN, source=str(self.run), bind=True, read_only=True),
            Mount(target=CODE, source=str(self.code), bind=True, read_only=True),
            Mount(target=LAYERS, source=str(self.layers), bind=True, read_only=True),
        ]


class LocalFiles:
    """Shows files of this machine to containers of an engine on this machine.

    Args:
        base: A folder of this instance alone.
        privileged: May mount (:func:`emulator.driver.mounts.available`).
    """

    def __init__(self, base: Path, *, privileged: bool) -> None:
        longest = base / "000000" / "run" / "control.sock"
        if len(os.fsencode(longest)) > _LONGEST_SOCKET:
            raise ConfigurationError(f"{base} is too long a path for sockets: choose a shorter one")
        self._base = base
        self._privileged = privileged
        self._thread = mounts.entering_executor() if privileged else ThreadPoolExecutor(1)
        self._count = 0
        self._merged: dict[tuple[Path, ...], asyncio.Task[Path]] = {}
        self._sdks: dict[str, asyncio.Task[Path]] = {}
        self._disks = Disks(base / "disks") if privileged and Disks.available() else None

    @property
    def sized(self) -> bool:
        """/tmp has the size that was asked for."""
        return self._disks is not None

    async def make(self, storage_mb: int) -> Workspace:
        """Make a container's folder, and where it can be had the disk for its /tmp.

        The disk is mounted at ``temporary`` until :meth:`hide_disk`.
        """
        self._count += 1
        workspace = Workspace(self._base / f"{self._count:06}", self._count)
        if self._disks is not None:
            workspace.disk = await self._disks.make(storage_mb)
            await self.show_disk(workspace)
        return workspace

    async def exchange_disk(self, workspace: Workspace, pid: int, storage_mb: int) -> None:
        """Give a running container's /tmp another size: a new disk, above the old one.

        Raises:
            DriverFault: It can't be had.
        """
        if self._disks is not None:
            await self._show(workspace, pid, await self._disks.make(storage_mb))

    async def hand_over_disk(self, old: Workspace, new: Workspace, pid: int) -> None:
        """Give the disk of one container, which has ended, to another one that runs.

        Raises:
            DriverFault: It can't be.
        """
        if self._disks is not None and old.disk is not None:
            disk, old.disk = old.disk, None
            await self._disks.give(disk, user_id(new.number))
            await self._show(new, pid, disk)

    async def _show(self, workspace: Workspace, pid: int, disk: int) -> None:
        assert self._disks is not None
        unused, workspace.disk = workspace.disk, await self._disks.show(disk, pid)
        if unused is not None:
            await self._disks.drop(unused)

    async def show_disk(self, workspace: Workspace) -> None:
        """Mount the disk at ``temporary``: a container that is about to start takes it."""
        if self._disks is not None and workspace.disk is not None:
            disk, workspace.disk = workspace.disk, None
            workspace.disk = await self._disks.mount(disk, workspace.temporary)

    async def hide_disk(self, workspace: Workspace) -> None:
        """Take the disk from ``temporary``: the container has its own view of it by now."""
        if self._disks is not None and workspace.disk is not None:
            await self._disks.unmount(workspace.temporary)

    async def fill(
        self, workspace: Workspace, pid: int, code: Path | None, layers: Sequence[Path]
    ) -> None:
        """Show code and layers in a running container.

        Raises:
            DriverFault: They can't be shown.
        """
        opt = await self.merged(layers)
        try:
            if self._privileged:
                folders = [(source, at) for source, at in ((code, CODE), (opt, LAYERS)) if source]
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._thread, mounts.attach, pid, folders)
                return
            for source, target in ((code, workspace.code), (opt, workspace.layers)):
                if source is not None:
                    await asyncio.to_thread(_link_tree, source, target)
        except OSError as error:
            raise DriverFault(f"the code can't be mounted in its container: {error}") from error

    async def merged(self, layers: Sequence[Path]) -> Path | None:
        """Return one folder with all layers in it, later ones above earlier ones."""
        if len(layers) < 2:
            return layers[0] if layers else None
        key = tuple(layers)
        if key not in self._merged:
            name = hashlib.sha256("\0".join(map(str, key)).encode()).hexdigest()[:16]
            self._merged[key] = asyncio.ensure_future(
                asyncio.to_thread(_merge, key, self._base / f"layers-{name}")
            )
        try:
            return await asyncio.shield(self._merged[key])
        except OSError as error:
            del self._merged[key]
            raise DriverFault(f"the layers can't be merged: {error}") from error

    async def sdk(self, language: str) -> Path:
        """Return a folder with the AWS SDK of a language."""
        if language not in self._sdks:
            gathering = asyncio.to_thread(_gather, language, self._base / f"sdk-{language}")
            self._sdks[language] = asyncio.ensure_future(gathering)
        return await asyncio.shield(self._sdks[language])

    async def remove(self, workspace: Workspace) -> None:
        """Remove a container's folder once the container is gone."""
        if self._disks is not None and workspace.disk is not None:
            disk, workspace.disk = workspace.disk, None
            await self._disks.drop(disk)
        await asyncio.to_thread(remove_folder, workspace.root)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        if self._disks is not None:
            self._disks.close()
        remove_folder(self._base)


def _gather(language: str, target: Path) -> Path:
    """Make a folder of a language's AWS SDK."""
    target.mkdir()
    for source, name in sdk_of(language):
        if source.is_dir():
            _link_tree(source, target / name)
        else:
            shutil.copy2(source, target / name)
    return target


def _merge(layers: Sequence[Path], target: Path) -> Path:
    target.mkdir(exist_ok=True)
    for layer in layers:
        _link_tree(layer, target)
    return target


def _link_tree(source: Path, target: Path) -> None:
    """Make ``target`` show the files of ``source``; what was there under a name gives way."""
    target.mkdir(exist_ok=True)
    shutil.copymode(source, target)
    with os.scandir(source) as entries:
        for entry in entries:
            there = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                if there.is_symlink() or there.is_file():
                    there.unlink()
                _link_tree(Path(entry.path), there)
                continue
            if there.is_dir() and not there.is_symlink():
                shutil.rmtree(there)
            there.unlink(missing_ok=True)
            try:
                os.link(entry.path, there, follow_symlinks=False)
            except OSError:  # another file system, or one without hard links
                shutil.copy2(entry.path, there, follow_symlinks=False)
