"""Which image an environment runs in, and how the engine gets it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.driver.docker.credentials import credentials
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.responses import EngineFault, ImageInfo
from emulator.driver.images import public_image
from emulator.driver.languages.table import split_runtime
from emulator.model.console import Console, Progress
from emulator.model.errors import ConfigurationError, DriverFault, PullFault
from emulator.model.sandbox import EnvironmentSpec

#: The repository of images built by `localfaas runtimes build`.
_OWN = "localfaas"
#: Newer engines (26.1 is one) report this themselves about a pulled image.
_MISMATCH = re.compile(r"does not match the specified platform: wanted \S+, actual: (\S+)")
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
#: Docker names its machine as ``uname -m`` does, Podman as Go does.
_MACHINES = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}
#: Texts by which engines report that a registry wants credentials.
_REFUSALS = ("no basic auth credentials", "unauthorized", "denied", "authentication required")
#: Seconds without a word of the engine's after which a pull hangs.
QUIET = 60.0
#: Seconds the start of an environment waits for its image, whose pull goes on: SDKs wait 60 for an
#: answer, and then ask again.
PATIENCE = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The image of a container, and our bootstrap in it."""

    image: str
    #: As the engine names it, e.g. "linux/arm64".
    platform: str
    #: The language of our own bootstrap; empty where the image brings its runtime client.
    language: str = ""
    version: str = ""


@dataclass(slots=True)
class _Layers:
    """Sums a pull's progress lines, which come per layer."""

    image: str
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any]) -> Progress:
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Downloading" and detail.get("total"):
            self.layers[str(line.get("id"))] = (int(detail["current"]), int(detail["total"]))
        elif line.get("status") == "Download complete" and line.get("id") in self.layers:
            total = self.layers[str(line["id"])][1]
            self.layers[str(line["id"])] = (total, total)
        status = str(line.get("status") or line.get("stream") or "").strip()
        done = sum(done for done, _ in self.layers.values())
        total = sum(total for _, total in self.layers.values())
        return Progress(image=self.image, status=status, done=done, total=total)


def own_image(runtime: str) -> str:
    """Return the name under which `localfaas runtimes build` tags a runtime's image."""
    language, version = split_runtime(runtime)
    return f"{_OWN}/{language}:{version or 'latest'}"


def repository(image: str) -> str:
    """Return an image's name without its tag or digest."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def platform(architecture: str) -> str:
    """Return the engine's name for a function's architecture."""
    return _PLATFORMS[architecture]


def _fits(found: ImageInfo, plan: Plan) -> bool:
    """Say whether the engine's own image will do; else a registry may have one that does."""
    return f"linux/{found.architecture}" == plan.platform


def _unfit(plan: Plan, platform: str) -> str:
    return (
        f"the image {plan.image} is for {platform} only, and the function's architecture is "
        f"{plan.platform}"
    )


def _remedy(plan: Plan, reason: str) -> str:
    """Return what may help where an image could not be pulled for ``reason``."""
    if any(word in reason for word in _REFUSALS):
        return f" (`docker login {plan.image.partition('/')[0]}` may help)"
    if plan.language:
        return " (`localfaas runtimes build` makes images without a registry)"
    return ""


class Images:
    """Finds and pulls images, each once at a time.

    Args:
        engine: Where they are kept.
        machine: The architecture of the engine's machine, as the engine gives it.
        mapping: Images by runtime identifier, from the settings.
        bootstraps: Languages our own bootstraps speak.
        console: Shows how far a pull is.
    """

    def __init__(
        self,
        engine: Engine,
        machine: str,
        mapping: Mapping[str, str],
        bootstraps: frozenset[str],
        console: Console,
    ) -> None:
        self._engine = engine
        self._machine = _MACHINES.get(machine, machine)
        self._mapping = dict(mapping)
        self._bootstraps = bootstraps
        self._console = console
        self._known: dict[tuple[str, str], ImageInfo] = {}
        self._getting: dict[tuple[str, str], asyncio.Task[ImageInfo]] = {}
        #: The progress of pulls, by image.
        self._progress: dict[str, Progress] = {}
        self._closed = False
        self._own: dict[str, str] = {}

    def emulation(self, platform: str) -> str:
        """Return what it means that ``platform`` is not the machine's own; empty if it is."""
        if platform == self._machine:
            return ""
        return (
            f"{platform} is emulated on this {self._machine} machine, which is slower, and needs "
            "its handlers (`docker run --privileged --rm tonistiigi/binfmt --install all`)"
        )

    async def plan(self, spec: EnvironmentSpec) -> Plan:
        """Say what an environment is made from."""
        if spec.image:
            return Plan(image=spec.image, platform=platform(spec.architecture))
        return await self.plan_runtime(spec.runtime, spec.architecture)

    async def plan_runtime(self, runtime: str, architecture: str) -> Plan:
        """Say what zip functions of ``runtime`` run in: mapped, else built here, else AWS's."""
        try:
            language, version = split_runtime(runtime)
        except ConfigurationError:
            if runtime not in self._mapping:
                raise
            language = version = ""
        image = self._mapping.get(runtime) or await self._default(runtime)
        return Plan(
            image=image,
            platform=platform(architecture),
            language=language if language in self._bootstraps else "",
            version=version,
        )

    async def _default(self, runtime: str) -> str:
        if runtime not in self._own:
            own = own_image(runtime)
            built = await self._engine.image(own)
            self._own[runtime] = own if built else public_image(runtime)
        return self._own[runtime]

    async def is_here(self, plan: Plan) -> bool:
        """Say whether the image need not be pulled.

        Raises:
            DriverFault: The engine does not say.
        """
        found = await self._engine.image(plan.image)
        return found is not None and _fits(found, plan)

    async def ensure(self, plan: Plan, *, soon: bool = False) -> ImageInfo:
        """Return what the engine knows of the image; pull it first where it is missing.

        Args:
            plan: Whose image.
            soon: Wait no longer than PATIENCE for a pull, which goes on.

        Raises:
            DriverFault: It can't be had, or not yet.
            CancelledError: The driver is being closed, and ``soon`` is False.
        """
        key = (plan.image, plan.platform)
        if key in self._known:
            return self._known[key]
        if key not in self._getting:
            task = self._getting[key] = asyncio.ensure_future(self._get(plan))
            task.add_done_callback(lambda done: self._got(key, done))
        task = self._getting[key]
        await asyncio.wait((task,), timeout=PATIENCE if soon else None)
        if not soon or (task.done() and not task.cancelled()):
            return await task
        if task.done():
            raise DriverFault(f"the image {plan.image} is not pulled any more: the emulator ends")
        raise DriverFault(
            f"the image {plan.image} is still being pulled{self._how_far(plan.image)}: try again"
        )

    def _got(self, key: tuple[str, str], done: asyncio.Task[ImageInfo]) -> None:
        del self._getting[key]
        self._progress.pop(key[0], None)
        if not done.cancelled() and done.exception() is None:
            self._known[key] = done.result()

    def _how_far(self, image: str) -> str:
        progress = self._progress.get(image)
        if progress is None or not progress.total:
            return ""
        return f" ({progress.done / 1e6:.0f} of {progress.total / 1e6:.0f} MB)"

    def forget(self, plan: Plan) -> None:
        """Look the image up again next time: the engine says that it is gone."""
        self._known.pop((plan.image, plan.platform), None)

    def close(self) -> None:
        """Give up the pulls, and begin no more."""
        self._closed = True
        for task in self._getting.values():
            task.cancel()

    async def _get(self, plan: Plan) -> ImageInfo:
        if self._closed:
            raise asyncio.CancelledError
        found = await self._engine.image(plan.image)
        if found and _fits(found, plan):
            return found
        await self._pull(plan, found)
        pulled = await self._engine.image(plan.image)
        if pulled is None:
            raise DriverFault(f"the image {plan.image} is missing after its pull")
        if not _fits(pulled, plan) and not pulled.several:
            raise DriverFault(_unfit(plan, f"linux/{pulled.architecture}"))
        return pulled

    async def _pull(self, plan: Plan, found: ImageInfo | None) -> None:
        """Pull the image, which is here for another platform at most (``found``).

        Raises:
            PullFault: It could not be.
        """
        status = "given up"
        try:
            await self._follow_pull(plan)
            status = "pulled"
        except EngineFault as error:
            mismatch = _MISMATCH.search(str(error))
            if mismatch:
                status = "pulled, for another architecture"
                raise PullFault(_unfit(plan, mismatch[1])) from error
            where = "is not here and"
            if found:
                where = f"is here for linux/{found.architecture} only, and for {plan.platform} it"
            status = f"could not be pulled: {error}{_remedy(plan, str(error))}"
            raise PullFault(f"the image {plan.image} {where} {status}") from error
        finally:
            self._console.progress(Progress(image=plan.image, status=status, over=True))

    async def _follow_pull(self, plan: Plan) -> None:
        name, separator, tag = plan.image.rpartition(":")
        if not separator or "/" in tag or "@" in plan.image:
            name, tag = plan.image, ("" if "@" in plan.image else "latest")
        layers = _Layers(plan.image)
        failed: list[str] = []

        def report(line: dict[str, Any]) -> None:
            if "error" in line:
                failed.append(str(line["error"]))
            self._progress[plan.image] = progress = layers.add(line)
            self._console.progress(progress)

        await self._engine.progress(
            lambda client: client.pull(
                name,
                tag=tag or None,
                stream=True,
                decode=True,
                platform=plan.platform,
                auth_config=credentials(name),
            ),
            report,
            QUIET,
        )
        if failed:
            raise EngineFault(failed[0])
