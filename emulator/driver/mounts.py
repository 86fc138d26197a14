"""Mounts of Linux without a trace on the host: into a container, and disks of a given size.

A privileged control plane shows a folder inside a *running* container by taking a detached
clone of it (``open_tree``), stepping into the container's mount namespace (``setns``) and
attaching it there (``move_mount``). Nothing is mounted on the host, so nothing is left of it
once the container is gone, even after a ``kill -9`` of the control plane.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_CLONE_FS = 0x200
_CLONE_NEWNS = 0x20000
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY_NOSUID_NODEV = 1 | 2 | 4
_MOUNT_ATTR_NOSUID_NODEV_NOATIME = 2 | 4 | 16
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_MNT_DETACH = 2

# The numbers of calls younger than 2018 are the same on every architecture.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_FSOPEN = 430
_SYS_FSCONFIG = 431
_SYS_FSMOUNT = 432
_SYS_MOUNT_SETATTR = 442

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
#: struct loop_config (linux/loop.h): fd, block size, loop_info64 with its flags, reserve.
_LOOP_CONFIG = struct.Struct("=II 5Q 4I 64x64x32x 2Q 8Q")

_CAP_SYS_ADMIN = 21
#: mount_setattr came with 5.12; everything else here is older.
_OLDEST_KERNEL = (5, 12)

_libc = ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Say whether this process may mount into containers and make disks (root on Linux)."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    major, minor = os.uname().release.split(".")[:2]
    if (int(major), int("".join(c for c in minor if c.isdigit()) or 0)) < _OLDEST_KERNEL:
        return False
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_SYS_ADMIN & 1)


def entering_executor() -> ThreadPoolExecutor:
    """Return an executor of one thread that may enter other mount namespaces.

    Namespaces belong to threads, but a thread may only change its mount namespace once it no
    longer shares its working directory with the others.
    """
    return ThreadPoolExecutor(
        1, thread_name_prefix="mounts", initializer=lambda: _call("unshare", _CLONE_FS)
    )


def _inside(pid: int) -> AbstractContextManager[None]:
    """Be in the mount namespace of ``pid`` for a while, on a thread of its own."""
    own = Path("/proc/thread-self/ns/mnt")
    return inside_namespace(Path(f"/proc/{pid}/ns/mnt"), own, _CLONE_NEWNS)


@contextmanager
def inside_namespace(namespace: Path, own: Path, kind: int) -> Iterator[None]:
    """Have this thread be in another namespace for a while.

    Args:
        namespace: Where the kernel shows it.
        own: Where it shows that of this thread.
        kind: The flag of clone(2) that stands for this kind of namespace.

    Raises:
        OSError: The kernel refused, or the process is gone.
    """
    home = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", there, kind)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _call("setns", home, kind)
    finally:
        os.close(home)


def attach(pid: int, folders: list[tuple[Path, str]]) -> None:
    """Show folders, read-only, inside the mount namespace of ``pid``.

    Must run on a thread of :func:`entering_executor`.

    Args:
        pid: A process of the container, as the host numbers it.
        folders: What to show, and at which existing folder of the container.

    Raises:
        OSError: The kernel refused, or the container is gone.
    """
    trees: list[tuple[int, str]] = []
    try:
        for source, target in folders:
            tree = clone(source)
            trees.append((tree, target))
            _read_only(tree)
        with _inside(pid):
            for tree, target in trees:
                move(tree, target)
    finally:
        for tree, _ in trees:
            os.close(tree)


def place(pid: int, tree: int, target: str) -> int:
    """Attach the detached mount ``tree`` inside the mount namespace of ``pid``, and close it.

    Must run on a thread of :func:`entering_executor`.

    Returns:
        A detached copy, with which the same can be shown to the namespace's successor.

    Raises:
        OSError: The kernel refused, or the process is gone.
    """
    try:
        with _inside(pid):
            move(tree, target)
            return clone(Path(target))
    finally:
        os.close(tree)


def clone(path: Path) -> int:
    """Return a detached copy of the mount at ``path``: it lives as long as the descriptor."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return _syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)


def move(tree: int, target: str) -> None:
    """Attach the detached mount ``tree`` at ``target``; the descriptor stays open."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH
    _syscall(_SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), flags)


def unmount(target: Path) -> None:
    """Take the topmost mount away from ``target``, even while somebody uses it."""
    _call("umount2", os.fsencode(target), _MNT_DETACH)


def mounts_below(folder: Path) -> list[Path]:
    """Return the mount points at and below ``folder``, the deepest and topmost first."""
    prefix = str(folder)
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split(" ")[4].encode().decode("unicode_escape")
        if point == prefix or point.startswith(prefix + "/"):
            found.append(Path(point))
    return found[::-1]


def open_disk(image: Path) -> int:
    """Return the ext4 file system in the file ``image`` as a detached mount, by a loop device.

    The device frees itself with the last mount, and the file may be unlinked at once.

    Raises:
        OSError: No loop device can be had, or the kernel refused.
    """
    disk = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    try:
        device, name = _loop_device(disk)
    finally:
        os.close(disk)
    try:
        system = _syscall(_SYS_FSOPEN, b"ext4", _FSOPEN_CLOEXEC)
        try:
            _syscall(_SYS_FSCONFIG, system, _FSCONFIG_SET_STRING, b"source", name.encode(), 0)
            _syscall(_SYS_FSCONFIG, system, _FSCONFIG_CMD_CREATE, 0, 0, 0)
            attributes = _MOUNT_ATTR_NOSUID_NODEV_NOATIME
            return _syscall(_SYS_FSMOUNT, system, _FSMOUNT_CLOEXEC, attributes)
        finally:
            os.close(system)
    finally:
        os.close(device)


def _loop_device(disk: int) -> tuple[int, str]:
    """Bind the open file ``disk`` to a free loop device; return it open, and its path."""
    with open("/dev/loop-control", "rb") as control:
        while True:
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            name = f"/dev/loop{number}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            config = _LOOP_CONFIG.pack(
                disk, 0, *[0] * 5, number, 0, 0, _LO_FLAGS_AUTOCLEAR, *[0] * 10
            )
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, config)
            except OSError as error:
                os.close(device)
                if error.errno == errno.EBUSY:  # somebody else took it in between
                    continue
                raise
            return device, name


def _read_only(tree: int) -> None:
    attributes = struct.pack("=4Q", _MOUNT_ATTR_RDONLY_NOSUID_NODEV, 0, 0, 0)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    _syscall(_SYS_MOUNT_SETATTR, tree, b"", flags, attributes, len(attributes))


def _syscall(number: int, *arguments: int | bytes) -> int:
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *converted))


def _call(name: str, *arguments: int | bytes) -> int:
    converted = [ctypes.c_int(a) if isinstance(a, int) else a for a in arguments]
    return _checked(getattr(_libc, name)(*converted))


def _checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
