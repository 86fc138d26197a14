"""Control groups, version 1 and 2: limits, figures and freezing for a set of processes.

Finds a place in the hierarchy where this process may make groups, and hands out
:class:`Group` objects below it. Every call is one or a few small reads or writes of the
kernel's own files: microseconds, so they are made on the loop. Source: the kernel's
``Documentation/admin-guide/cgroup-v1`` and ``cgroup-v2.rst``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from emulator.driver import hierarchies
from emulator.driver.hierarchies import V1_CONTROLLERS
from emulator.model.limits import MB_PER_VCPU
from emulator.model.sandbox import EnvironmentSpec, Usage

#: The period of the CPU quota in microseconds. Short, so that a small function that has used
#: up its share waits for 20 ms at most; the kernel takes no quota below 1 ms.
CPU_PERIOD = 20_000
_CPU_QUOTA_MIN = 1_000
_V2_CONTROLLERS = ("memory", "cpu", "pids")
#: The first part of the folders' names, before the instance's own.
_PREFIX = "localfaas."
#: Tries to remove a group while its last processes end, 2 ms apart.
_REMOVE_ATTEMPTS = 50


def cpu_quota(spec: EnvironmentSpec) -> int | None:
    """Return the microseconds of CPU per period that ``spec`` may use; None: all there are."""
    if not spec.limit_cpu:
        return None
    if spec.cpus is not None:
        return max(_CPU_QUOTA_MIN, round(CPU_PERIOD * spec.cpus))
    return max(_CPU_QUOTA_MIN, CPU_PERIOD * spec.memory_mb // MB_PER_VCPU)


class Group:
    """One group: a folder per controller (version 1) or a single one (version 2)."""

    def __init__(self, folders: dict[str, Path], *, unified: bool) -> None:
        self.folders = folders
        self.unified = unified
        self._peak_fd: int | None = None

    @classmethod
    def of(cls, pid: int) -> Group:
        """Return the group ``pid`` is in, e.g. a container's.

        Raises:
            OSError: There is no such process, or no control groups.
        """
        mounts = hierarchies.mounts()
        own = hierarchies.own_paths(pid)
        if "memory" in mounts:
            return cls(
                {
                    name: hierarchies.below(mounts[name], own[name])
                    for name in V1_CONTROLLERS
                    if name in own
                },
                unified=False,
            )
        return cls({"": hierarchies.below(mounts[""], own[""])}, unified=True)

    def _file(self, controller: str, name: str) -> Path:
        return self.folders["" if self.unified else controller] / name

    def _read(self, controller: str, v1: str, v2: str) -> str:
        return self._file(controller, v2 if self.unified else v1).read_text()

    def _write(self, controller: str, name: str, value: object) -> None:
        # Not open(): its buffers and decoders take longer than the kernel does.
        fd = os.open(self._file(controller, name), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(fd, str(value).encode())
        finally:
            os.close(fd)

    def limit(self, *, memory: int, pids: int | None = None) -> None:
        """Set the limits: ``memory`` in bytes, without swap, and the number of processes.

        Raises:
            OSError: The kernel refused.
        """
        if self.unified:
            self._write("memory", "memory.max", memory)
            with suppress(FileNotFoundError):
                self._write("memory", "memory.swap.max", 0)
            if pids is not None:
                self._write("pids", "pids.max", pids)
            return
        self._write("memory", "memory.limit_in_bytes", memory)
        # Memory and swap together: equal to memory means no swap. Not there on every kernel.
        with suppress(FileNotFoundError):
            self._write("memory", "memory.memsw.limit_in_bytes", memory)
        if pids is not None and "pids" in self.folders:
            self._write("pids", "pids.max", pids)

    def limit_cpu(self, quota: int) -> None:
        """Set the share of CPU: ``quota`` µs in each period.

        Raises:
            OSError: The kernel refused.
        """
        if self.unified:
            self._write("cpu", "cpu.max", f"{quota} {CPU_PERIOD}")
        elif "cpu" in self.folders:
            self._write("cpu", "cpu.cfs_period_us", CPU_PERIOD)
            try:
                self._write("cpu", "cpu.cfs_quota_us", quota)
            except OSError as error:
                # More than a group above may use, which keeps this one to less anyway.
                if error.errno != errno.EINVAL:
                    raise

    def memory_peak(self) -> int:
        """Return the most bytes held at once since the group was made; 0 when unknown."""
        name = "memory.peak" if self.unified else "memory.max_usage_in_bytes"
        try:
            if self._peak_fd is None:
                self._peak_fd = os.open(self._file("memory", name), os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self._peak_fd, 32, 0))
        except OSError:
            return 0

    def memory(self) -> int:
        return int(self._read("memory", "memory.usage_in_bytes", "memory.current"))

    def out_of_memory_kills(self) -> int:
        """Return how many processes the kernel has killed for passing the memory limit."""
        try:
            text = self._read("memory", "memory.oom_control", "memory.events")
        except OSError:
            return 0
        found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    def cpu_seconds(self) -> float:
        """Return the CPU time that the group has used, in seconds."""
        if not self.unified:
            return int(self._file("cpuacct", "cpuacct.usage").read_text()) / 1e9
        found = re.search(r"^usage_usec (\d+)$", self._file("", "cpu.stat").read_text(), re.M)
        return int(found[1]) / 1e6 if found else 0.0

    def throttled_s(self) -> float:
        """Return the seconds that its processes had to wait for CPU time because of their quota.

        The sum over all CPUs, since the group was made. 0 when it can't be known.
        """
        try:
            text = self._file("cpu", "cpu.stat").read_text()
        except (OSError, KeyError):
            return 0.0
        unit, pattern = (
            (1e6, r"^throttled_usec (\d+)$") if self.unified else (1e9, r"^throttled_time (\d+)$")
        )
        found = re.search(pattern, text, re.MULTILINE)
        return int(found[1]) / unit if found else 0.0

    def around(self, name: str) -> Group:
        """Return the outermost group around this one, of version 2, with ``name`` in its own.

        Podman's processes are in a group within the container's, which has all the files.
        """
        if not self.unified:
            return self
        own = self.folders[""]
        found = [folder for folder in (own, *own.parents) if name in folder.name]
        return Group({"": found[-1]}, unified=True) if found else self

    def pids(self) -> list[int]:
        """Return the processes in the group, and in version 2 those in groups within it."""
        folder = self.folders["" if self.unified else "memory"]
        files = folder.rglob("cgroup.procs") if self.unified else [folder / "cgroup.procs"]
        found: list[int] = []
        with suppress(OSError):
            for file in files:
                found += [int(pid) for pid in file.read_text().split()]
        return found

    def usage(self, memory_peak: int) -> Usage:
        """Return what the group takes now, with the given peak. Reads files: blocks.

        Raises:
            OSError: The group is gone.
        """
        return Usage(
            memory=self.memory(),
            memory_peak=memory_peak,
            cpu_seconds=self.cpu_seconds(),
            processes=len(self.pids()),
        )

    @property
    def can_freeze(self) -> bool:
        """Say whether this machine can freeze the group."""
        return self.unified or "freezer" in self.folders

    def freeze(self) -> None:
        if self.unified:
            self._write("", "cgroup.freeze", 1)
        else:
            self._write("freezer", "freezer.state", "FROZEN")

    def thaw(self) -> None:
        if self.unified:
            self._write("", "cgroup.freeze", 0)
        else:
            self._write("freezer", "freezer.state", "THAWED")

    def close(self) -> None:
        """Let go of the descriptor kept for the peak."""
        if self._peak_fd is not None:
            os.close(self._peak_fd)
            self._peak_fd = None

    def kill(self) -> None:
        """Kill every process in the group, those that they fork meanwhile included. Blocks."""
        for _ in range(_REMOVE_ATTEMPTS):
            if not self.pids():
                return
            _kill(self.folders["" if self.unified else "memory"])
            time.sleep(0.002)

    def remove(self, *, kill: bool = False) -> bool:
        """Remove the group, waiting up to 0.1 s for its last processes to leave.

        Blocks: call it from a thread.

        Args:
            kill: Kill what is still in there.

        Returns:
            Whether it is gone.
        """
        self.close()
        return all(_remove(folder, kill=kill) for folder in set(self.folders.values()))


@dataclass(frozen=True, kw_only=True)
class Cgroups:
    """A place where groups may be made: a folder per controller, or one for all."""

    bases: dict[str, Path]
    unified: bool
    #: The locks on the bases; see :func:`_claim`.
    claims: list[int] = field(default_factory=list)

    @classmethod
    def detect(cls, instance: str) -> Cgroups | None:
        """Make a folder for ``instance`` where this process may have groups; None when nowhere.

        Removes the folders of instances that have ended without doing so.
        """
        name = _PREFIX + instance
        try:
            mounts, own = hierarchies.mounts(), hierarchies.own_paths(os.getpid())
        except OSError:
            return None
        if "memory" in mounts and "cpu" in mounts:
            return cls._detect_v1(name, mounts, own)
        if "" in mounts and "" in own:
            return cls._detect_v2(name, mounts[""], own[""])
        return None

    @classmethod
    def _detect_v1(cls, name: str, mounts: dict[str, Path], own: dict[str, str]) -> Cgroups | None:
        found = cls(bases={}, unified=False)
        for controller in V1_CONTROLLERS:
            if controller not in mounts or controller not in own:
                continue
            base = hierarchies.below(mounts[controller], own[controller]) / name
            try:
                # Controllers may share a hierarchy (cpu,cpuacct): a folder is claimed once.
                if base not in found.bases.values():
                    found.claims.append(_claim(base))
            except OSError:
                if controller in ("memory", "cpu"):
                    found.remove()
                    return None
                continue
            found.bases[controller] = base
        return found

    @classmethod
    def _detect_v2(cls, name: str, mount: Path, own: str) -> Cgroups | None:
        # A group with processes in it can't have children with controllers, so the own group
        # seldom serves; one above it does where root or a delegation (systemd) lets us.
        start = hierarchies.below(mount, own)
        for parent in (start, *start.parents):
            if parent != mount and mount not in parent.parents:
                break
            if not os.access(parent / "cgroup.procs", os.W_OK):
                break
            base = parent / name
            try:
                _enable_controllers(parent)
                found = cls(bases={"": base}, unified=True, claims=[_claim(base)])
            except OSError:
                continue
            try:
                _enable_controllers(base)
            except OSError:
                found.remove()
                continue
            return found
        return None

    def group(self, name: str) -> Group:
        """Return the group ``name``; its folders may not exist yet."""
        folders = {controller: base / name for controller, base in self.bases.items()}
        return Group(folders, unified=self.unified)

    def remove(self) -> None:
        """Remove the place and all groups in it, killing what is in them. Blocks."""
        for base in set(self.bases.values()):
            remove_tree(base)
        while self.claims:
            os.close(self.claims.pop())


def _claim(base: Path) -> int:
    """Make the folder ``base`` and hold it for as long as the returned descriptor is open.

    A lock ends with its process, however that ends, and is seen from every namespace.

    Raises:
        OSError: It can't be made.
    """
    _sweep(base.parent)
    while True:
        base.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # swept before it was held
            claim = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(claim, fcntl.LOCK_EX)
            if base.exists():
                return claim
            os.close(claim)


def _sweep(parent: Path) -> None:
    """Remove the folders in ``parent`` that nobody holds."""
    for folder in parent.glob(_PREFIX + "*"):
        with suppress(OSError):
            claim = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
            finally:
                os.close(claim)


def remove_tree(base: Path) -> None:
    """Remove a folder of groups, killing the processes in them. Blocks; never raises."""
    try:
        inner = [entry for entry in base.iterdir() if entry.is_dir()]
    except OSError:
        return
    for folder in inner:
        remove_tree(folder)
    _remove(base, kill=True)


def _remove(folder: Path, *, kill: bool = False) -> bool:
    for _ in range(_REMOVE_ATTEMPTS):
        if kill:
            _kill(folder)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno != errno.EBUSY:
                return False
            time.sleep(0.002)
        else:
            return True
    return False


def _kill(folder: Path) -> None:
    with suppress(OSError):
        for name, value in (("freezer.state", "THAWED"), ("cgroup.kill", "1")):
            if (folder / name).exists():
                (folder / name).write_text(value)
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _enable_controllers(folder: Path) -> None:
    control = folder / "cgroup.subtree_control"
    missing = set(_V2_CONTROLLERS) - set(control.read_text().split())
    if missing:
        control.write_text(" ".join(f"+{name}" for name in sorted(missing)))


def unique_folders(group: Group) -> Sequence[str]:
    """Return the folders of ``group`` as text, each once: the order to enter them in."""
    return list(dict.fromkeys(str(folder) for folder in group.folders.values()))
