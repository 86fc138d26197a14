"""The Docker engine as the driver sees it: plain values, on a private executor, with time limits.

The Docker SDK blocks, so it runs on a few threads of its own, and it is imported there, on
first use. None of its objects and none of its exceptions leave this module.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import os
import socket
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.driver.docker import capabilities
from emulator.driver.docker.address import EngineAddress
from emulator.driver.docker.client import make_client
from emulator.driver.docker.long_operation import LongOperation
from emulator.driver.docker.responses import (
    AttachedOutput,
    ContainerState,
    EngineFault,
    EngineInfo,
    ImageInfo,
    ListedContainer,
    translated,
)
from emulator.driver.docker.tunnel import Tunnel

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")

#: Seconds the engine has for one answer. Twenty containers asked for at once take about four.
TIMEOUT = 30.0
#: Beyond that: what a call may wait for a free thread.
_QUEUE = 5.0
#: Seconds an upload of code has: 250 MB by a slow line.
_UPLOAD = 600.0
#: Media types that end like this are lists of images, one for each platform.
_LISTS = ("index.v1+json", "manifest.list.v2+json")
#: dockerd is the bottleneck: more threads make nothing faster.
_THREADS = 4


class Engine:
    """One engine.

    Args:
        address: Where it is.
        timeout: Seconds it has for one answer.
        environ: The variables ``ssh`` gets, where that is the way.
    """

    def __init__(
        self,
        address: EngineAddress,
        *,
        timeout: float = TIMEOUT,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.address = address
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._client: APIClient | None = None
        self._tunnel = Tunnel(address.url, environ) if address.scheme == "ssh" else None
        #: Its description, once it is open.
        self.info: EngineInfo

    async def open(self) -> EngineInfo:
        """Connect, and ask the engine what it is.

        Raises:
            EngineFault: No engine answers there.
        """
        await self._run(self.connect, self._timeout)
        self.info = await self._run(self.ask, self._timeout)
        return self.info

    def ask(self, seconds: float | None = None) -> EngineInfo:
        """Ask the engine what it is, once connected. Blocks.

        Raises:
            EngineFault: It refused, is gone, or took longer than ``seconds``.
        """
        assert self._client is not None
        if seconds is not None:
            self._client.timeout = int(seconds)
        with translated():
            self._reach()
            return capabilities.ask(self._client)

    def connect(self) -> None:
        """Make the SDK's client and ask the engine which API it speaks. Blocks.

        Raises:
            EngineFault: Nothing answers there.
        """
        with translated():
            self._client = make_client(self.address, self._reach(), self._timeout)

    def _reach(self) -> str:
        """Return where the engine answers, once somebody is found to listen there.

        The SDK leaves its socket open if nobody does, and says less.

        Raises:
            OSError: Nobody does.
            EngineFault: There is no way there.
        """
        url = self.address.url
        if self._tunnel is not None:
            logins = self._tunnel.logins
            url = self._tunnel.open()
            if self._client is not None and logins != self._tunnel.logins:
                self._client.close()  # the connections it kept for later calls
        if url.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(self._timeout)
                probe.connect(url.removeprefix("unix://"))
        return url

    async def call(self, function: Callable[[APIClient], T], *, seconds: float | None = None) -> T:
        """Run ``function`` with the SDK's client on the executor; it returns plain values.

        Raises:
            EngineFault: The engine refused, is gone, or took longer than ``seconds``.
        """

        def run() -> T:
            client = self._client
            if client is None:
                raise EngineFault("the Docker engine is not connected")
            with translated():
                self._reach()
                return function(client)

        return await self._run(run, seconds or self._timeout)

    async def _run(self, function: Callable[[], T], seconds: float) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            return await asyncio.wait_for(running, seconds + _QUEUE)
        except TimeoutError:
            raise EngineFault(f"the Docker engine did not answer in {seconds:g} s") from None

    def close(self) -> None:
        """Let go of the engine. Calls still running end on their own."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()
        if self._tunnel is not None:
            self._tunnel.close()

    # Containers

    async def create(
        self, name: str, config: dict[str, Any], platform: str | None, image_id: str = ""
    ) -> str:
        """Create a container from an Engine API body and return its id.

        Args:
            name: The container's name.
            config: The body, but for the platform.
            platform: The platform to run on, as the engine names it; None for its own.
            image_id: Of its image, whose name may have gone over to another platform's.
        """

        def create(client: APIClient) -> str:
            created = client.create_container_from_config(config, name, platform)  # type: ignore[no-untyped-call]
            return str(created["Id"])

        try:
            return await self.call(create)
        except EngineFault as error:
            if error.status != 404 or not image_id:
                raise
        config = config | {"Image": image_id}
        return await self.call(create)

    async def start(self, container: str) -> None:
        await self.call(lambda client: client.start(container))

    async def inspect(self, container: str) -> ContainerState:
        """Return what the engine says of a container."""
        found = await self.call(lambda client: client.inspect_container(container))
        state, networks = found["State"], found["NetworkSettings"]["Networks"] or {}
        return ContainerState(
            pid=int(state.get("Pid") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            addresses={
                name: network["IPAddress"]
                for name, network in networks.items()
                if network.get("IPAddress")
            },
            labels=found["Config"].get("Labels") or {},
        )

    async def wait(self, container: str, seconds: float) -> int:
        """Wait until the container has ended and return its exit status."""
        ended = await self.call(
            lambda client: client.wait(container, timeout=int(seconds)), seconds=seconds
        )
        return int(ended["StatusCode"])

    async def kill(self, container: str) -> None:
        """SIGKILL every process of the container; one that does not run is no error."""
        try:
            await self.call(lambda client: client.kill(container))
        except EngineFault as error:
            if error.status == 404 or "is not running" in str(error):
                return
            if "paused" not in str(error).lower():
                raise
            await self.unpause(container)
            await self.kill(container)

    async def signal(self, container: str, name: str) -> None:
        """Send the container's first process a signal; one that does not run is no error."""
        try:
            await self.call(lambda client: client.kill(container, signal=name))
        except EngineFault as error:
            if error.status != 404 and "is not running" not in str(error):
                raise

    async def remove(self, container: str) -> None:
        """Kill and remove the container with its own volumes; one that is gone is no error."""
        try:
            await self.call(lambda client: client.remove_container(container, v=True, force=True))
        except EngineFault as error:
            if error.status == 404 or "already in progress" in str(error):
                return
            raise

    async def pause(self, container: str) -> None:
        await self.call(lambda client: client.pause(container))

    async def unpause(self, container: str) -> None:
        """Let a paused container go on."""
        await self.call(lambda client: client.unpause(container))

    async def limit_memory(self, container: str, memory: int) -> None:
        """Limit a running container's memory, and its memory and swap together (bytes)."""
        await self.call(
            lambda client: client.update_container(
                container, mem_limit=memory, memswap_limit=memory
            )
        )

    async def limit_cpu(self, container: str, period: int, quota: int) -> None:
        """Limit a running container to ``quota`` of every ``period``, both in microseconds."""
        await self.call(
            lambda client: client.update_container(container, cpu_period=period, cpu_quota=quota)
        )

    async def attach(self, container: str) -> AttachedOutput:
        """Open the stream of a container's output. Before it starts, or some may be lost."""

        def attach(client: APIClient) -> AttachedOutput:
            return AttachedOutput.of(
                client.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1, "stdin": 0})
            )

        return await self.call(attach)

    async def execute(
        self, container: str, argv: Sequence[str], environ: Mapping[str, str]
    ) -> tuple[str, AttachedOutput]:
        """Start one more process in a container that runs; returns its id and its output."""

        def execute(client: APIClient) -> tuple[str, AttachedOutput]:
            made = client.exec_create(container, list(argv), environment=dict(environ), workdir="/")
            return made["Id"], AttachedOutput.of(client.exec_start(made["Id"], socket=True))

        return await self.call(execute)

    async def execution_status(self, run: str) -> int:
        """Return the exit status of a process that was started with :meth:`execute`."""
        ended = await self.call(lambda client: client.exec_inspect(run))
        return int(ended.get("ExitCode") or 0)

    async def files(self, container: str, folder: str) -> list[str]:
        """Return the names of the files in a folder of a container; none if it is not there."""

        def read(client: APIClient) -> list[str]:
            stream, _ = client.get_archive(container, folder)
            data = io.BytesIO(b"".join(stream))
            with tarfile.open(fileobj=data) as archive:
                names = [each.name for each in archive if not each.isdir()]
            return sorted(name.split("/")[1] for name in names if name.count("/") == 1)

        try:
            return await self.call(read)
        except EngineFault as error:
            if error.status == 404:
                return []
            raise

    async def head(self, container: str, path: str) -> tuple[int, bytes] | None:
        """Return mode and first bytes of a file in the container, None when it is not there."""

        def read(client: APIClient) -> tuple[int, bytes]:
            stream, _ = client.get_archive(container, path)
            data = b"".join(stream)
            # A tar of one file: its header, of which the mode is at 100, and the file.
            return int(data[100:108].rstrip(b" \0") or b"0", 8), data[512:1024]

        try:
            return await self.call(read)
        except EngineFault as error:
            if error.status == 404:
                return None
            raise

    async def containers(self, label: str) -> list[ListedContainer]:
        """List the containers, running or not, that carry ``label`` (``key`` or ``key=value``).

        All of them without one: to the engine, a filter for "" is one that no label meets.
        """
        filters = {"label": label} if label else {}
        found = await self.call(lambda client: client.containers(all=True, filters=filters))
        return [
            ListedContainer(
                id=one["Id"], labels=one.get("Labels") or {}, running=one["State"] == "running"
            )
            for one in found
        ]

    async def stats(self, container: str) -> dict[str, Any]:
        """Return one sample of the container's statistics, as the Engine API gives it."""

        def stats(client: APIClient) -> dict[str, Any]:
            sample: dict[str, Any] = client.stats(container, stream=False, one_shot=True)
            return sample

        return await self.call(stats)

    # Networks

    async def gateway(self, network: str) -> str:
        """Return the address of the host in ``network``, empty where it has none."""
        found = await self.call(lambda client: client.inspect_network(network))
        for config in (found.get("IPAM") or {}).get("Config") or ():
            subnet = ipaddress.ip_network(config.get("Subnet") or "::/0", strict=False)
            if subnet.version == 4:
                # The default bridge does not always name it: it is the first address then.
                gateway = str(config.get("Gateway") or subnet.network_address + 1)
                return gateway.split("/")[0]
        return ""

    # Images

    async def image(self, reference: str) -> ImageInfo | None:
        """Return what the engine knows of an image, None when it does not have it."""
        try:
            found = await self.call(lambda client: client.inspect_image(reference))  # type: ignore[no-untyped-call]
        except EngineFault as error:
            if error.status == 404:
                return None
            raise
        config = found.get("Config") or {}
        return ImageInfo(
            id=found["Id"],
            digest=next(iter(found.get("RepoDigests") or ()), found["Id"]),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            environ=dict(pair.partition("=")[::2] for pair in config.get("Env") or ()),
            architecture=str(found.get("Architecture", "")),
            several=str((found.get("Descriptor") or {}).get("mediaType", "")).endswith(_LISTS),
        )

    async def progress(
        self,
        start: Callable[[APIClient], Iterator[dict[str, Any]]],
        report: Callable[[dict[str, Any]], None],
        quiet: float,
    ) -> None:
        """Follow a long operation (a pull, a build): ``report`` gets its lines on the loop.

        Args:
            start: Begins the operation with a client of its own, and yields its lines.
            report: Gets each line.
            quiet: Seconds that it may take without a line.

        Raises:
            EngineFault: The engine refused, is gone, or said nothing for so long.
        """
        if self._client is None:
            raise EngineFault("the Docker engine is not connected")
        version = self._client.api_version

        def connect() -> APIClient:
            return make_client(self.address, self._reach(), quiet, version)

        await LongOperation(connect, start, report, quiet).end()

    # Volumes

    async def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume."""
        await self.call(lambda client: client.create_volume(name, labels=dict(labels)))

    async def volumes(self, label: str) -> list[tuple[str, Mapping[str, str]]]:
        """List the volumes that carry ``label``, with their labels."""
        found = await self.call(lambda client: client.volumes(filters={"label": label}))
        return [(one["Name"], one.get("Labels") or {}) for one in found.get("Volumes") or ()]

    async def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        try:
            await self.call(lambda client: client.remove_volume(name, force=True))
        except EngineFault as error:
            if error.status != 404:
                raise

    async def put_archive(self, container: str, path: str, archive: Path) -> None:
        """Unpack a tar archive into a folder of the container, which need not run."""

        def put(client: APIClient) -> None:
            with archive.open("rb") as file:
                client.put_archive(container, path, file)

        await self.call(put, seconds=_UPLOAD)
