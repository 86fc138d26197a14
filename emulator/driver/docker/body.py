"""The Engine API body of a container: pure functions from what is wanted to what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.driver import cgroups

#: AWS's user in an execution environment is sbx_user1051 (recorded: uid 993, gid 990).
USER = "993:990"
#: AWS's figures inside an environment: NOFILE 1024, NPROC 742. The latter is a cgroup limit
#: here, since the rlimit counts all processes of a user id on the machine.
OPEN_FILES = 1024
PROCESSES = 742
#: Folders of a container.
CODE = "/var/task"
LAYERS = "/opt"
TEMPORARY = "/tmp"
RUN = "/run/localfaas"
BOOTSTRAP = "/var/localfaas"
#: Where the runtime's output goes, and the socket it finds the control plane on.
OUTPUT = f"{RUN}/output"
SOCKET = f"{RUN}/control.sock"
#: The variable that tells a bootstrap about SOCKET.
SOCKET_VARIABLE = "LOCALFAAS_STEM_SOCKET"

#: What is read once, when a process starts; for images that don't say it themselves.
STEM_ENVIRON = {
    "LANG": "en_US.UTF-8",
    "LC_CTYPE": "C.UTF-8",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
    "/var/task:/var/task/lib:/opt/lib",
    "TZ": ":UTC",
}

#: Runs the first interpreter there is; its output goes to the driver directly.
_ENTRY = f"""\
[ -p {OUTPUT} ] && exec >{OUTPUT} 2>&1
arguments=$1; shift
for interpreter; do
  command -v "$interpreter" >/dev/null && exec "$interpreter" $arguments
done
echo "no interpreter here: $*"
exit 127
"""
#: The arguments of our bootstrap, and the interpreters to look for: of AWS's images, of others.
_INTERPRETERS = {
    "python": (
        f"-I -S {BOOTSTRAP}/bootstrap.py",
        "/var/lang/bin/python{version}",
        "python{version}",
        "python3",
    ),
    "nodejs": (f"{BOOTSTRAP}/bootstrap.mjs --channel", "/var/lang/bin/node", "node", "nodejs"),
}
#: Languages our own bootstraps speak.
LANGUAGES = frozenset(_INTERPRETERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of the machine (``bind``), or one the engine keeps (``volume``)."""

    target: str
    #: A path, a volume's name, or empty for a volume of the container's own.
    source: str = ""
    bind: bool = False
    read_only: bool = False

    def engine(self) -> dict[str, Any]:
        kind = "bind" if self.bind else "volume"
        mount: dict[str, Any] = {"Type": kind, "Target": self.target, "ReadOnly": self.read_only}
        return mount | {"Source": self.source} if self.source else mount


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A container that is wanted."""

    image: str
    entrypoint: Sequence[str]
    command: Sequence[str]
    labels: Mapping[str, str]
    mounts: Sequence[Mount]
    network: str
    environ: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = ""
    #: MB of memory, to which CPU is proportional. None: limited later, on use.
    memory_mb: int | None = None
    #: Put a small init in front, so that the runtime is not process 1 (which signals its own
    #: processes send can't kill) and its orphans are reaped.
    init: bool = True
    #: Names that resolve to the machine, e.g. "host.docker.internal".
    host_names: Sequence[str] = ()


def body(request: Request) -> dict[str, Any]:
    """Return the Engine API body: limited, and hardened (no capabilities, no new privileges,
    read-only root, not root, the engine's default seccomp profile)."""
    host: dict[str, Any] = {
        "NetworkMode": request.network,
        "Mounts": [mount.engine() for mount in request.mounts],
        "PidsLimit": PROCESSES,
        "Ulimits": [{"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES}],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "Init": request.init,
        "ExtraHosts": [f"{name}:host-gateway" for name in request.host_names],
        # Nothing reads the engine's own copy of the output, which would fill the disk.
        "LogConfig": {"Type": "none"},
    }
    if request.memory_mb is not None:
        host["Memory"] = host["MemorySwap"] = request.memory_mb << 20
        host["CpuPeriod"] = cgroups.CPU_PERIOD
        host["CpuQuota"] = cgroups.cpu_quota(request.memory_mb)
    return {
        "Image": request.image,
        "Entrypoint": list(request.entrypoint),
        "Cmd": list(request.command),
        "Env": [f"{name}={value}" for name, value in request.environ.items()],
        "WorkingDir": request.working_directory,
        "User": USER,
        "Labels": dict(request.labels),
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "HostConfig": host,
    }


def bootstrap_command(language: str, version: str) -> list[str]:
    """Return the start command of our own bootstrap for ``language``."""
    arguments, *interpreters = _INTERPRETERS[language]
    found = dict.fromkeys(name.format(version=version) for name in interpreters)
    return ["/bin/sh", "-c", _ENTRY, "localfaas", arguments, *found]
