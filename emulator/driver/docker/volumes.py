"""Code for an engine that can't see this machine's files: shipped once, by content hash."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.driver.docker.body import CODE, LAYERS, Mount, Request, body
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.images import Plan


class ShippedFiles:
    """Keeps code and layers in volumes of the engine.

    Args:
        engine: Where to.
        prefix: Of the volumes' names; this instance's own.
        labels: Of the volumes.
    """

    def __init__(self, engine: Engine, prefix: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._prefix = prefix
        self._labels = dict(labels)
        self._shipping: dict[str, asyncio.Task[str]] = {}

    async def mounts(self, plan: Plan, code: Path | None, layers: Sequence[Path]) -> list[Mount]:
        """Return the mounts that show code and layers; ship what is not there yet.

        Raises:
            DriverFault: The engine did not take them.
        """
        found = []
        for target, folders in ((CODE, [code] if code else []), (LAYERS, list(layers))):
            if folders:
                volume = await self._volume(plan, folders)
                found.append(Mount(target=target, source=volume, read_only=True))
        return found

    async def _volume(self, plan: Plan, folders: list[Path]) -> str:
        archive = await asyncio.to_thread(_archive, folders)
        digest = hashlib.sha256(archive).hexdigest()[:32]
        if digest not in self._shipping:
            task = asyncio.ensure_future(self._ship(plan, archive, f"{self._prefix}-{digest}"))
            self._shipping[digest] = task
        try:
            return await asyncio.shield(self._shipping[digest])
        except BaseException:
            if self._shipping[digest].done():
                self._shipping.pop(digest, None)
            raise

    async def _ship(self, plan: Plan, archive: bytes, volume: str) -> str:
        await self._engine.create_volume(volume, self._labels)
        request = Request(
            image=plan.image,
            entrypoint=["/never-started"],
            command=[],
            labels=self._labels,
            mounts=[Mount(target=CODE, source=volume)],
            network="none",
            number=0,
        )
        # A container takes files without ever being started; its root may be read-only.
        carrier = await self._engine.create(f"{volume}-carrier", body(request), plan.platform)
        try:
            await self._engine.put_archive(carrier, CODE, archive)
        finally:
            await self._engine.remove(carrier)
        return volume

    async def close(self) -> None:
        """Remove the volumes."""
        for task in self._shipping.values():
            if not task.done():
                task.cancel()
            elif not task.cancelled() and task.exception() is None:
                await self._engine.remove_volume(task.result())


def _archive(folders: Sequence[Path]) -> bytes:
    """Return a tar of all folders, laid over each other, the same for the same content."""
    entries: dict[str, Path] = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names.sort()
            for name in [*names, *files]:
                path = Path(parent) / name
                entries[str(path.relative_to(folder))] = path
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(entries):
            member = tar.gettarinfo(str(entries[name]), name)
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = 0
            if member.isreg():
                with entries[name].open("rb") as file:
                    tar.addfile(member, file)
            else:
                tar.addfile(member)
    return buffer.getvalue()
