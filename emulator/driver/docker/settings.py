"""The settings of the Docker driver."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator.settings import option

_PANEL = "Docker driver"


def _directory() -> Path:
    import tempfile

    return Path(tempfile.gettempdir()) / f"localfaas-{os.getuid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSettings:
    """The settings of the Docker driver."""

    #: Images by runtime identifier.
    images: Mapping[str, str] = option(
        {},
        "The image of a runtime's functions, instead of AWS's base image.",
        _PANEL,
        flag="--image",
        metavar="RUNTIME=IMAGE",
    )
    #: Containers reach what else is in it.
    network: str = option(
        "bridge", "The engine's network that functions join.", _PANEL, flag="--docker-network"
    )
    #: Empty to find out.
    advertise: str = option(
        "",
        "The address at which containers and pods reach this machine. Default: that of the way to "
        "the engine; pods are dialled through their cluster's API.",
        _PANEL,
        flag="--advertise-host",
        hide_default=True,
    )
    labels: Mapping[str, str] = option(
        {},
        "A label of every container and volume, e.g. for a reaper.",
        _PANEL,
        flag="--docker-label",
        metavar="KEY=VALUE",
    )
    #: The engine; empty takes DOCKER_HOST, the current context, or the usual sockets.
    host: str = ""
    #: Python functions run under our own bootstrap; else under the client their image brings.
    own_client: bool = True
    #: Functions may reach link-local addresses.
    allow_link_local: bool = False
    #: Stem cells kept ready for each image in use.
    stems: int = 3
    #: Where locks, sockets and disks of containers are: a short path on a local file system.
    directory: Path = field(default_factory=_directory)
