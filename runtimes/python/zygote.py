"""The zygote: forks a warden, and with it a sandbox, for every order of the driver.

    python -I -S zygote.py <fd of the control socket> <jailed: 0 or 1> <folder of the bootstrap>

Single-threaded and started once per interpreter, with all that a Python runtime needs already
imported, so that a fork of it is a Python runtime ready to be told which function it is.
An order is one line of JSON with four file descriptors (SCM_RIGHTS). Ends, and with it every
sandbox, when the control socket does.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import gc
import json
import os
import signal
import socket
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)
import kernel  # noqa: E402
import warden  # noqa: E402

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_ORDER_FDS = 4


def _orders(control: socket.socket) -> Iterator[tuple[Any, list[int]]]:
    """Yield (order, fds) as they come; ends with the socket."""
    received = b""
    fds: list[int] = []
    size = array.array("i").itemsize
    while True:
        data, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(64 * size))
        if not data:
            return
        received += data
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                new = array.array("i")
                new.frombytes(content[: len(content) - len(content) % size])
                for fd in new:
                    os.set_inheritable(fd, False)
                fds += new
        while b"\n" in received:
            line, received = received.split(b"\n", 1)
            yield json.loads(line), fds[:_ORDER_FDS]
            fds = fds[_ORDER_FDS:]


def _reap(number: int, frame: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    # Descriptors 0 to 3 get a meaning in every runtime: nothing else may sit there.
    given = int(sys.argv[1])
    control = socket.socket(fileno=fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, 10))
    os.close(given)
    while os.open("/dev/null", os.O_RDWR) < 4:
        pass
    jailed = sys.argv[2] == "1"
    own = os.open("/proc/self/ns/pid", os.O_RDONLY) if jailed else -1
    if sys.platform == "linux":
        kernel.die_with_parent()
        kernel.keep_freed_memory()
    sys.path.insert(0, sys.argv[3])
    import bootstrap

    sys.path[:2] = []
    signal.signal(signal.SIGCHLD, _reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's business
    control.sendall(b"ready\n")
    gc.collect()
    gc.disable()
    gc.freeze()
    for job, fds in _orders(control):
        try:
            pid = _fork(own)
        except OSError as error:
            # Other sandboxes live on, and so does what they are forked from.
            _refuse(fds[0], f"no process could be made: {os.strerror(error.errno or 0)}")
        else:
            if pid == 0:
                if own >= 0:
                    os.close(own)
                control.close()
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                warden.main(job, fds, bootstrap.main)
                os._exit(0)
        for fd in fds:
            os.close(fd)


def _fork(own: int) -> int:
    """Fork, into a PID namespace of its own where ``own``, this process's, is an open file.

    Raises:
        OSError: The machine has no memory, or no process ids, for another one.
    """
    if own < 0:
        return os.fork()
    kernel.unshare(kernel.CLONE_NEWPID)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            kernel.setns(own, kernel.CLONE_NEWPID)
    return pid


def _refuse(control: int, reason: str) -> None:
    """Tell the driver, over what would have been a warden's, why there is no sandbox."""
    line = b"E " + json.dumps({"error": ["Sandbox.Failure", reason]}).encode() + b"\n"
    with contextlib.suppress(OSError):  # it wants none any more
        os.write(control, line)


if __name__ == "__main__":
    main()
