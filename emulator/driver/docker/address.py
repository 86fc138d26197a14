"""Where the Docker engine is: ``DOCKER_HOST``, contexts, TLS and ``ssh://``, as ``docker`` does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from emulator.model.errors import ConfigurationError

_DEFAULT_SOCKET = "/var/run/docker.sock"
_PODMAN_SOCKET = "/run/podman/podman.sock"
_TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAddress:
    """How an engine is reached."""

    #: ``unix:///path``, ``tcp://host:port``, ``ssh://[user@]host[:port][/socket]`` or ``npipe://``.
    url: str
    #: The folder of ca.pem, cert.pem and key.pem; None without TLS.
    certificates: Path | None = None
    #: Check the engine's certificate against ca.pem.
    verify: bool = True

    @property
    def scheme(self) -> str:
        """The scheme of the URL: "unix", "tcp", "ssh" and so on."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The engine's machine, empty where it is this one's socket."""
        return urlsplit(self.url).hostname or ""


def resolve(environ: Mapping[str, str], *, home: Path, url: str = "") -> EngineAddress:
    """Return the address of the engine the ``docker`` command would use.

    Args:
        environ: The variables to read: DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG,
            DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.
        home: The user's home folder.
        url: Overrides DOCKER_HOST and the context.

    Raises:
        ConfigurationError: The named context is not there, or its metadata can't be read.

    Source: https://docs.docker.com/engine/manage-resources/contexts/ (DOCKER_HOST wins over
    DOCKER_CONTEXT, which wins over the current context).
    """
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    host = url or environ.get("DOCKER_HOST", "")
    if host:
        verify = bool(environ.get("DOCKER_TLS_VERIFY"))
        secure = verify or bool(environ.get("DOCKER_TLS")) or host.startswith("https://")
        certificates = Path(environ.get("DOCKER_CERT_PATH") or folder) if secure else None
        return EngineAddress(url=host, certificates=certificates, verify=verify)
    name = environ.get("DOCKER_CONTEXT") or _current_context(folder)
    if name and name != "default":
        return _context(folder, name)
    # Not Path.exists(), which fails where a folder may not be entered.
    there = [socket for socket in usual_sockets(environ) if os.path.exists(socket)]
    return EngineAddress(url=f"unix://{there[0] if there else _DEFAULT_SOCKET}")


def usual_sockets(environ: Mapping[str, str]) -> list[str]:
    """Return where engines of this machine listen: root's Docker, the user's own, root's Podman."""
    own = environ.get("XDG_RUNTIME_DIR", "")
    rootless = [f"{own}/docker.sock", f"{own}/podman/podman.sock"] if own else []
    return [_DEFAULT_SOCKET, *rootless, _PODMAN_SOCKET]


def _current_context(folder: Path) -> str:
    try:
        return str(json.loads((folder / "config.json").read_bytes()).get("currentContext") or "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{folder / 'config.json'} can't be read: {error}") from error


def _context(folder: Path, name: str) -> EngineAddress:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    try:
        endpoint = json.loads(meta.read_bytes())["Endpoints"]["docker"]
        host = str(endpoint["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"the Docker context {name!r} can't be read ({meta}): `docker context ls` lists "
            "those there are, DOCKER_CONTEXT and DOCKER_HOST choose another"
        ) from error
    tls = folder / "contexts" / "tls" / key / "docker"
    secure = any((tls / file).exists() for file in _TLS_FILES)
    return EngineAddress(
        url=host,
        certificates=tls if secure else None,
        verify=not endpoint.get("SkipTLSVerify", False),
    )
