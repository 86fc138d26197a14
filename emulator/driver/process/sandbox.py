"""One sandbox of the process driver, from the driver's side of its warden's control socket."""

from __future__ import annotations

import array
import asyncio
import json
import math
import os
import signal
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.driver import processes
from emulator.driver.base import Settle
from emulator.driver.cgroups import Group
from emulator.driver.process import peers
from emulator.model.errors import DriverFault
from emulator.model.sandbox import Exit

_SO_PASSCRED = 16
_SCM_CREDENTIALS = 2
_CREDENTIALS = struct.Struct("iII")


class ProcessSandbox:
    """A warden with its sandbox: first a stem cell, later an execution environment.

    Lives ``standing`` (namespaces and control groups made) → ``running`` (the runtime's
    process is there) → ``exited`` (the runtime's end is known) → ``gone`` (no process left).
    """

    def __init__(self, *, slot: int, uid: int | None, group: Group | None, jailed: bool) -> None:
        loop = asyncio.get_running_loop()
        self.slot = slot
        self.uid = uid
        self.group = group
        self.jailed = jailed
        self.pid: int | None = None
        self.channel: socket.socket | None = None
        self.output: int | None = None
        self.output_lag = 0.0
        self.settle_output: Settle | None = None
        #: Connections are recognised by its user id, or by its processes' sockets.
        self.secret_host = ""
        #: By name, the end of each extension.
        self.extensions: dict[str, asyncio.Future[Exit]] = {}
        self.extension_output: int | None = None
        self.host = "127.0.0.1"
        self.ends_with_runtime = False
        #: The host's folder that serves as its /tmp where there are no disks.
        self.tmp: Path | None = None
        #: The disk of its /tmp, as a detached mount for its successor.
        self.disk: int | None = None
        self.standing: asyncio.Future[None] = loop.create_future()
        self.running: asyncio.Future[None] = loop.create_future()
        self.exited: asyncio.Future[Exit] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        #: Whether ``stop`` has begun.
        self.released = False
        #: Whether the channel is the caller's.
        self.handed_over = False
        self.frozen = False
        #: When it was thawed last, in seconds of the driver's clock.
        self.thawed_s = -math.inf
        #: By which a runtime that waits at its snapshot is told to make a copy of itself; None
        #: where it can't.
        self.orders: socket.socket | None = None
        #: Whose copy it is: its namespaces lie within that one's.
        self.original: ProcessSandbox | None = None
        #: How many copies of it there are.
        self.copies = 0
        #: To be stopped with the last of its copies.
        self.doomed = False
        self._control: socket.socket | None = None
        self._received = b""
        self._warden: int | None = None
        self._warden_fd: int | None = None
        self._status_fd: int | None = None
        #: The peak of a runtime that has ended, in bytes.
        self._last_peak = 0
        #: Bytes of its peak that the control group does not count; None until first asked.
        self._shared: int | None = None

    def open(self) -> list[int]:
        """Make the sandbox's sockets and pipe; return the ends that go to the warden.

        The caller closes them once they are sent.

        Raises:
            DriverFault: This process has no room for them; the sandbox is gone.
        """
        try:
            control, theirs = socket.socketpair()
            mine, runtime = socket.socketpair()
            again = mine.dup()
            self.output, output = os.pipe()
        except OSError as error:
            self._lost()
            raise DriverFault(f"no sandbox could be made: {error}") from error
        os.set_blocking(self.output, False)
        if hasattr(socket, "SCM_CREDENTIALS"):
            control.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        control.setblocking(False)
        mine.setblocking(False)
        self._control, self.channel = control, mine
        asyncio.get_running_loop().add_reader(control.fileno(), self._hear)
        return [theirs.detach(), runtime.detach(), again.detach(), output]

    def make_copyable(self) -> None:
        """Keep a way to its runtime for the orders to copy itself."""
        assert self.channel is not None
        self.orders = self.channel.dup()
        self.orders.setblocking(False)

    def order_copy(self, order: dict[str, Any], fds: list[int]) -> None:
        """Tell its runtime to copy itself into a sandbox with these descriptors.

        Raises:
            DriverFault: It is gone, or does not listen.
        """
        line = json.dumps(order).encode() + b"\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        try:
            if self.orders is None or self.orders.sendmsg([line], rights) != len(line):
                raise DriverFault("the snapshot can't take an order")
        except OSError as error:
            raise DriverFault(f"the snapshot is gone: {error}") from error

    def begin_extensions(self, names: Iterable[str]) -> int:
        """Await the ends of extensions; return where they are to print, which the caller closes."""
        loop = asyncio.get_running_loop()
        self.extensions = {name: loop.create_future() for name in names}
        self.extension_output, theirs = os.pipe()
        os.set_blocking(self.extension_output, False)
        return theirs

    def tell(self, order: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send an order: to specialise, or to start the runtime.

        Raises:
            DriverFault: The warden is gone, or the order is larger than a socket takes.
        """
        line = json.dumps(order).encode() + b"\n"
        try:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            if self._control is None or self._control.sendmsg([line], rights) != len(line):
                raise DriverFault("the sandbox can't take its order")
        except OSError as error:
            raise DriverFault(f"the sandbox ended before it was used: {error}") from error

    def _hear(self) -> bool:
        """Read the warden's messages; return False if there is none for now."""
        assert self._control is not None
        try:
            data, ancillary, _, _ = self._control.recvmsg(65536, 256)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data, ancillary = b"", []
        sender = None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
        if not data:
            self._lost()
            return True
        self._received += data
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            self._heard(line, sender)
        return True

    def _heard(self, line: bytes, sender: int | None) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"W":
            self._stands(sender or int(rest))
        elif word == b"R":
            self.pid = sender or int(rest)
            _done(self.running)
        elif word == b"E":
            self._ended(json.loads(rest))
        elif word == b"X":
            self._extension_ended(**json.loads(rest))

    def _extension_ended(
        self, name: str, status: int | None = None, signal: int | None = None, error: str = ""
    ) -> None:
        ended = self.extensions.get(name)
        if ended is not None and not ended.done():
            kind = "Extension.LaunchError" if error else ""
            ended.set_result(Exit(status=status, signal=signal, error_type=kind, message=error))

    def _stands(self, warden: int) -> None:
        self._warden = warden
        if hasattr(os, "pidfd_open"):
            try:
                self._warden_fd = os.pidfd_open(warden)
            except OSError:
                _done(self.gone)
            else:
                asyncio.get_running_loop().add_reader(self._warden_fd, self._buried)
        _done(self.standing)

    def _ended(self, end: dict[str, Any]) -> None:
        self._last_peak = end.get("peak", 0)
        if "error" in end:
            kind, text = end["error"]
            self._finish(Exit(status=1, error_type=kind, message=text))
        elif "signal" in end:
            number = end["signal"]
            kills = self.group.out_of_memory_kills() if self.group and number == 9 else 0
            if kills:
                self._last_peak = 0  # the group's own peak is the limit: it is what was allowed
            self._finish(Exit(signal=number, out_of_memory=kills > 0))
        else:
            self._finish(Exit(status=end["status"]))

    def _lost(self) -> None:
        """Handle the end of the control socket: the warden is gone, or about to be."""
        self._close_control()
        self._finish(Exit(signal=int(signal.SIGKILL)))
        _done(self.standing)
        if self._warden_fd is None:
            _done(self.gone)

    def _finish(self, end: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(end)
        _done(self.running)
        for ended in self.extensions.values() if self._control is None else ():
            if not ended.done():
                ended.set_result(end)

    def _buried(self) -> None:
        """Handle that the warden was reaped, after everything in its PID namespace."""
        assert self._warden_fd is not None
        while self._control is not None and self._hear():
            pass  # reads its last messages
        asyncio.get_running_loop().remove_reader(self._warden_fd)
        os.close(self._warden_fd)
        self._warden_fd = None
        self._finish(Exit(signal=int(signal.SIGKILL)))
        _done(self.standing)
        _done(self.gone)

    def _close_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None

    def end(self) -> None:
        """Have every process killed; ``gone`` is set when that is done."""
        if self.frozen:
            self.thaw()
        if self.jailed and self._warden_fd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._warden_fd, signal.SIGKILL)
        elif self._control is not None:
            # Without a namespace that ends with it, the warden kills the others itself, then ends.
            with suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close what the driver holds of it; the channel too, unless it was handed over.

        Nothing is heard of it any more, so whoever waits for it learns of its end.
        """
        self._lost()
        if self.channel is not None and not self.handed_over:
            self.channel.close()
            self.channel = None
        if self.orders is not None:
            self.orders.close()
            self.orders = None
        for fd in (self.output, self.extension_output, self._status_fd):
            if fd is not None:
                os.close(fd)
        self.output = self.extension_output = self._status_fd = None
        _done(self.gone)

    @property
    def warden(self) -> int:
        """The host's process id of the warden; only once it stands."""
        assert self._warden is not None
        return self._warden

    def memory_peak(self) -> int:
        """Return the peak of the control group and of what its processes share with the zygote.

        The group does not count the pages that a fork shares; the process's own peak does, and
        takes ten times as long to read, so their difference is taken once, after the start.
        """
        if self.group is None:
            return self._process_peak()
        peak = self.group.memory_peak()
        if self._shared is None:
            self._shared = max(0, self._process_peak() - peak)
        return peak + self._shared

    def throttled_s(self) -> float:
        return self.group.throttled_s() if self.group is not None else 0.0

    def _process_peak(self) -> int:
        try:
            if self._status_fd is None and self.pid is not None:
                self._status_fd = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            if self._status_fd is not None:
                peak = processes.peak_in(os.pread(self._status_fd, 4096, 0))
                return peak or self._last_peak
        except OSError:
            pass  # It is gone, and its /proc with it.
        return self._last_peak

    def admits(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Say whether ``peer`` is a socket of this sandbox; unknown ones are not."""
        owner = peers.owner(peer, local)
        if owner is None:
            return False
        if self.uid is not None:
            return owner.uid == self.uid
        return peers.holds(self.processes(), owner.inode)

    def processes(self) -> list[int]:
        """Return the host's process ids of all in the sandbox but its warden."""
        if self.group is not None:
            return self.group.pids()
        return processes.below(self._warden) if self._warden else []

    def freeze(self) -> None:
        self.frozen = True
        self._stop_or_go(signal.SIGSTOP)

    def thaw(self) -> None:
        self.frozen = False
        self._stop_or_go(signal.SIGCONT)

    def _stop_or_go(self, number: signal.Signals) -> None:
        if self.group is not None and self.group.can_freeze:
            with suppress(FileNotFoundError):
                self.group.freeze() if number is signal.SIGSTOP else self.group.thaw()
            return
        for pid in self.processes():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
