"""The capabilities of an engine, Docker or Podman, as it reports them itself."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.driver.docker.address import EngineAddress
from emulator.driver.docker.responses import EngineInfo

if TYPE_CHECKING:
    from docker import APIClient

#: A name that no container has.
_NOBODY = "localfaas-nobody"
#: Podman's init ends with 1 where it can't execute the command; Docker's as a shell does.
_PODMAN_REFUSALS = frozenset({1, 126, 127})


def ask(client: APIClient) -> EngineInfo:
    """Ask the engine what it is. Blocks.

    Raises:
        docker.errors.APIError: It refused.
        requests.RequestException: It is gone.
    """
    info = client.info()
    security = info.get("SecurityOptions") or ()
    docker = EngineInfo(
        name="Docker",
        version=str(info.get("ServerVersion", "")),
        operating_system=str(info.get("OperatingSystem", "")),
        kernel=str(info.get("KernelVersion", "")),
        architecture=str(info.get("Architecture", "")),
        rootless=any("rootless" in option for option in security),
        init=bool(info.get("InitBinary")),
        # Without delegated control groups a rootless engine has none: its driver is "none" then.
        limits=bool(info.get("MemoryLimit", True)),
    )
    podman = _podman(client)
    return _of_podman(docker, podman, updates=_updates(client)) if podman else docker


def limits_later(info: EngineInfo, *, local: bool) -> bool:
    """Say whether a container that runs can be given limits, where it can have any."""
    own_groups = local and (os.geteuid() == 0 or info.rootless)
    return not info.limits or info.updates or own_groups


def shares_this_machine(address: EngineAddress, info: EngineInfo) -> bool:
    """Say whether the engine's containers run on this kernel and can see its files."""
    return (
        sys.platform == "linux"
        and address.scheme == "unix"
        and "Docker Desktop" not in info.operating_system
        and info.kernel == os.uname().release
    )


def _of_podman(docker: EngineInfo, podman: dict[str, Any], *, updates: bool) -> EngineInfo:
    """Return what Podman says through Docker's API, put right by what it says of itself."""
    host = podman.get("host") or {}
    rootless = bool((host.get("security") or {}).get("rootless"))
    return replace(
        docker,
        name="Podman",
        rootless=rootless,
        # It does not tell, and refuses by name where its package is missing.
        init=True,
        # Docker's `MemoryLimit` is true here even where limits are ignored.
        limits="memory" in (host.get("cgroupControllers") or ()),
        updates=updates,
        ulimits=not rootless,  # of Docker's API; its own commands heed them
        bridge_lasts=host.get("networkBackend") != "netavark",
        copies_address=rootless and host.get("rootlessNetworkCmd") == "pasta",
        refusals=_PODMAN_REFUSALS,
    )


def _podman(client: APIClient) -> dict[str, Any]:
    """Return what only Podman says of itself; nothing where it is another engine."""
    answer = client.get(f"{client.base_url}/v4.0.0/libpod/info", timeout=client.timeout)
    try:
        found = answer.json() if answer.ok else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _updates(client: APIClient) -> bool:
    """Say whether the engine knows the operation that changes a running container's limits."""
    from docker.errors import APIError

    try:
        client.update_container(_NOBODY, cpu_shares=2)
    except APIError as error:
        # Else there is no such operation, which has the same status.
        return "no such container" in str(error.explanation or error).lower()
    return True
