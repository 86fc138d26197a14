"""Whether an engine can be had and which; where none answers, why not and what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.driver.docker.address import EngineAddress, resolve, usual_sockets
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.responses import CredentialsFault, EngineInfo
from emulator.model.errors import ConfigurationError, DriverFault

#: Seconds an engine that has answered once has to say what it is: Podman asks its tools first.
_TO_TELL = 10.0
_START = (
    "Start one (Docker Desktop, `systemctl start docker`, `systemctl --user start podman.socket`), "
    "or name another with DOCKER_HOST"
)

_MEND = "Mend it (`docker logout`, `docker login`), or name another folder with DOCKER_CONFIG."


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEngine:
    """Whether an engine can be had."""

    url: str
    #: Its description; None where none answers.
    info: EngineInfo | None = None
    #: Why no engine can be had; empty if one can.
    reason: str = ""
    #: The remedy, in sentences; empty where none is known.
    hint: str = ""

    @property
    def answers(self) -> bool:
        """Say whether an engine answers."""
        return self.info is not None


def find_engine(environ: Mapping[str, str], *, seconds: float = 2.0) -> FoundEngine:
    """Ask the engine that ``environ`` names whether it is there. Blocks.

    Args:
        environ: The variables that say where it is.
        seconds: How long it has to answer at all.
    """
    try:
        address = resolve(environ, home=Path.home())
    except ConfigurationError as error:
        return FoundEngine(url="", reason=str(error))
    engine = Engine(address, timeout=seconds, environ=environ)
    try:
        engine.connect()
        return FoundEngine(url=address.url, info=engine.ask(_TO_TELL))
    except CredentialsFault as error:
        return FoundEngine(url=address.url, reason=str(error), hint=_MEND)
    except DriverFault as error:
        reason = f"no Docker engine answers at {address.url} ({error})"
        return FoundEngine(url=address.url, reason=reason, hint=hint(address, error, environ))
    finally:
        engine.close()


def no_engine(address: EngineAddress, error: DriverFault, environ: Mapping[str, str]) -> str:
    """Return the message for a user whose engine does not answer: what is wrong, and the remedy."""
    if isinstance(error, CredentialsFault):
        return f"{error}. {_MEND}"
    advice = hint(address, error, environ) or f"{_START}."
    return f"no Docker engine answers at {address.url} ({error}). {advice}"


def hint(address: EngineAddress, error: DriverFault, environ: Mapping[str, str]) -> str:
    """Return what to do about an engine that did not answer; empty where nothing stands out."""
    found = []
    if isinstance(error.__cause__, PermissionError):
        found.append(
            "This user may not open that socket: join the group it belongs to (`sudo usermod -aG "
            "docker $USER`, then log in anew), or run a rootless engine."
        )
    elif environ.get("DOCKER_HOST") == address.url:
        found.append("DOCKER_HOST names it: start that engine, or unset DOCKER_HOST.")
    for socket in usual_sockets(environ):
        if f"unix://{socket}" != address.url and os.access(socket, os.W_OK):
            found.append(f"There is a socket of another one: DOCKER_HOST=unix://{socket} uses it.")
    return " ".join(found)
