"""The Docker driver: execution environments in containers of a Docker engine, with stem cells."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from emulator.driver import mounts, processes
from emulator.driver.base import Sandbox
from emulator.driver.docker import images, labels, volumes
from emulator.driver.docker.address import EngineAddress, resolve
from emulator.driver.docker.capabilities import limits_later, shares_this_machine
from emulator.driver.docker.containers import Containers
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.files import Files
from emulator.driver.docker.find import no_engine
from emulator.driver.docker.images import Images, Plan
from emulator.driver.docker.network import find as find_network
from emulator.driver.docker.notes import notes
from emulator.driver.docker.responses import EngineFault, EngineInfo
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.driver.docker.settings import DockerSettings
from emulator.driver.docker.sweep import Sweep
from emulator.driver.docker.workspace import LocalFiles
from emulator.driver.instance import Instance
from emulator.driver.languages.table import language_of, languages, split_runtime
from emulator.driver.processes import usage as usage_of
from emulator.driver.stems import StemPool, check_startable
from emulator.model.clock import Clock, SystemClock
from emulator.model.console import Console, SilentConsole
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import EnvironmentSpec, Usage


class DockerDriver:
    """Starts environments in containers.

    Args:
        settings: The driver's options.
        bootstraps: The folder with a folder of bootstraps per language (``runtimes``).
        environ: The variables that say where the engine is (DOCKER_HOST and friends).
        clock: For pauses between attempts.
        console: Shows how far pulls are.
    """

    name = "docker"
    emulates = True
    copies = False
    listen_host = ""

    def __init__(
        self,
        settings: DockerSettings,
        *,
        bootstraps: Path,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        console: Console | None = None,
    ) -> None:
        self._settings = settings
        self._bootstraps = bootstraps
        self._environ = dict(environ)
        self._clock = clock or SystemClock()
        self._console = console or SilentConsole()
        self._instance = Instance(settings.directory)
        self._open = False
        self._notes: list[str] = []
        self._local: LocalFiles | None = None
        #: The name by which sandboxes reach this machine: where they find the emulator.
        self.reach_host = ""
        self.reach_host_is_secret = False

    @property
    def instance(self) -> str:
        """The id in the labels of everything that it makes."""
        return self._instance.id

    @property
    def folder(self) -> Path:
        """The folder of its containers' files."""
        return self._instance.folder

    # Opening

    async def open(self) -> None:
        address = resolve(self._environ, home=Path.home(), url=self._settings.host)
        self._engine = Engine(address, environ=self._environ)
        try:
            try:
                info = await self._engine.open()
            except EngineFault as error:
                reason = no_engine(address, error, self._environ)
                raise ConfigurationError(
                    f"{reason} Or use `--driver process`, which needs none."
                ) from error
            await self._set_up(address, info)
            self._open = True
        except BaseException:
            self._engine.close()
            self._instance.close()
            raise

    async def _set_up(self, address: EngineAddress, info: EngineInfo) -> None:
        control = labels.own_container()
        local = shares_this_machine(address, info) and not control
        self._instance.open()
        marks = await self._sweep_orphans(control)
        if local:
            self._local = LocalFiles(self.folder, privileged=mounts.available())
        has_rules = mounts.available() and local
        network = await find_network(
            self._engine,
            info,
            name=self._settings.network,
            advertise=self._settings.advertise,
            control=control,
            local=local,
        )
        if network.note:
            self._notes.append(network.note)
        self.listen_host, self.reach_host = network.listen_host, network.reach_host
        self.reach_host_is_secret = bool(network.translated_to)
        prefix = f"localfaas-{self.instance[:8]}"
        self._images = Images(
            self._engine,
            info.architecture,
            self._settings.images,
            self._own_bootstraps(),
            self._console,
        )
        self._shipped = volumes.ShippedFiles(
            self._engine, self.folder / "archives", prefix, marks, self._bootstraps
        )
        self._containers = Containers(
            engine=self._engine,
            images=self._images,
            network=network,
            files=Files(self._local, self._shipped, self._bootstraps),
            labels=marks,
            prefix=prefix,
            limits_later=limits_later(info, local=local),
            has_rules=has_rules,
            closes_link_local=has_rules and not self._settings.allow_link_local,
            clock=self._clock,
            console=self._console,
        )
        self._stems: StemPool[Plan, DockerSandbox] = StemPool(
            self._containers.make_stem, self._containers.remove, self._settings.stems, self._clock
        )
        self._notes += notes(
            info,
            shares_files=local,
            sized=self._local is not None and self._local.sized,
            limits_later=self._containers.limits_later,
        )

    async def _sweep_orphans(self, control: str) -> dict[str, str]:
        """Begin to remove what killed instances left; return the labels of this one's own.

        Args:
            control: The container that this process runs in; empty for none.
        """
        owner = labels.Owner(
            instance=self.instance,
            owner=f"{socket.gethostname()}:{self._settings.directory}",
            control=control,
        )
        marks = owner.labels() | dict(self._settings.labels)
        if control:
            with suppress(EngineFault):
                marks |= labels.reaper_labels((await self._engine.inspect(control)).labels)
        self._sweep = Sweep(self._engine, owner, self._instance)
        left = await self._sweep.begin()
        if left:
            self._notes.append(left)
        return marks

    def _own_bootstraps(self) -> frozenset[str]:
        """Return the languages whose functions run under our own bootstrap."""
        own_client = self._settings.own_client
        return frozenset(
            each.name
            for each in languages()
            if each.container is not None and (own_client or not each.has_official_client)
        )

    # What can be had

    def notes(self) -> list[str]:
        return list(self._notes)

    def check_runtime(self, runtime: str) -> str | None:
        if runtime not in self._settings.images:
            split_runtime(runtime)
        return None

    def debugs(self, runtime: str) -> bool:
        known = language_of(runtime)
        ours = known is not None and known.debugs and known.name in self._own_bootstraps()
        # The port is one of the engine's machine.
        return ours and self._engine.address.host in ("", "localhost", "127.0.0.1", "::1")

    def interpreter(self, runtime: str) -> Path | None:
        return None

    def check_architecture(self, architecture: str) -> str | None:
        if self._open:  # else asked before the engine has answered: told once it has
            return self._images.emulation(images.platform(architecture)) or None
        return None

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        if image:
            plan = Plan(image=image, platform=images.platform(architecture))
        else:
            plan = await self._images.plan_runtime(runtime, architecture)
        return await self._images.is_here(plan)

    async def prepare_image(self, image: str, architecture: str) -> str:
        plan = Plan(image=image, platform=images.platform(architecture))
        self._images.forget(plan)  # it may have been built or pulled anew
        digest = (await self._images.ensure(plan)).digest
        return digest if "@" in digest else f"{images.repository(image)}@{digest}"

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        await self._images.ensure(plan := await self._images.plan_runtime(runtime, architecture))
        if plan.language and self._containers.limits_later:
            await self._stems.fill(plan)

    # One environment

    async def fetch(self, spec: EnvironmentSpec) -> None:
        await self._images.ensure(await self._images.plan(spec), soon=True)

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        check_startable(spec, is_open=self._open)
        plan = await self._images.plan(spec)
        if await self._containers.is_stem(plan, spec):
            return await self._specialise(plan, spec)
        with self._stems.yielding():
            return await self._containers.make(plan, spec)

    async def _specialise(
        self, plan: Plan, spec: EnvironmentSpec, before: DockerSandbox | None = None
    ) -> DockerSandbox:
        """Make a stem cell the environment of ``spec``: a ready one, or one made now."""
        return await self._stems.become(
            plan, lambda stem: self._containers.specialise(stem, spec, before)
        )

    async def expect_copies(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None: ...

    async def copy(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        raise DriverFault("sandboxes of this driver can't be copied")

    def start_runtime(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        # A container that is no stem cell has started with its runtime.
        start, ours.start_runtime = ours.start_runtime, None
        if start is not None:
            start()

    async def signal(self, sandbox: Sandbox, number: signal.Signals) -> None:
        ours = _ours(sandbox)
        if number is not signal.SIGKILL:
            await processes.gone_on(ours.processes(), ours.thawed_s, self._clock)
        if not ours.exited.done():
            await self._engine.signal(ours.container.id, number.name)

    def initialised(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        self._containers.limit_cpu(_ours(sandbox), spec)
        sandbox.memory_peak()

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        old = _ours(sandbox)
        if not old.container.id:  # it never was a container: there was nothing to start
            return await self.start(spec)
        if not self._containers.can_hand_over(old):
            anew = await self._containers.restart(old)
            if not anew.container.stem:
                return anew
            return await self._stems.turn(
                anew, lambda stem: self._containers.specialise(stem, spec, None)
            )
        try:
            await old.kill()
            return await self._specialise(old.container.plan, spec, before=old)
        finally:
            self._containers.remove(old)

    async def stop(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        try:
            await ours.kill()
        except DriverFault:
            pass  # the engine is down: the removal goes on trying
        finally:
            self._containers.remove(ours)

    async def kill(self, sandbox: Sandbox) -> None:
        await _ours(sandbox).kill()

    async def freeze(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        if ours.frozen or ours.exited.done():
            return
        if not self._engine.info.limits:
            return  # as the notes say
        if ours.group is not None:
            with _lost(ours):
                ours.group.freeze()
        else:
            await self._engine.pause(ours.container.id)
        ours.frozen = True

    async def thaw(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        if not ours.frozen or ours.exited.done():
            return
        ours.frozen = False
        if ours.group is not None:
            with _lost(ours):
                ours.group.thaw()
        else:
            await self._engine.unpause(ours.container.id)
        ours.thawed_s = self._clock.monotonic()

    async def usage(self, sandbox: Sandbox) -> Usage:
        ours = _ours(sandbox)
        peak, group, init = ours.memory_peak(), ours.group, ours.container.init
        gone = Usage(memory=0, memory_peak=peak, cpu_seconds=0, processes=0)
        if ours.exited.done():
            return gone
        if ours.uncounted:
            found = await asyncio.to_thread(usage_of, ours.processes(), peak)
            return replace(found, processes=max(0, found.processes - init))
        if not self._engine.info.limits:
            return gone  # nobody knows
        if group is not None:
            # Files are read in a thread, which is given what it needs: the sandbox may be stopped.
            try:
                found = await asyncio.to_thread(group.usage, peak)
            except OSError:
                return gone
            return replace(found, processes=max(0, found.processes - init))
        try:
            sample = await ours.statistics()
        except EngineFault:
            if ours.killed or ours.exited.done():  # while it was asked
                return gone
            raise
        cpu = (sample.get("cpu_stats") or {}).get("cpu_usage") or {}
        return Usage(
            memory=int((sample.get("memory_stats") or {}).get("usage") or 0),
            memory_peak=ours.memory_peak(),
            cpu_seconds=int(cpu.get("total_usage") or 0) / 1e9,
            processes=max(0, int((sample.get("pids_stats") or {}).get("current") or 0) - init),
        )

    # Leaving

    def is_sandbox(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return False

    def wind_down(self) -> None:
        if self._open:
            self._images.close()

    async def close(self) -> None:
        if not self._open:
            return
        self._images.close()
        self._open = False
        await self._sweep.close()
        for stem in await self._stems.close():
            self._containers.remove(stem)
        await self._containers.close()
        try:
            await self._shipped.close()
            # A call that was given up may have made it after all.
            own = f"{labels.INSTANCE}={self.instance}"
            for one in await self._engine.containers(own):
                await self._engine.remove(one.id)
        except EngineFault:
            pass  # the engine is down: the next start sweeps
        finally:
            self._engine.close()
            if self._local is not None:
                await asyncio.to_thread(self._local.close)
            self._instance.close()


@contextmanager
def _lost(sandbox: DockerSandbox) -> Iterator[None]:
    """Turn the kernel's error for a container that is gone into a DriverFault."""
    try:
        yield
    except OSError as error:
        name = sandbox.container.name
        raise DriverFault(f"the container {name} is out of reach: {error}") from error


def _ours(sandbox: Sandbox) -> DockerSandbox:
    assert isinstance(sandbox, DockerSandbox)
    return sandbox
