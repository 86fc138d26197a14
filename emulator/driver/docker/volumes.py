"""Files for an engine that can't see this machine's: shipped once, by content, into its volumes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.driver.archives import Archive, Signature, Source, pack, signature
from emulator.driver.docker.create_request import CreateRequest, Mount
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.images import Plan
from emulator.driver.docker.paths import BOOTSTRAP, CODE, LAYERS, RUNTIME
from emulator.driver.languages.table import sdk_of
from emulator.model.errors import DriverFault

#: Code of up to this size, packed, is rather written into a stem cell each time: that takes less
#: than the start of a container.
SMALL = 4 << 20


class ShippedFiles:
    """Keeps code, layers and bootstraps in volumes of the engine.

    Args:
        engine: Where to.
        folder: Of this instance, for what is packed.
        prefix: Of the volumes' names; this instance's own.
        labels: Of the volumes.
        bootstraps: The folder with a folder of bootstraps per language.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        prefix: str,
        labels: Mapping[str, str],
        bootstraps: Path,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._prefix = prefix
        self._labels = dict(labels)
        self._bootstraps = bootstraps
        self._packed: dict[tuple[Source, ...], tuple[Signature, Archive]] = {}
        self._packing: defaultdict[tuple[Source, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shipping: dict[str, asyncio.Task[str]] = {}
        self._runtimes: dict[str, asyncio.Future[list[Archive]]] = {}

    async def archives(
        self, code: Path | None, layers: Sequence[Path]
    ) -> list[tuple[str, Archive]]:
        """Return code and layers, packed, with the folders they belong in.

        Raises:
            DriverFault: They can't be read.
        """
        found = []
        for target, folders in ((CODE, [code] if code else []), (LAYERS, list(layers))):
            if folders:
                found.append((target, await self._pack([(folder, "") for folder in folders])))
        return found

    async def mounts(self, plan: Plan, code: Path | None, layers: Sequence[Path]) -> list[Mount]:
        """Return the mounts that show code and layers; ship what is not there yet.

        Raises:
            DriverFault: They can't be read, or the engine did not take them.
        """
        return [
            await self._mount(plan, target, archive)
            for target, archive in await self.archives(code, layers)
        ]

    async def runtime(self, plan: Plan, *, sdk: bool) -> list[Mount]:
        """Return the mounts of our own bootstrap, and of the AWS SDK with ``sdk``.

        Raises:
            DriverFault: As for ``mounts``.
        """
        # They do not change while the emulator runs: no need to look at thousands of files twice.
        key = f"{plan.language}-{sdk}"
        if key not in self._runtimes:
            sources: list[list[Source]] = [[(self._bootstraps / plan.language, "")]]
            if sdk:
                sources.append(sdk_of(plan.language))
            self._runtimes[key] = asyncio.gather(*map(self._pack, sources))
        archives = await asyncio.shield(self._runtimes[key])
        return [
            await self._mount(plan, target, archive)
            for target, archive in zip((BOOTSTRAP, RUNTIME), archives, strict=False)
        ]

    async def packages(self, plan: Plan, target: str, sources: Sequence[Source]) -> list[Mount]:
        """Return the mount of folders of this machine, by their names in ``target``.

        Raises:
            DriverFault: As for ``mounts``.
        """
        if not sources:
            return []
        return [await self._mount(plan, target, await self._pack(sources))]

    async def put(self, container: str, archives: Sequence[tuple[str, Archive]]) -> None:
        """Write archives into volumes of a running container.

        Raises:
            DriverFault: The engine did not take them.
        """
        await asyncio.gather(
            *(self._engine.put_archive(container, target, each.file) for target, each in archives)
        )

    async def _pack(self, sources: Sequence[Source]) -> Archive:
        key = tuple(sources)
        try:
            # What is asked for by many at once is packed once.
            async with self._packing[key]:
                found = await asyncio.to_thread(signature, sources)
                known = self._packed.get(key)
                if known is None or known[0] != found:
                    self._folder.mkdir(exist_ok=True)
                    known = found, await asyncio.to_thread(pack, sources, self._folder)
                    self._packed[key] = known
        except OSError as error:
            raise DriverFault(f"the code can't be packed for the engine: {error}") from error
        return known[1]

    async def _mount(self, plan: Plan, target: str, archive: Archive) -> Mount:
        digest = archive.digest
        if digest not in self._shipping:
            shipping = self._ship(plan, archive, f"{self._prefix}-{digest}")
            self._shipping[digest] = asyncio.ensure_future(shipping)
        try:
            volume = await asyncio.shield(self._shipping[digest])
        except BaseException:
            if digest in self._shipping and self._shipping[digest].done():
                del self._shipping[digest]
            raise
        return Mount(target=target, source=volume, read_only=True, empty=True)

    async def _ship(self, plan: Plan, archive: Archive, volume: str) -> str:
        await self._engine.create_volume(volume, self._labels)
        request = CreateRequest(
            image=plan.image,
            entrypoint=["/never-started"],
            command=[],
            labels=self._labels,
            mounts=[Mount(target=CODE, source=volume, empty=True)],
            network="none",
            number=0,
        )
        # A container takes files without ever being started; its root may be read-only.
        carrier = await self._engine.create(f"{volume}-carrier", request.body(), plan.platform)
        try:
            await self._engine.put_archive(carrier, CODE, archive.file)
        finally:
            await self._engine.remove(carrier)
        return volume

    async def close(self) -> None:
        """Remove the volumes.

        Raises:
            DriverFault: The engine did not.
        """
        tasks = list(self._shipping.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for digest in self._shipping:
            await self._engine.remove_volume(f"{self._prefix}-{digest}")
