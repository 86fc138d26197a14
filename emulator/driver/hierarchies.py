"""Where the hierarchies of control groups are on this machine, and a process in them."""

from __future__ import annotations

from pathlib import Path

V1_CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "freezer")


def below(mount: Path, path: str) -> Path:
    """Return where ``path`` of a hierarchy is found under its mount point.

    In a container the path may be the host's while only the own part is mounted.
    """
    full = mount / path.lstrip("/")
    return full if full.is_dir() else mount


def mounts() -> dict[str, Path]:
    """Return where each version 1 controller is mounted, and "" for version 2."""
    found: dict[str, Path] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        place = Path(fields.split(" ")[4])
        if kind == "cgroup2":
            found.setdefault("", place)
        elif kind == "cgroup":
            for option in options.split(" ")[-1].split(","):
                if option in V1_CONTROLLERS:
                    found.setdefault(option, place)
    return found


def own_paths(pid: int) -> dict[str, str]:
    """Return the path of ``pid`` in each version 1 controller, and in version 2 under ""."""
    found: dict[str, str] = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found
