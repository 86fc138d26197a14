"""The request that creates a container, as the Engine API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.driver import cgroups

#: Each container has a user id of its own among these: the limit on processes counts all of a
#: user id on the machine. Below 65,536, which is what user namespaces have.
_FIRST_USER, _USERS = 10_000, 50_000
#: AWS's figures inside an environment, recorded.
OPEN_FILES = 1024
PROCESSES = 742
LOCKED_BYTES = 65_536
CORE_BYTES = 10_737_418_240


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of the machine (``bind``), or one the engine keeps (``volume``)."""

    target: str
    #: A path, a volume's name, or empty for a volume of the container's own.
    source: str = ""
    bind: bool = False
    read_only: bool = False
    #: A volume that starts without what the image has at its target.
    empty: bool = False

    def engine(self) -> dict[str, Any]:
        """Return the mount as the Engine API has it."""
        kind = "bind" if self.bind else "volume"
        mount: dict[str, Any] = {"Type": kind, "Target": self.target, "ReadOnly": self.read_only}
        if self.empty:
            mount["VolumeOptions"] = {"NoCopy": True}
        return mount | {"Source": self.source} if self.source else mount


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A container that is wanted."""

    image: str
    entrypoint: Sequence[str]
    command: Sequence[str]
    labels: Mapping[str, str]
    mounts: Sequence[Mount]
    network: str
    #: Which of the instance's containers it is, from 1.
    number: int
    environ: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = ""
    #: MB of memory. None: limited later, on use.
    memory_mb: int | None = None
    #: Microseconds of CPU in each period. None: all there are, or limited later.
    cpu_quota: int | None = None
    #: Put a small init in front, so that the runtime is not process 1 (which signals its own
    #: processes send can't kill) and its orphans are reaped.
    init: bool = True
    #: The engine may raise limits as well as lower them: one without root may not.
    raises_limits: bool = True
    #: Addresses by name; "host-gateway" is the engine's machine.
    hosts: Mapping[str, str] = field(default_factory=dict)
    #: A port that the engine's machine, too, has at its loopback address; 0: none.
    port: int = 0

    def body(self) -> dict[str, Any]:
        """Return the Engine API body: limited and hardened.

        Hardened: no capabilities, no new privileges, a read-only root, a user other than root, the
        engine's default seccomp profile.
        """
        host: dict[str, Any] = {
            "NetworkMode": self.network,
            "Mounts": [mount.engine() for mount in self.mounts],
            "PidsLimit": PROCESSES,
            "Ulimits": [
                {"Name": name, "Soft": most, "Hard": most} for name, most in self._limits().items()
            ],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Init": self.init,
            "ExtraHosts": [f"{name}:{address}" for name, address in self.hosts.items()],
            # Nothing reads the engine's own copy of the output, which would fill the disk.
            "LogConfig": {"Type": "none"},
        }
        if self.memory_mb is not None:
            host["Memory"] = host["MemorySwap"] = self.memory_mb << 20
        if self.cpu_quota is not None:
            host["CpuPeriod"] = cgroups.CPU_PERIOD
            host["CpuQuota"] = self.cpu_quota
        exposed = f"{self.port}/tcp"
        if self.port:
            address = {"HostIp": "127.0.0.1", "HostPort": str(self.port)}
            host["PortBindings"] = {exposed: [address]}
        return {
            "Image": self.image,
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": [f"{name}={value}" for name, value in self.environ.items()],
            "WorkingDir": self.working_directory,
            "User": f"{user_id(self.number)}:{user_id(self.number)}",
            "Labels": dict(self.labels),
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": False,
            "ExposedPorts": {exposed: {}} if self.port else {},
            "HostConfig": host,
        }

    def _limits(self) -> dict[str, int]:
        found = {"nofile": OPEN_FILES, "nproc": PROCESSES}
        if self.raises_limits:
            found |= {"memlock": LOCKED_BYTES, "core": CORE_BYTES}
        return found


def user_id(number: int) -> int:
    """Return the user id, and group id, of an instance's container ``number``."""
    return _FIRST_USER + number % _USERS
