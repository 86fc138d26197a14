"""The Kubernetes driver: execution environments in pods of a cluster, with stem cells."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.driver.base import Sandbox
from emulator.driver.instance import Instance
from emulator.driver.kubernetes import names, owners, ways
from emulator.driver.kubernetes.cluster import Cluster, ClusterFault
from emulator.driver.kubernetes.notes import notes
from emulator.driver.kubernetes.parcels import Parcels
from emulator.driver.kubernetes.pod import check_template
from emulator.driver.kubernetes.pods import Pods
from emulator.driver.kubernetes.runtimes import Runtimes
from emulator.driver.kubernetes.sandbox import Plan, PodSandbox
from emulator.driver.kubernetes.settings import KubernetesSettings
from emulator.driver.kubernetes.tools import Tools
from emulator.driver.kubernetes.watch import PodWatch
from emulator.driver.stems import StemPool, check_startable
from emulator.model.clock import Clock, SystemClock
from emulator.model.console import Console, SilentConsole
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.sandbox import EnvironmentSpec, Usage

#: How many kinds of stem cells are kept ready: their memory is taken from the cluster.
_KINDS = 4
#: The memory of functions whose size is not known yet, as on AWS.
_LEAST_MB = 128


class KubernetesDriver:
    """Starts environments in pods.

    Args:
        settings: The driver's options.
        bootstraps: The folder with a folder of bootstraps per language (``runtimes``).
        environ: The variables that say where the kubeconfig is.
        clock: For pauses between attempts.
        console: Told why pods don't start.
    """

    name = "kubernetes"
    emulates = True
    copies = False
    listen_host = ""

    def __init__(
        self,
        settings: KubernetesSettings,
        *,
        bootstraps: Path,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        console: Console | None = None,
    ) -> None:
        self._settings = settings
        self._bootstraps = bootstraps
        self._clock = clock or SystemClock()
        self._console = console or SilentConsole()
        self._instance = Instance(settings.directory)
        self._cluster = Cluster(
            context=settings.context, namespace=settings.namespace, environ=environ
        )
        self._runtimes = Runtimes(settings)
        self._open = False
        #: The kinds of stem cells that are kept ready, the one used last at the end.
        self._kinds: OrderedDict[Plan, None] = OrderedDict()
        self._notes: list[str] = []
        self._said: set[str] = set()
        self.reach_host = ""
        self.reach_host_is_secret = False

    @property
    def instance(self) -> str:
        """The id in the labels of everything that it makes."""
        return self._instance.id

    # Opening

    async def open(self) -> None:
        template = _read_template(self._settings.pod_template)
        await self._cluster.open()
        try:
            self._instance.open()
            await self._set_up(template)
            self._open = True
        except ClusterFault as fault:
            await self._undo()
            raise ConfigurationError(
                f"{fault} (`localfaas doctor` says which rights are missing)"
            ) from fault
        except BaseException:
            await self._undo()
            raise

    async def _undo(self) -> None:
        await self._cluster.close()
        self._instance.close()

    async def _set_up(self, template: Mapping[str, Any]) -> None:
        owner = names.owner(socket.gethostname(), self._settings.directory)
        labels = {names.INSTANCE: self.instance, names.OWNER: owner}
        await owners.sweep(
            self._cluster, instance=self.instance, owner=owner, living=self._instance.living()
        )
        await asyncio.to_thread(self._instance.sweep)
        self._owner = owners.Owner(self._cluster, owners.config_map_name(self.instance), labels)
        references = await self._owner.references()
        self._way = ways.find(self._cluster, self._settings.advertise)
        self.listen_host, self.reach_host = self._way.listen_host, self._way.reach_host
        self.reach_host_is_secret = self._way.reach_host_is_secret
        self._watch = PodWatch(self._cluster, f"{names.INSTANCE}={self.instance}", self._clock)
        await self._watch.open()
        self._pods = Pods(
            Tools(
                cluster=self._cluster,
                watch=self._watch,
                way=self._way,
                parcels=Parcels(self._instance.folder / "parcels"),
                bootstraps=self._bootstraps,
                template=template,
                labels=labels,
                owners=references,
                prefix=f"localfaas-{self.instance[:8]}",
                clock=self._clock,
                console=self._console,
                first_number=secrets.randbelow(1 << 16),
            )
        )
        self._stems: StemPool[Plan, PodSandbox] = StemPool(
            self._pods.make_stem, self._pods.remove, self._settings.stems, self._clock
        )
        self._notes += notes(is_direct=self._way.is_direct, has_owner=bool(references))

    # What can be had

    def notes(self) -> list[str]:
        return list(self._notes)

    def check_runtime(self, runtime: str) -> str | None:
        self._runtimes.check(runtime)
        return None

    def debugs(self, runtime: str) -> bool:
        return False

    def interpreter(self, runtime: str) -> Path | None:
        return None

    def check_architecture(self, architecture: str) -> str | None:
        return None

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        if runtime:
            self._runtimes.check(runtime)
        return True  # nodes pull what they lack

    async def prepare_image(self, image: str, architecture: str) -> str:
        return image

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        # Of all kinds that are wanted, the most wanted.
        wanted = Counter(sizes_mb or (_LEAST_MB,)).most_common(_KINDS)
        plans = [self._runtimes.plan_runtime(runtime, architecture, size) for size, _ in wanted]
        try:
            await asyncio.gather(*map(self._stems.fill, map(self._used, plans)))
        except DriverFault as fault:
            self._tell(fault)
            raise

    def _used(self, plan: Plan) -> Plan:
        """Keep stem cells of ``plan`` ready, and none of what was used longest ago."""
        self._kinds[plan] = None
        self._kinds.move_to_end(plan)
        if len(self._kinds) > _KINDS:
            self._stems.forget(self._kinds.popitem(last=False)[0])
        return plan

    # One environment

    async def fetch(self, spec: EnvironmentSpec) -> None:
        self._runtimes.plan(spec)

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        check_startable(spec, is_open=self._open)
        plan = self._runtimes.plan(spec)
        try:
            if self._pods.is_stem(plan):
                self._pods.check(plan, spec)
                return await self._stems.become(
                    self._used(plan), lambda stem: self._pods.specialise(stem, spec)
                )
            with self._stems.yielding():
                return await self._pods.make(plan, spec)
        except DriverFault as fault:
            self._tell(fault)
            raise

    def _tell(self, fault: DriverFault) -> None:
        """Show once why pods don't start."""
        if isinstance(fault.__cause__ or fault, ClusterFault) or "pod" in str(fault):
            text = names.without_numbers(str(fault))
            if text not in self._said and len(self._said) < 100:
                self._said.add(text)
                self._console.warn(str(fault))

    async def expect_copies(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None: ...

    async def copy(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        raise DriverFault("sandboxes of this driver can't be copied")

    def start_runtime(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        start, ours.start_runtime = ours.start_runtime, None
        if start is not None:
            start()

    async def signal(self, sandbox: Sandbox, number: signal.Signals) -> None:
        ours = _ours(sandbox)
        if ours.conversation is not None and not ours.exited.done():
            await ours.conversation.ask("signal", number=int(number))

    def initialised(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        self._pods.limit_cpu(_ours(sandbox), spec)

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        old = _ours(sandbox)
        lives = old.conversation is not None and not old.conversation.over.done()
        if not lives:
            self._pods.remove(old)
            return await self.start(spec)
        anew = await self._pods.restart(old)
        return await self._stems.turn(anew, lambda stem: self._pods.specialise(stem, spec))

    async def stop(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        self._pods.remove(ours)
        if ours.conversation is not None:
            await asyncio.wait({ours.conversation.over}, timeout=1.0)

    async def kill(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        ours.killed = True
        if ours.conversation is None:
            self._pods.remove(ours)
        else:
            with suppress(DriverFault):
                ours.count(await ours.conversation.ask("kill"))
        ours.gone(out_of_reach=False)

    async def freeze(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        if ours.frozen or ours.exited.done() or ours.conversation is None:
            return
        ours.frozen = True
        ours.count(await ours.conversation.ask("freeze"))

    async def thaw(self, sandbox: Sandbox) -> None:
        ours = _ours(sandbox)
        if ours.frozen and not ours.exited.done() and ours.conversation is not None:
            ours.frozen = False
            ours.conversation.tell("thaw")

    async def usage(self, sandbox: Sandbox) -> Usage:
        ours = _ours(sandbox)
        found: Mapping[str, Any] = {}
        if ours.conversation is not None and not ours.exited.done():
            with suppress(DriverFault):
                found = await ours.conversation.ask("usage")
                ours.count(found)
        return Usage(
            memory=int(found.get("memory") or 0),
            memory_peak=ours.memory_peak(),
            cpu_seconds=float(found.get("cpu_s") or 0),
            processes=int(found.get("processes") or 0),
        )

    # Leaving

    def is_sandbox(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return False

    def wind_down(self) -> None: ...

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        for stem in await self._stems.close():
            self._pods.remove(stem)
        await self._pods.close()
        await self._watch.close()
        await self._way.close()
        await self._owner.close()
        await self._cluster.close()
        await asyncio.to_thread(self._instance.close)


def _read_template(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"the pod template {file} can't be read: {error}") from error
    return check_template(found)


def _ours(sandbox: Sandbox) -> PodSandbox:
    assert isinstance(sandbox, PodSandbox)
    return sandbox
