"""The files that containers see: bound from this machine, or shipped to a remote engine."""

from __future__ import annotations

from pathlib import Path

from emulator.driver.docker import paths
from emulator.driver.docker.create_request import Mount
from emulator.driver.docker.images import Plan
from emulator.driver.docker.responses import ImageInfo
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.driver.docker.volumes import SMALL, ShippedFiles
from emulator.driver.docker.workspace import LocalFiles, Workspace
from emulator.driver.languages.table import language
from emulator.model.sandbox import EnvironmentSpec

#: /tmp of a stem cell; another size is made on use.
STEM_STORAGE_MB = 512


class Files:
    """Shows bootstraps, code and layers to containers.

    Args:
        local: The files of this machine; None where the engine can't see them.
        shipped: The files on the engine, then.
        bootstraps: The folder with a folder of bootstraps per language.
    """

    def __init__(self, local: LocalFiles | None, shipped: ShippedFiles, bootstraps: Path) -> None:
        self._local = local
        self._shipped = shipped
        self._bootstraps = bootstraps

    async def make(self, storage_mb: int) -> Workspace | None:
        """Make the folder of a container, with a disk of ``storage_mb`` where it can be had.

        Raises:
            DriverFault: It can't be.
        """
        return await self._local.make(storage_mb) if self._local else None

    async def runtime(
        self, plan: Plan, image: ImageInfo, workspace: Workspace | None
    ) -> list[Mount]:
        """Return the mounts of our own bootstrap, and of what its language's images bring.

        Raises:
            DriverFault: The engine did not take what is shipped.
        """
        if not plan.language:
            return []
        # AWS's images, and those built here, say so where they bring the AWS SDK.
        known = language(plan.language)
        has_sdk = known is not None and known.has_sdk
        sdk = has_sdk and "LAMBDA_RUNTIME_DIR" not in image.environ
        if self._local is None or workspace is None:
            return await self._shipped.runtime(plan, sdk=sdk)
        shown = [(self._bootstraps / plan.language, paths.BOOTSTRAP)]
        if sdk:
            shown.append((await self._local.sdk(plan.language), paths.RUNTIME))
        return workspace.users() + [_bound(source, target) for source, target in shown]

    async def debugger(self, plan: Plan) -> list[Mount]:
        """Return the mounts of the packages that a debugger needs beside a function.

        Raises:
            DriverFault: The engine did not take what is shipped.
        """
        known = language(plan.language)
        packages = known.debugger() if known is not None else []
        if self._local is None:
            return await self._shipped.packages(plan, paths.DEBUGGER, packages)
        return [_bound(source, f"{paths.DEBUGGER}/{name}") for source, name in packages]

    async def code(self, plan: Plan, spec: EnvironmentSpec) -> list[Mount]:
        """Return the mounts of code and layers.

        Raises:
            DriverFault: They can't be read, merged or shipped.
        """
        if self._local is None or spec.private:
            # Shipped code is everybody's to read: a container's user is not the files' owner.
            return await self._shipped.mounts(plan, spec.code, spec.layers)
        shown = ((spec.code, paths.CODE), (await self._local.merged(spec.layers), paths.LAYERS))
        return [_bound(source, target) for source, target in shown if source is not None]

    def stem(self, workspace: Workspace | None) -> list[Mount]:
        """Return the mounts of a stem cell, into which its code comes later."""
        if workspace is not None:
            return workspace.mounts()
        # Volumes of its own. Their root is the engine's: the function can't write there.
        return [Mount(target=at, empty=True) for at in (paths.CODE, paths.LAYERS)]

    async def suit_a_stem(self, spec: EnvironmentSpec) -> bool:
        """Say whether code and layers had best be brought into a container that runs.

        Raises:
            DriverFault: They can't be read.
        """
        if self._local is not None:
            return not spec.private
        archives = await self._shipped.archives(spec.code, spec.layers)
        return sum(archive.size for _, archive in archives) <= SMALL

    async def fill(
        self, stem: DockerSandbox, spec: EnvironmentSpec, before: DockerSandbox | None
    ) -> None:
        """Bring code, layers and /tmp into a stem cell.

        Args:
            stem: The stem cell.
            spec: What it becomes.
            before: The environment that ended, whose /tmp it inherits.

        Raises:
            DriverFault: They can't be.
        """
        workspace, pid = stem.container.workspace, stem.pid or 0
        if self._local is None or workspace is None:
            # One that was restarted has them already.
            if not stem.container.filled:
                archives = await self._shipped.archives(spec.code, spec.layers)
                await self._shipped.put(stem.container.id, archives)
                stem.container.filled = True
            return
        inherited = before.container.workspace if before is not None else None
        if inherited is not None:
            await self._local.hand_over_disk(inherited, workspace, pid)
        elif spec.ephemeral_storage_mb != STEM_STORAGE_MB:
            await self._local.exchange_disk(workspace, pid, spec.ephemeral_storage_mb)
        await self._local.fill(workspace, pid, spec.code, spec.layers)

    async def show_disk(self, workspace: Workspace) -> None:
        """Make a disk ready to be taken by a container that is about to start."""
        if self._local is not None:
            await self._local.show_disk(workspace)

    async def hide_disk(self, workspace: Workspace) -> None:
        """Take a disk out of sight: its container has its own view of it by now."""
        if self._local is not None:
            await self._local.hide_disk(workspace)

    async def remove(self, workspace: Workspace) -> None:
        """Remove the folder of a container that is gone."""
        if self._local is not None:
            await self._local.remove(workspace)


def temporary(workspace: Workspace | None) -> Mount:
    """Return the mount of /tmp."""
    if workspace is not None and workspace.disk is not None:
        return Mount(target=paths.TEMPORARY, source=str(workspace.temporary), bind=True)
    return Mount(target=paths.TEMPORARY)


def _bound(source: Path, target: str) -> Mount:
    return Mount(target=target, source=str(source), bind=True, read_only=True)
