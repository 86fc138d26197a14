"""The few Linux calls that Python's standard library does not have, through ctypes.

Runs on every Python from 3.8 on. Importing it elsewhere than on Linux is harmless; calling is not.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_PARENT = 0x00008000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

# The numbers of these calls are the same on every architecture.
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_RDONLY_NOSUID_NODEV_IDMAP = 0x100000 | 1 | 2 | 4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63
_SIGKILL = 9

_KEYCTL_JOIN_SESSION_KEYRING = 1
_KEYCTL_CLEAR = 7
_KEY_SPEC_USER_KEYRING = -4
_KEY_SPEC_USER_SESSION_KEYRING = -5

_libc = ctypes.CDLL(None, use_errno=True)
# What is made at first use is made here, before any fork: it would be each sandbox's own.
for _name in ("capset", "mount", "prctl", "setns", "syscall", "umount2", "unshare"):
    getattr(_libc, _name, None)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _bytes(path: str | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def mount(
    source: str | None,
    target: str,
    kind: str | None = None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    """Mount source on ``target``."""
    _check(
        _libc.mount(
            _bytes(source), _bytes(target), _bytes(kind), ctypes.c_ulong(flags), _bytes(data)
        ),
        f"mount {source} on {target}",
    )


def bind(source: str, target: str, flags: int = 0, whole: bool = False) -> None:
    """Bind-mount ``source`` on ``target``; ``flags`` are applied by a remount.

    ``whole`` takes what is mounted below along, as a user namespace demands.
    """
    mount(source, target, None, MS_BIND | (MS_REC if whole else 0))
    if flags:
        try:
            mount(None, target, None, MS_BIND | MS_REMOUNT | flags)
        except PermissionError:
            # In a user namespace the flags a mount already has are locked and must be repeated.
            mount(None, target, None, MS_BIND | MS_REMOUNT | flags | _flags_of(source))


def _flags_of(path: str) -> int:
    held = os.statvfs(path).f_flag
    # ST_NOSUID, ST_NODEV, ST_NOEXEC have the values of their MS_ counterparts;
    # ST_NOATIME, ST_NODIRATIME and ST_RELATIME too but for the last.
    flags = held & (MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024 | 2048)
    return flags | (0x200000 if held & 4096 else 0)


def bind_as(source: str, target: str, user: int) -> None:
    """Bind ``source`` read-only on ``target``; what its owner owns is ``user``'s there.

    Nothing on the disk changes: the kernel translates the ids of this one mount (Linux 5.12).
    Source: https://man7.org/linux/man-pages/man2/mount_setattr.2.html ("ID-mapped mounts").
    """
    owner = os.stat(source)
    mapping = _mapping({"uid_map": (owner.st_uid, user), "gid_map": (owner.st_gid, user)})
    try:
        flags = _OPEN_TREE_CLONE | os.O_CLOEXEC
        tree = _syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), flags)
        try:
            attributes = struct.pack("=4Q", _MOUNT_ATTR_RDONLY_NOSUID_NODEV_IDMAP, 0, 0, mapping)
            _syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, len(attributes))
            where = os.fsencode(target)
            _syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, where, _MOVE_MOUNT_F_EMPTY_PATH)
        finally:
            os.close(tree)
    finally:
        os.close(mapping)


def _mapping(ids: dict[str, tuple[int, int]]) -> int:
    """Return a user namespace, open, with these maps of one id each. While still root."""
    told, tell = os.pipe()
    wait, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(go)
            unshare(CLONE_NEWUSER)
            os.write(tell, b"x")
            os.read(wait, 1)  # its end comes once the namespace is held
        finally:
            os._exit(0)
    try:
        os.close(tell)
        if not os.read(told, 1):
            raise OSError(1, "unshare: no user namespaces")
        for name, (inner, outer) in ids.items():
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(f"{inner} {outer} 1")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        for fd in (told, wait, go):
            os.close(fd)
        os.waitpid(pid, 0)


def _syscall(number: int, *arguments: int | bytes) -> int:
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *converted), f"call {number}")


def unmount(target: str) -> None:
    """Detach the mount at ``target``, with all below it."""
    _check(_libc.umount2(_bytes(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    _check(_libc.syscall(_number("pivot_root"), _bytes(new), _bytes(old)), "pivot_root")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    _check(_libc.setns(fd, flags), "setns")


def clone(flags: int) -> int:
    """fork(2) with ``flags``; returns the child's pid, or 0 in the child."""
    return _check(
        _libc.syscall(_number("clone"), ctypes.c_ulong(flags | 17), None, None, None, None),
        "clone",
    )


def _number(name: str) -> int:
    numbers = {
        "x86_64": {"clone": 56, "pivot_root": 155, "keyctl": 250},
        "aarch64": {"clone": 220, "pivot_root": 41, "keyctl": 219},
        "riscv64": {"clone": 220, "pivot_root": 41, "keyctl": 219},
    }
    machine = os.uname().machine
    if machine not in numbers:
        raise OSError(38, f"no namespaces on {machine}")
    return numbers[machine][name]


def keep_freed_memory() -> None:
    """Let glibc keep some megabytes of what is freed, also in forks of this process.

    A payload's buffers come and go with each invocation: of the kernel they would be had only as
    pages that it clears and maps one by one.
    """
    if hasattr(_libc, "mallopt"):
        for option, value in ((_M_TRIM_THRESHOLD, 4 << 20), (_M_TOP_PAD, 1 << 20)):
            _libc.mallopt(option, value)
        # Said here, as the two above fix it at its first value, which is very small.
        _libc.mallopt(_M_MMAP_THRESHOLD, 4 << 20)


def die_with_parent() -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "prctl")


def adopt_orphans() -> None:
    """Make orphaned descendants children of this process."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def map_user(inner: int, outer: int, inner_group: int, outer_group: int) -> None:
    """Map one user and group into the user namespace this process has just made."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner} {outer} 1"),
        ("gid_map", f"{inner_group} {outer_group} 1"),
    ):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def join_new_session_keyring() -> None:
    """Leave the keys of the session that this process was started in.

    Source: https://man7.org/linux/man-pages/man7/session-keyring.7.html
    """
    _keyctl(_KEYCTL_JOIN_SESSION_KEYRING, 0)


def clear_user_keyrings() -> None:
    """Remove the keys that those have left who had this user id before."""
    for keyring in (_KEY_SPEC_USER_KEYRING, _KEY_SPEC_USER_SESSION_KEYRING):
        _keyctl(_KEYCTL_CLEAR, keyring)


def _keyctl(command: int, argument: int) -> None:
    call = ctypes.c_long(_number("keyctl"))
    _check(_libc.syscall(call, ctypes.c_long(command), ctypes.c_long(argument)), "keyctl")


def drop_bounding_set() -> None:
    """Let nothing that is executed later gain a capability. While still root."""
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break


def drop_capabilities() -> None:
    """Give up every capability for good, also through what is executed later."""
    drop_bounding_set()
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def stay_visible() -> None:
    """Let processes of the same user look into this one again (/proc/self needs it)."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")


def limit(name: str, value: int) -> None:
    """Lower a resource limit to ``value``, or to what is allowed already."""
    kind = getattr(resource, name)
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
