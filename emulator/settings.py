"""What a user can set. The command line is the only reader of options and LOCALFAAS_… variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one emulator."""

    #: The address to listen on; anything but loopback is the user's own decision.
    host: str = "127.0.0.1"
    #: 0 takes a free one.
    port: int = 4566
    #: "process", "docker" or "auto" (Docker when an engine answers, else process).
    driver: str = "process"
    #: The folder that keeps state; None for a temporary one that goes with the emulator.
    state: Path | None = None
    #: What an acknowledged change outlives: "full", also a power cut; "normal" and "off", which
    #: are faster, a crash of the emulator.
    durability: Literal["full", "normal", "off"] = "full"
    #: The template, or the folder, that declares functions; None for none.
    functions: Path | None = None
    #: Seconds an environment may be idle.
    idle_timeout: float = 300.0
    #: Environments of all functions together.
    max_environments: int = 256
    #: Environments that may run at once per account and region.
    account_concurrency: int = 1000
    #: The URL of an SQS-compatible endpoint: event source mappings poll there the queues that this
    #: emulator does not have. None: there is none.
    sqs_endpoint: str | None = None
    #: What the waits between attempts of asynchronous events are multiplied with.
    async_retry_scale: float = 1.0
    #: Seconds a created or updated function is shown as Pending or InProgress at most.
    transition_seconds: float = 0.25
    #: Seconds without a call or a change after which a function is Inactive, as on AWS; 0: never.
    inactive_after: float = 14 * 86400.0
    #: Follow changes in functions' folders.
    watch: bool = True
    #: Refuse what could only be approximated: other runtimes, settings not acted on.
    strict: bool = False
    #: Give functions AWS_ENDPOINT_URL, so that their AWS SDK talks to this emulator.
    inject_endpoint: bool = True
    #: "localfaas" (our own bootstraps) or "awslambdaric" (the official Python client).
    bootstrap: str = "localfaas"
    #: Sandboxes kept started ahead of use, for each interpreter or image.
    stem_cells: int = 3
    #: Let no environment make progress between calls, as on AWS; None does so where it costs
    #: next to nothing, which is in containers.
    freeze: bool | None = None
    #: "aws" gives a function the share of CPU that its memory stands for (one vCPU at 1,769 MB);
    #: "none" lets it use all there is.
    cpu_limit: Literal["aws", "none"] = "aws"
    #: Docker: images by runtime, instead of AWS's base images.
    images: Mapping[str, str] = field(default_factory=dict)
    #: Docker: the engine's network that functions join.
    docker_network: str = "bridge"
    #: Docker: the address or name at which containers reach this machine; empty to find out.
    advertise_host: str = ""
    #: Docker: labels put on every container and volume.
    docker_labels: Mapping[str, str] = field(default_factory=dict)
    #: The region of functions from a folder, and of callers that name none.
    region: str = "us-east-1"
    #: The account of functions from a folder, and of callers whose key is no account.
    account: str = "000000000000"
    #: Further host names to answer to.
    allow_hosts: tuple[str, ...] = field(default_factory=tuple)
    #: Web origins whose pages may call the emulator.
    allow_origins: tuple[str, ...] = field(default_factory=tuple)
    #: Packages of further AWS services to serve, laid out as those of ``emulator.services``.
    extra_services: tuple[str, ...] = field(default_factory=tuple)
    #: Seconds a shutdown waits for invocations in flight.
    drain_seconds: float = 30.0
