"""The declaration of the Docker driver."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.driver.declaration import (
    DriverDeclaration,
    DriverSetup,
    Finding,
    Probe,
    RuntimeImage,
)
from emulator.driver.docker.settings import DockerSettings
from emulator.model.console import Console

if TYPE_CHECKING:
    from emulator.driver.base import Driver


def _make(setup: DriverSetup) -> Driver:
    from emulator.driver.conventions import runtimes_folder
    from emulator.driver.docker.driver import DockerDriver

    assert isinstance(setup.options, DockerSettings)
    settings = replace(
        setup.options,
        stems=setup.settings.stem_cells,
        own_client=setup.settings.bootstrap == "localfaas",
        allow_link_local=setup.settings.allow_link_local,
    )
    return DockerDriver(
        settings, bootstraps=runtimes_folder(), environ=setup.environ, console=setup.console
    )


def _probe(environ: Mapping[str, str]) -> Probe:
    from emulator.driver.docker.find import find_engine

    found = find_engine(environ)
    if found.answers:
        return Probe(usable=True, detail=f"of the Docker engine {found.url} ({found.info})")
    return Probe(usable=False, detail=f"{found.reason}. {found.hint}".strip())


def _checks() -> Iterable[Finding]:
    from emulator.driver.docker.find import find_engine

    found = find_engine(os.environ, seconds=5)
    if found.info is not None:
        yield Finding(subject="Docker", verdict="ok", detail=f"{found.info} at {found.url}")
        from emulator.driver import link_local, mounts

        if not mounts.available():
            yield Finding(
                subject="link-local addresses in containers", verdict="note", detail=link_local.NOTE
            )
        return
    yield Finding(
        subject="Docker",
        verdict="note",
        detail=found.reason,
        remedy=found.hint or "start Docker or Podman (or set DOCKER_HOST) to use --driver docker",
    )


class _Images:
    """Satisfies :class:`emulator.driver.declaration.RuntimeImages`."""

    #: The newest long-term ones of their languages.
    built: Sequence[str] = ("python3.12", "nodejs22.x")

    def __init__(self, settings: DockerSettings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ

    async def find(self, runtimes: Iterable[str]) -> list[RuntimeImage]:
        from emulator.driver.docker.build import find_runtime_images

        images = self._settings.images
        named = sorted({*runtimes, *images})
        return await find_runtime_images(named, mapping=images, environ=self._environ)

    async def build(self, runtime: str, *, base_image: str, console: Console) -> str:
        from emulator.driver.conventions import runtimes_folder
        from emulator.driver.docker.build import build_runtime_image

        return await build_runtime_image(
            runtime,
            runtimes=runtimes_folder(),
            environ=self._environ,
            base_image=base_image,
            console=console,
        )


DECLARATION = DriverDeclaration(
    name="docker",
    where="in containers",
    make=_make,
    options=DockerSettings,
    freezes=True,
    checks=_checks,
    probe=_probe,
    images=_Images,
)
