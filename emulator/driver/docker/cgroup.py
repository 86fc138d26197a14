"""A container's cgroup, when the engine runs on this machine: files instead of engine calls.

Writing a limit takes some ten microseconds here and 20 ms through the engine.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from emulator.driver.docker.body import CPU_PERIOD, Limits
from emulator.model.sandbox import Usage

_ROOT = Path("/sys/fs/cgroup")


def of_process(pid: int, container: str, *, root: Path = _ROOT) -> Cgroup | None:
    """Return the cgroup of the container's process ``pid``; None where it can't be seen.

    Args:
        pid: As the engine numbers it: elsewhere it may be anybody's.
        container: The id, which every engine makes part of the cgroup's path.
        root: Where the cgroup file systems are mounted.
    """
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    paths = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if container in path:
            paths.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    if (root / "cgroup.controllers").exists():
        folder = root / paths[""] if "" in paths else None
        return UnifiedCgroup(folder) if folder and folder.exists() else None
    folders = {name: root / name / path for name, path in paths.items() if name}
    if {"memory", "cpu", "freezer", "pids"} <= folders.keys() and folders["memory"].exists():
        return SplitCgroup(folders)
    return None


class Cgroup:
    """What both versions of the interface share. ``OSError`` where the kernel refuses."""

    #: This process may change limits and freeze.
    writable: bool

    def limit(self, limits: Limits) -> None:
        """Set memory (with swap) and CPU."""
        raise NotImplementedError

    def freeze(self, frozen: bool) -> None:
        """Stop every process, or let them go on."""
        raise NotImplementedError

    def peak(self) -> int:
        """Return the most memory in bytes it ever had."""
        raise NotImplementedError

    def usage(self) -> Usage:
        """Return what it takes now."""
        raise NotImplementedError

    def out_of_memory_kills(self) -> int:
        """Return how many of its processes the kernel killed for memory."""
        raise NotImplementedError


class SplitCgroup(Cgroup):
    """Version 1: one folder per controller."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._memory, self._cpu = folders["memory"], folders["cpu"]
        self._freezer, self._pids = folders["freezer"], folders["pids"]
        self._account = folders.get("cpuacct", self._cpu)
        self.writable = all(
            os.access(file, os.W_OK)
            for file in (
                self._memory / "memory.limit_in_bytes",
                self._cpu / "cpu.cfs_quota_us",
                self._freezer / "freezer.state",
            )
        )

    def limit(self, limits: Limits) -> None:
        (self._memory / "memory.limit_in_bytes").write_text(str(limits.memory))
        # Missing where the kernel does not count swap.
        with suppress(FileNotFoundError):
            (self._memory / "memory.memsw.limit_in_bytes").write_text(str(limits.memory))
        (self._cpu / "cpu.cfs_period_us").write_text(str(CPU_PERIOD))
        (self._cpu / "cpu.cfs_quota_us").write_text(str(limits.cpu_quota))

    def freeze(self, frozen: bool) -> None:
        (self._freezer / "freezer.state").write_text("FROZEN" if frozen else "THAWED")

    def peak(self) -> int:
        return int((self._memory / "memory.max_usage_in_bytes").read_text())

    def usage(self) -> Usage:
        return Usage(
            memory=int((self._memory / "memory.usage_in_bytes").read_text()),
            memory_peak=self.peak(),
            cpu_seconds=int((self._account / "cpuacct.usage").read_text()) / 1e9,
            processes=int((self._pids / "pids.current").read_text()),
        )

    def out_of_memory_kills(self) -> int:
        return _field(self._memory / "memory.oom_control", "oom_kill")


class UnifiedCgroup(Cgroup):
    """Version 2: one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._peak = 0
        files = ("memory.max", "cpu.max", "cgroup.freeze")
        self.writable = all(os.access(folder / file, os.W_OK) for file in files)

    def limit(self, limits: Limits) -> None:
        with suppress(FileNotFoundError):
            (self._folder / "memory.swap.max").write_text("0")
        (self._folder / "memory.max").write_text(str(limits.memory))
        (self._folder / "cpu.max").write_text(f"{limits.cpu_quota} {CPU_PERIOD}")

    def freeze(self, frozen: bool) -> None:
        (self._folder / "cgroup.freeze").write_text("1" if frozen else "0")

    def peak(self) -> int:
        try:
            return int((self._folder / "memory.peak").read_text())
        except FileNotFoundError:  # before Linux 5.19: the most that was seen when looking
            now = int((self._folder / "memory.current").read_text())
            self._peak = max(self._peak, now)
            return self._peak

    def usage(self) -> Usage:
        return Usage(
            memory=int((self._folder / "memory.current").read_text()),
            memory_peak=self.peak(),
            cpu_seconds=_field(self._folder / "cpu.stat", "usage_usec") / 1e6,
            processes=int((self._folder / "pids.current").read_text()),
        )

    def out_of_memory_kills(self) -> int:
        return _field(self._folder / "memory.events", "oom_kill")


def _field(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
