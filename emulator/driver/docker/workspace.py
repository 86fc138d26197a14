"""A container's folder on this machine: its socket, its output, its code and its /tmp."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from emulator.driver import mounts
from emulator.driver.docker.body import (
    CODE,
    LAYERS,
    RUN,
    TEMPORARY,
    USER_NAME,
    Mount,
    user_id,
)
from emulator.model.errors import ConfigurationError, DriverFault

#: Bytes of a Unix socket's path, less the final zero (sockaddr_un).
_LONGEST_SOCKET = 107
#: What ext4 itself takes of a disk: about 4 %, and some megabytes of a small one.
_OVERHEAD = (1.04, 12)


#: What `import boto3` needs; nothing else of the emulator's own packages is shown.
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


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
        self._mkfs = shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        self._thread = mounts.entering_executor() if privileged else ThreadPoolExecutor(1)
        self._count = 0
        self._templates: dict[int, asyncio.Task[Path]] = {}
        self._merged: dict[tuple[Path, ...], asyncio.Task[Path]] = {}
        self._sdk: asyncio.Task[Path | None] | None = None
        #: /tmp has the size that was asked for.
        self.sized = privileged and self._mkfs is not None and Path("/dev/loop-control").exists()

    async def make(self, storage_mb: int) -> Workspace:
        """Make a container's folder, and where it can be had the disk for its /tmp.

        The disk is mounted at ``temporary`` until :meth:`hide`.
        """
        self._count += 1
        workspace = Workspace(self._base / f"{self._count:06}", self._count)
        if self.sized:
            await self._disk(workspace, storage_mb)
        return workspace

    async def _disk(self, workspace: Workspace, storage_mb: int) -> None:
        if storage_mb not in self._templates:
            self._templates[storage_mb] = asyncio.ensure_future(self._template(storage_mb))
        template = await self._templates[storage_mb]
        image = workspace.root / "disk"

        def mount() -> None:
            _copy_sparse(template, image)
            try:
                mounts.mount_disk(image, workspace.temporary)
            finally:
                image.unlink()
            workspace.temporary.chmod(0o1777)
            (workspace.temporary / "lost+found").rmdir()
            workspace.disk = mounts.clone(workspace.temporary)

        try:
            await self._run(mount)
        except OSError as error:
            raise DriverFault(f"no disk for /tmp can be had: {error}") from error

    async def _template(self, storage_mb: int) -> Path:
        factor, extra = _OVERHEAD
        path = self._base / f"{storage_mb}.ext4"
        with path.open("wb") as file:
            file.truncate(int(storage_mb * factor + extra) << 20)
        # No journal: nobody needs a /tmp after a power cut.
        making = await asyncio.create_subprocess_exec(
            str(self._mkfs), "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard",
            str(path), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, complaint = await making.communicate()
        if making.returncode:
            raise DriverFault(f"mkfs.ext4 failed: {complaint.decode(errors='replace').strip()}")
        return path

    async def exchange_disk(self, workspace: Workspace, pid: int, storage_mb: int) -> None:
        """Give a running container's /tmp another size: a new disk, above the old one."""
        if workspace.disk is None:
            return
        os.close(workspace.disk)
        await self._disk(workspace, storage_mb)
        await self._attach_disk(workspace, pid)

    async def hand_over_disk(self, old: Workspace, new: Workspace, pid: int) -> None:
        """Give the disk of one container, which has ended, to another one that runs."""
        if old.disk is None or new.disk is None:
            return
        os.close(new.disk)
        new.disk, old.disk = old.disk, None
        await self.show_disk(new)
        await self._attach_disk(new, pid)

    async def _attach_disk(self, workspace: Workspace, pid: int) -> None:
        temporary = [(workspace.temporary, TEMPORARY)]
        try:
            await self._run(lambda: mounts.attach(pid, temporary, read_only=False))
        except OSError as error:
            raise DriverFault(f"/tmp can't be had in its container: {error}") from error
        await self.hide_disk(workspace)

    async def show_disk(self, workspace: Workspace) -> None:
        """Mount the disk at ``temporary`` again: a container that is about to start takes it."""
        if workspace.disk is None:
            return
        tree = workspace.disk

        def mount() -> None:
            mounts.move(tree, str(workspace.temporary))
            workspace.disk = mounts.clone(workspace.temporary)
            os.close(tree)

        await self._run(mount)

    async def hide_disk(self, workspace: Workspace) -> None:
        """Take the disk from ``temporary``: the container has its own view of it by now."""
        if workspace.disk is not None:
            await self._run(lambda: mounts.unmount(workspace.temporary))

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
                await self._run(lambda: mounts.attach(pid, folders))
                return
            for source, target in ((code, workspace.code), (opt, workspace.layers)):
                if source is not None:
                    await asyncio.to_thread(_link_tree, source, target)
        except OSError as error:
            raise DriverFault(f"the code can't be shown in its container: {error}") from error

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

    async def sdk(self) -> Path | None:
        """Return a folder with the AWS SDK for Python, None where it is not installed."""
        if self._sdk is None:
            self._sdk = asyncio.ensure_future(
                asyncio.to_thread(_gather, SDK, self._base / "sdk-python")
            )
        return await asyncio.shield(self._sdk)

    async def remove(self, workspace: Workspace) -> None:
        """Remove a container's folder once the container is gone."""
        if workspace.disk is not None:
            os.close(workspace.disk)
            workspace.disk = None
        await asyncio.to_thread(remove_folder, workspace.root)

    async def _run(self, call: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call)  # type: ignore[arg-type]

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        remove_folder(self._base)


def remove_folder(folder: Path) -> None:
    """Remove a folder of ours, and never what is mounted below it."""
    for point in mounts.mounts_below(folder) if mounts.available() else ():
        mounts.unmount(point)
    shutil.rmtree(folder, ignore_errors=True)


def _gather(packages: Sequence[str], target: Path) -> Path | None:
    """Make a folder of installed Python packages."""
    target.mkdir()
    for name in packages:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            return None
        origin = Path(spec.origin)
        if spec.submodule_search_locations:
            _link_tree(origin.parent, target / name)
        else:
            shutil.copy2(origin, target / origin.name)
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
