"""The answers of a Docker engine, as plain values."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import DriverFault


class EngineFault(DriverFault):
    """The engine refused, or did not answer.

    Args:
        message: The engine's own text.
        status: The HTTP status it answered with; 0 where it gave none.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class CredentialsFault(EngineFault):
    """The credentials kept by `docker login` can't be read; the engine was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine's description of itself."""

    #: "Docker" or "Podman".
    name: str
    version: str
    operating_system: str
    kernel: str
    #: As ``uname -m`` gives it.
    architecture: str
    #: It runs as an ordinary user, in namespaces of its own.
    rootless: bool
    #: The engine can put a small init in front of a container's command.
    init: bool
    #: Its containers have control groups: limits, freezing, and figures of their own.
    limits: bool = True
    #: It can change the limits of a container that runs.
    updates: bool = True
    #: It heeds what is said of the numbers of open files and processes.
    ulimits: bool = True
    #: The bridge of a network is there while none of its containers is.
    bridge_lasts: bool = True
    #: Its containers' network has an address of this machine of its own, by which this machine
    #: itself is not reached: only by the name the engine gives it.
    copies_address: bool = False
    #: Exit statuses of a start command that could not be executed.
    refusals: frozenset[int] = frozenset({126, 127})

    def __str__(self) -> str:
        """Say which engine it is: "Podman 4.3.1, rootless"."""
        return f"{self.name} {self.version}{', rootless' if self.rootless else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """A container, as inspected."""

    #: The container's first process as the engine's host numbers it; 0 when it does not run.
    pid: int
    out_of_memory: bool
    #: Addresses by network.
    addresses: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """The parts of an image's configuration that a start needs."""

    id: str
    #: "repository@sha256:…" where a registry has it, else its own id.
    digest: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environ: Mapping[str, str]
    #: As Docker names it: amd64, arm64.
    architecture: str
    #: It may be here for other architectures, too (an engine that keeps lists of images).
    several: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedContainer:
    """A container of a listing."""

    id: str
    labels: Mapping[str, str]
    running: bool


@dataclass(slots=True)
class AttachedOutput:
    """The raw stream of a container's output. ``keep`` must live as long as ``socket``."""

    socket: socket.socket
    keep: object = field(repr=False)
    #: What came together with the head of the engine's answer.
    early: bytes = b""

    @classmethod
    def of(cls, stream: Any) -> AttachedOutput:
        """Return what the SDK's answer reads from, without waiting for it any more."""
        opened = getattr(stream, "_sock", stream)
        opened.setblocking(False)
        early = b""
        # The SDK hands out the socket, and forgets what lies in the buffer before it.
        with suppress(AttributeError, OSError):
            early = bytes(stream._response.raw._fp.fp.peek())
        return cls(opened, stream, early)

    def close(self) -> None:
        # The SDK's answer holds the socket as well, and a socket ends with its last holder.
        for holder in (getattr(self.keep, "_response", None), self.keep, self.socket):
            close = getattr(holder, "close", None)
            if close is not None:
                close()


class translated:
    """Turns the SDK's and its HTTP client's exceptions into EngineFault."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: Any, _trace: Any) -> None:
        if error is None or isinstance(error, DriverFault):
            return
        from docker.errors import APIError, DockerException
        from requests.exceptions import ReadTimeout, RequestException
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        if isinstance(error, APIError):
            text = error.explanation or str(error)
            if isinstance(text, bytes):
                text = text.decode(errors="replace")
            raise EngineFault(str(text), status=error.status_code or 0) from error
        if isinstance(error, ReadTimeout | ReadTimeoutError):
            error = TimeoutError(str(error))
        # Streams are read past `requests`, which would have turned the last of these into its own.
        if isinstance(error, DockerException | RequestException | OSError | HTTPError):
            raise EngineFault(f"the Docker engine is out of reach: {error}") from error
