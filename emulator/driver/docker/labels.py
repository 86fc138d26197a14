"""The labels of the containers and volumes that the driver makes, and who may remove them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: The emulator instance that made it.
INSTANCE = "localfaas.instance"
#: The stem or function that it is for.
POOL = "localfaas.pool"
#: The machine and the folder that the instance keeps its lock in.
OWNER = "localfaas.owner"
#: The container the control plane itself runs in.
CONTROL = "localfaas.control"

#: Testcontainers' reaper (Ryuk) removes what carries its labels once the test session ends.
#: Source: https://java.testcontainers.org/features/configuration/ and its `ResourceReaper`.
_REAPER = "org.testcontainers"

#: The engine mounts these files into each container; on a host, other mounts carry ids too.
_CONTAINER_ID = re.compile(r"containers/([0-9a-f]{64})/\S+ /etc/(?:hostname|hosts|resolv\.conf) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process that makes containers."""

    instance: str
    #: "<host name>:<folder>".
    owner: str
    #: The id of the container the control plane runs in; empty on a host.
    control: str

    def labels(self) -> dict[str, str]:
        """Return the labels of everything that this instance makes."""
        labels = {INSTANCE: self.instance, OWNER: self.owner}
        return labels | {CONTROL: self.control} if self.control else labels


def is_orphan(
    labels: Mapping[str, str], me: Owner, *, running: frozenset[str], locked: frozenset[str]
) -> bool:
    """Say whether a container or volume with ``labels`` belongs to an instance that has ended.

    Args:
        labels: The labels of the container or volume.
        me: The instance that asks.
        running: Ids of the engine's running containers.
        locked: Instances whose lock is held on this machine.
    """
    instance = labels.get(INSTANCE, "")
    if not instance or instance == me.instance:
        return False
    control = labels.get(CONTROL, "")
    if control:
        return control not in running or control == me.control
    return labels.get(OWNER) == me.owner and instance not in locked


def reaper_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``labels`` that Testcontainers' reaper goes by."""
    return {key: value for key, value in labels.items() if key.startswith(_REAPER)}


def own_container(mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the id of the container that this process runs in; "" on a host."""
    try:
        match = _CONTAINER_ID.search(mountinfo.read_text())
    except OSError:
        return ""
    return match[1] if match else ""
