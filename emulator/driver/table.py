"""From the settings to a driver: which one, and with what."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.driver.base import Driver
from emulator.driver.conventions import runtimes_folder
from emulator.model.console import Console
from emulator.model.errors import ConfigurationError
from emulator.settings import Settings


def make_driver(settings: Settings, state: Path, console: Console) -> tuple[Driver, str]:
    """Return the driver a user asked for, and what they should know of the choice.

    With "auto" it asks for an engine first, which may block for two seconds.

    Args:
        settings: The user's.
        state: The folder for what the driver keeps while it runs.
        console: Told how far an image is that functions wait for.

    Raises:
        ConfigurationError: There is no such driver.
    """
    if settings.driver == "docker":
        return _docker(settings, console), ""
    if settings.driver == "process":
        return _process(settings, state), ""
    if settings.driver == "auto":
        from emulator.driver.docker import find_engine

        found = find_engine(os.environ)
        if found.answers:
            note = f"Functions run in containers of the Docker engine {found.url} ({found.info})."
            return _docker(settings, console), note
        note = f"Functions run as processes: {found.reason}. {found.hint}".strip()
        return _process(settings, state), note
    raise ConfigurationError(f"no driver {settings.driver!r}: process, docker or auto")


def _docker(settings: Settings, console: Console) -> Driver:
    from emulator.driver.docker import DockerDriver, DockerSettings

    return DockerDriver(
        DockerSettings(
            images=settings.images,
            stems=settings.stem_cells,
            network=settings.docker_network,
            advertise=settings.advertise_host,
            labels=settings.docker_labels,
            own_client=settings.bootstrap == "localfaas",
        ),
        bootstraps=runtimes_folder(),
        environ=os.environ,
        console=console,
    )


def _process(settings: Settings, state: Path) -> Driver:
    from emulator.driver.process import ProcessDriver

    return ProcessDriver(
        state=state,
        strict=settings.strict,
        bootstrap=settings.bootstrap,
        stem_cells=settings.stem_cells,
    )
