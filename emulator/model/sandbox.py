"""What a driver starts, and how it reports the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """Overrides of a container image's own start command."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""


class Prepared(NamedTuple):
    """What was made for a version before it starts."""

    #: The layer with its packages, below all others; None for none.
    layer: Path | None = None
    #: The folder of its code, where that had to be built.
    code: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """Everything a driver needs in order to start one execution environment."""

    #: Unique among the environments of this emulator: 32 hexadecimal digits.
    environment_id: str
    function_name: str
    #: "$LATEST" or a number.
    function_version: str
    #: AWS's identifier, e.g. "python3.12"; empty for image functions.
    runtime: str
    handler: str
    #: The unpacked code, shown read-only at /var/task. None for image functions.
    code: Path | None
    #: Unpacked layers, lowest first: merged in this order and shown read-only at /opt.
    layers: tuple[Path, ...] = ()
    #: The folders of code and layers with files that not every user of this machine can read.
    private: frozenset[Path] = frozenset()
    #: All environment variables of the runtime process. The driver adds only what it alone knows:
    #: AWS_LAMBDA_RUNTIME_API, and paths where it can't provide /var/task.
    environ: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    #: vCPUs; None takes the share that belongs to its memory size.
    cpus: float | None = None
    #: Limit it to its share of CPU after INIT; False does not limit it.
    limit_cpu: bool = True
    #: The size of /tmp.
    ephemeral_storage_mb: int = 512
    architecture: str = "x86_64"
    #: The image of a PackageType=Image function.
    image: str | None = None
    image_config: ImageConfig = field(default_factory=ImageConfig)
    #: "host:port" of the environment's own Runtime API listener.
    runtime_api: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a sandbox's runtime process ended: one of ``status`` and ``signal`` is set."""

    #: The exit status, 0 to 255.
    status: int | None = None
    #: The number of the signal that killed it.
    signal: int | None = None
    #: The kernel killed it for passing its memory limit.
    out_of_memory: bool = False
    #: AWS's error type where the process could not even be started, e.g.
    #: "Runtime.InvalidEntrypoint"; empty otherwise.
    error_type: str = ""
    #: The text that goes with ``error_type``.
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The resources a sandbox uses now, as the kernel counts them: bytes and seconds."""

    memory: int
    memory_peak: int
    cpu_seconds: float
    processes: int
