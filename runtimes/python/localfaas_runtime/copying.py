"""Copies of a runtime that waits at its snapshot: each becomes a sandbox of its own.

The driver sends an order over the runtime's channel, with the descriptors of the new sandbox. The
runtime is cloned into namespaces of its own: the clone is the first process there, mounts what the
sandbox has, forks the copy of the runtime, and watches it as a warden does. Its only rights are
those within its own user namespace.

The clone speaks with the driver as a warden does (see ``warden.py``): W, R, E.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys

from . import setup
from .client import Client

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import array
    import select
    import signal
    import socket
    from typing import Any
else:
    # Not imported: a function may have modules of these names.
    array, select, signal, socket = map(setup.own, ("array", "select", "signal", "socket"))

_CHANNEL = 3
#: The self-pipes of event loops at the snapshot.
_pairs: list[tuple[int, int]] = []
_kept: list[Any] = []
#: The descriptors of an order: control, channel, output; those of control groups follow.
_FIXED = 3
#: Process ids that copies begin with: who tells processes apart by them finds each one new.
_FIRST_PIDS = (300, 30_000)
_EPOLL = "anon_inode:[eventpoll]"
#: Of ``open``: the access mode's bits.
_ACCESS_MODE = 3


def hindrances() -> list[str]:
    """Return why this process can't be copied as it is, one sentence each."""
    if "kernel" not in setup.kept:
        return ["its runtime was started for it, not forked"]
    try:
        return [*_threads(), *_processes(), *_files(), *_memory(), *_temporary()]
    except OSError as error:
        return [f"its state can't be seen: {error}"]


def _threads() -> list[str]:
    tasks = os.listdir("/proc/self/task")
    if len(tasks) == 1:
        return []
    threading = sys.modules.get("threading")
    names = [each.name for each in threading.enumerate()] if threading else []
    others = [name for name in names if name != "MainThread"]
    named = f" ({', '.join(others[:5])})" if others else ""
    count = len(tasks) - 1
    return [f"{count} thread{'s' * (count > 1)} of its INIT still run{'s' * (count == 1)}{named}"]


def _processes() -> list[str]:
    own = {"1", str(os.getpid())}
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and pid not in own]
    many = len(others) > 1
    text = "processes of its INIT still run" if many else "process of its INIT still runs"
    return [f"{len(others)} {text}"] if others else []


def _files() -> list[str]:
    found = []
    pairs = {fd for pair in _self_pipes() for fd in pair}
    for fd, link in _descriptors():
        if link == _EPOLL:
            continue  # made anew in each copy
        if link.startswith("socket:"):
            if not _is_network(fd) and fd not in pairs:
                found.append(f"descriptor {fd} is a socket of this machine")
        elif link.startswith("/dev/"):
            continue
        elif not link.startswith("/"):
            found.append(f"descriptor {fd} is {link.partition(':[')[0]}")
        elif _flags(fd) & _ACCESS_MODE != os.O_RDONLY:
            found.append(f"{link} is open for writing")
    return found


def _self_pipes() -> list[tuple[int, int]]:
    """Return the two ends of the socket by which each event loop of asyncio wakes itself."""
    events = sys.modules.get("asyncio.selector_events")
    if events is None:
        return []
    found = []
    for each in gc.get_objects():
        # Asked of its type: to ask the object itself may run a user's code.
        if issubclass(type(each), events.BaseSelectorEventLoop):
            ends = (getattr(each, "_ssock", None), getattr(each, "_csock", None))
            if ends[0] is not None and ends[1] is not None:
                found.append((ends[0].fileno(), ends[1].fileno()))
    return found


def _descriptors() -> list[tuple[int, str]]:
    """Return the open descriptors that are none of the runtime's own, with what they are."""
    output = os.readlink("/proc/self/fd/1")
    found = []
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/self/fd/{name}")
            if fd > _CHANNEL and link != output and not link.startswith("/proc/"):
                found.append((fd, link))
    return found


def _is_network(fd: int) -> bool:
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.family in (socket.AF_INET, socket.AF_INET6)


def _flags(fd: int) -> int:
    with open(f"/proc/self/fdinfo/{fd}") as file:
        return next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))


def _memory() -> list[str]:
    with open("/proc/self/maps") as file:
        kinds = [line.split()[1] for line in file]
    shared = [kind for kind in kinds if kind[1] == "w" and kind[3] == "s"]
    return ["memory is shared between processes"] if shared else []


def _temporary() -> list[str]:
    return ["its INIT has left files in /tmp"] if os.listdir("/tmp") else []


def serve(channel: Client) -> Client:
    """Wait until this process goes on, or a copy of it; returns the channel of whoever does."""
    _pairs[:] = _self_pipes()
    size = array.array("i").itemsize
    while True:
        data, ancillary = channel.receive_rights(socket.CMSG_SPACE(16 * size))
        if not data.startswith(b"{"):
            channel.unread(data)
            channel.receive()
            return channel
        fds = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % size])
        copy = _copy(list(fds))
        if copy is not None:
            return copy


def _copy(fds: list[int]) -> Client | None:
    """Have a copy of this process made; None in this process, the copy's channel in the copy."""
    kernel = setup.kept["kernel"]
    flags = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
    user = os.getuid()
    try:
        # A child of its warden, which buries it.
        pid = kernel.clone(flags | kernel.CLONE_PARENT)
    except OSError as error:
        text = f"a user namespace can't be made here ({error.strerror})"
        _say(fds[0], b"E " + json.dumps({"error": ["Sandbox.Failure", text]}).encode() + b"\n")
        pid = -1
    if pid:
        for fd in fds:
            os.close(fd)
        return None
    try:
        return _live(kernel, fds, user)
    except OSError as error:
        text = f"a copy could not be set up: {error}"
        _say(fds[0], b"E " + json.dumps({"error": ["Sandbox.Failure", text]}).encode() + b"\n")
    os._exit(1)


def _live(kernel: Any, fds: list[int], user: int) -> Client:
    """Be the first process of a copy's namespaces; returns in the copy alone."""
    control, channel, output = fds[:_FIXED]
    kernel.die_with_parent()
    kernel.map_user(user, user, user, user)
    os.setsid()
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    with contextlib.suppress(OSError), open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(_FIRST_PIDS[0] + int.from_bytes(os.urandom(4), "big") % _FIRST_PIDS[1]))
    _say(control, b"W 0\n")
    # Told once the sandbox's /tmp is there, or where it is to come from.
    told = json.loads(_line(control))
    if told["tmp"]:
        kernel.mount(f"/tmp/{told['tmp']}", "/tmp", None, kernel.MS_BIND)
    pid = os.fork()
    if pid == 0:
        _become(kernel, control, channel, output, fds[_FIXED:])
        own = Client.over(_CHANNEL)
        os.environ.update(own.read_order()["environ"])  # it comes when the copy is needed
        _renew_generators()
        return own
    for fd in (_CHANNEL, *fds[1:]):
        os.close(fd)
    _watch(control, pid)
    raise AssertionError("a warden never returns")


def _become(kernel: Any, control: int, channel: int, output: int, groups: list[int]) -> None:
    """Turn this process into the runtime of the new sandbox."""
    for group in groups:
        os.write(group, b"0")
    _say(control, b"R 0\n")
    kernel.die_with_parent()
    os.setpgid(0, 0)
    kernel.drop_capabilities()
    kernel.stay_visible()
    kernel.die_with_parent()
    before = os.readlink("/proc/self/fd/1")
    given = {control, channel, output, *groups}
    pairs = _pairs
    ends = {fd for pair in pairs for fd in pair}
    polls = []
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd in given or fd == _CHANNEL:
            continue
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/self/fd/{name}")
            if link == before:
                os.dup2(output, fd, inheritable=fd <= 2)
            elif link == _EPOLL:
                polls.append(fd)
            elif link.startswith("socket:") and fd not in ends:
                _disconnect(fd)
            elif link.startswith("/") and not link.startswith(("/dev/", "/proc/")):
                _reopen(fd)
    for pair in pairs:
        _pair_anew(*pair)
    for fd in polls:  # once what they wait for is there
        _poll_anew(fd)
    os.dup2(channel, _CHANNEL, inheritable=False)
    for fd in given:
        os.close(fd)


def _disconnect(fd: int) -> None:
    """Leave a connection as a restored one is found: its other end is gone."""
    end, other = socket.socketpair()
    with end, other:
        os.dup2(end.fileno(), fd, inheritable=False)


def _pair_anew(one: int, two: int) -> None:
    """Give an event loop a socket of its own to wake itself by."""
    for fd, end in zip((one, two), socket.socketpair()):
        with end:
            end.setblocking(False)
            os.dup2(end.fileno(), fd, inheritable=False)


def _poll_anew(fd: int) -> None:
    """Give an epoll instance its own registrations: a copy shares those of its original."""
    with open(f"/proc/self/fdinfo/{fd}") as file:
        waits = [line.split() for line in file if line.startswith("tfd:")]
    own = select.epoll()
    os.dup2(own.fileno(), fd, inheritable=False)
    own.close()
    again = select.epoll.fromfd(fd)
    for fields in waits:
        with contextlib.suppress(OSError):
            again.register(int(fields[1]), int(fields[3], 16))
    _kept.append(again)  # its end would close the descriptor, which is another object's


def _reopen(fd: int) -> None:
    """Give a file a position of its own."""
    at = os.lseek(fd, 0, os.SEEK_CUR)
    own = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    os.lseek(own, at, os.SEEK_SET)
    os.dup2(own, fd, inheritable=os.get_inheritable(fd))
    os.close(own)


def _renew_generators() -> None:
    """Have every random generator that belongs to nobody begin anew.

    That of ``random`` does so with each fork, and ``secrets`` and ``uuid4`` ask the kernel.
    """
    ssl = sys.modules.get("_ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(64), 64.0)
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    uuid = sys.modules.get("uuid")
    if uuid is not None:
        setattr(uuid, "_last_timestamp", None)  # noqa: B010 (unknown to a type checker)


def _watch(control: int, runtime: int) -> None:
    """Wait for the runtime's end, and tell of it; all that is left ends with this process."""
    for number in range(1, signal.NSIG):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    while True:
        pid, status, usage = os.wait4(-1, 0)
        if pid == runtime:
            break
    end: dict[str, Any] = {"peak": usage.ru_maxrss * 1024}
    if os.WIFSIGNALED(status):
        end["signal"] = os.WTERMSIG(status)
    else:
        end["status"] = os.WEXITSTATUS(status)
    _say(control, b"E " + json.dumps(end).encode() + b"\n")
    os._exit(0)


def _line(fd: int) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        part = os.read(fd, 65536)
        if not part:
            os._exit(0)  # the driver wants it gone
        received += part
    return received


def _say(fd: int, line: bytes) -> None:
    # The driver may be gone: what follows is the end anyway.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        os.write(fd, line)
