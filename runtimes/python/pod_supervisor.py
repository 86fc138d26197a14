"""The supervisor of one pod: process 1, which starts, freezes and ends the runtime beside it.

It comes over the connection that the pod's first lines have opened, and so does all else: the
bootstrap, code, layers, and what to do with them. Messages are lines of JSON, and bytes after
those that have a ``size``:

    from here    {"hello": {...}}, {"id": n, ...} (the answer to order n),
                 {"output": "runtime" | "extensions", "size": n}, {"ended": "runtime" | name, ...},
                 {"counted": {...}} (the peak of memory has grown)
    from there   {"id": n, "do": one of ``Supervisor.ORDERS``, ...}

It needs no right: its children run as its own user. The end of the connection ends the pod.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: The one folder that may be written besides /tmp. What is to be read only is mounted again.
HOME = "/run/localfaas"
_CHANNEL = 3
_CHUNK = 65536
#: Milliseconds between looks at what a function takes.
_SAMPLE_MS = 100
#: Bytes of output that may wait for the connection; whoever prints more waits, too.
_MOST_WAITING = 1 << 20
#: Seconds in which all threads of what was thawed have gone on, on a busy node as well.
_GOES_ON_S = 2.0
#: Seconds without a word from the other side's kernel after which it is taken for gone.
_LOST_S = 5
_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
#: Where control groups show what this container takes, by their version.
_GROUPS = "/sys/fs/cgroup"


class Lost(Exception):
    """Nobody is left to work for."""


class Process:
    """One process that the driver has ordered, and the pipe that it prints to."""

    def __init__(self, name: str, pid: int, output: int) -> None:
        self.name = name
        self.pid = pid
        self.output = output
        self.kind = "runtime" if name == "runtime" else "extensions"
        #: Why it could not be executed; empty where it was.
        self.error = ""


class Supervisor:
    """Obeys orders until the connection ends.

    ``way`` says how further connections are had: "host:port" is called; a listener's number, of
    this process, is called by the other side.
    """

    ORDERS = (
        "put", "start", "run", "extend", "signal", "flush", "freeze", "thaw", "kill", "usage", "end"
    )  # fmt: skip

    def __init__(self, control: socket.socket, way: str) -> None:
        self._control = control
        self._way = way
        self._received = bytearray()
        self._waiting = bytearray()
        self._processes: dict[int, Process] = {}
        self._calls: dict[str, socket.socket] = {}
        self._listener = socket.socket(fileno=int(way)) if way.isdecimal() else None
        if self._listener is not None:
            self._listener.settimeout(_LOST_S)
        self._bootstrap: Any = None
        self._poll = select.poll()
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: None)
        self._oom_kills = _oom_kills()
        self._peak = 0
        self._peak_told = 0
        self._sampled = 0.0
        self._thawed = -_GOES_ON_S
        #: A function may run: it is not only waited for.
        self._runs = False
        self._put_left: Unpacking | None = None
        self._put_id = 0

    def run(self) -> None:
        """Obey until the other side is gone; then nothing runs here any more."""
        _watch_over(self._control)
        self._control.setblocking(False)
        self._poll.register(self._woken, select.POLLIN)
        try:
            self._say({"hello": _hello(self._control)})
            while True:
                self._turn()
        except (Lost, OSError):
            status = 0
        except Exception:  # noqa: BLE001 (a defect, which the pod's log is to show)
            sys.excepthook(*sys.exc_info())
            status = 1
        _signal_all(signal.SIGKILL)
        os._exit(status)

    def _turn(self) -> None:
        interest = select.POLLIN | (select.POLLOUT if self._waiting else 0)
        self._poll.register(self._control, interest)
        events = self._poll.poll(_SAMPLE_MS if self._runs else None)
        if self._runs:
            self._sample()
        for fd, event in events:
            if fd == self._control.fileno():
                if event & select.POLLOUT:
                    self._flush()
                if event & ~select.POLLOUT:
                    self._read_orders()
            elif fd == self._woken:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap()
            elif len(self._waiting) < _MOST_WAITING:
                self._pass_on(fd)
            else:
                # What prints has to wait: look again once the connection has taken some.
                self._poll.unregister(fd)

    # Saying

    def _say(self, message: dict[str, Any], body: bytes = b"") -> None:
        if body:
            message["size"] = len(body)
        self._waiting += json.dumps(message).encode() + b"\n" + body
        self._flush()

    def _flush(self) -> None:
        was_full = len(self._waiting) >= _MOST_WAITING
        while self._waiting:
            try:
                sent = self._control.send(self._waiting)
            except BlockingIOError:
                break
            del self._waiting[:sent]
        if was_full and len(self._waiting) < _MOST_WAITING:
            for process in self._processes.values():
                if process.output >= 0:
                    self._poll.register(process.output, select.POLLIN)

    def _sample(self) -> None:
        """Tell of the peak of memory as it grows: a report of an invocation can't wait for it."""
        now = time.monotonic()
        if now - self._sampled >= _SAMPLE_MS / 1000:
            self._sampled = now
            found = self._counted()
            if found["peak"] > self._peak_told:
                self._peak_told = found["peak"]
                self._say({"counted": found})

    # Obeying

    def _read_orders(self) -> None:
        try:
            data = self._control.recv(1 << 20 if self._put_left else _CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise Lost
        self._received += data
        while self._received:
            if self._put_left is not None:
                taken = self._put_left.feed(self._received)
                del self._received[:taken]
                if not self._put_left.done:
                    return
                failure, self._put_left = self._put_left.failure, None
                self._say(
                    {"id": self._put_id, "error": failure} if failure else {"id": self._put_id}
                )
                continue
            line, end, _ = self._received.partition(b"\n")
            if not end:
                return
            del self._received[: len(line) + 1]
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        doing = order["do"]
        if doing == "put":
            self._put_left = Unpacking(os.path.join(HOME, order["at"]), order["size"])
            self._put_id = order["id"]
            self._runs = True
            return
        if doing == "end":
            raise Lost
        answer = {"id": order["id"]}
        doing = "flush_output" if doing == "flush" else doing
        try:
            answer.update(getattr(self, "_" + doing)(order) or {})
        except OSError as error:
            answer["error"] = str(error)
        self._say(answer)

    def _start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Fork a runtime that waits on its channel to be told which function it is."""
        if self._bootstrap is None:
            sys.path.insert(0, HOME + "/bootstrap")
            import bootstrap

            del sys.path[0]
            self._bootstrap = bootstrap
            gc.collect()
            gc.freeze()
        channel = self._connection(order["token"])
        return self._fork("runtime", channel, order, self._bootstrap.main)

    def _run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Start a program that speaks on its channel from the beginning."""
        return self._fork("runtime", self._connection(order["token"]), order, None)

    def _extend(self, order: dict[str, Any]) -> dict[str, Any]:
        return self._fork(order["name"], None, order, None)

    def _fork(
        self, name: str, channel: socket.socket | None, order: dict[str, Any], main: Any
    ) -> dict[str, Any]:
        output, theirs = os.pipe2(os.O_CLOEXEC)
        # Ends with nothing in it once the program runs.
        failure, failed = os.pipe2(os.O_CLOEXEC) if main is None else (-1, -1)
        pid = os.fork()
        if pid == 0:
            try:
                failed = _become(channel, theirs, order, failed)
                if main is not None:
                    main()
                    os._exit(0)
                os.chdir(order["cwd"])
                os.execve(order["arguments"][0], order["arguments"], order["environ"])
            except SystemExit as end:
                _exit_as(end)
            except OSError as error:
                if failed >= 0:
                    os.write(failed, os.strerror(error.errno or 0).lower().encode())
                status = 126 if error.errno in (errno.EACCES, errno.ENOEXEC) else 127
                os._exit(status if error.errno in _NO_PROGRAM else 1)
            except BaseException:  # noqa: BLE001 (a process of its own, which ends by it)
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(1)
        os.close(theirs)
        if channel is not None:
            channel.close()
        os.set_blocking(output, False)
        process = self._processes[pid] = Process(name, pid, output)
        if main is None:
            os.close(failed)
            process.error = os.read(failure, 200).decode()
            os.close(failure)
        self._poll.register(output, select.POLLIN)
        return {"pid": pid}

    def _connection(self, token: str) -> socket.socket:
        """Return a new connection to the driver, which knows it by ``token``."""
        if self._listener is None:
            host, _, port = self._way.rpartition(":")
            connection = socket.create_connection((host, int(port)), timeout=_LOST_S)
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(token.encode() + b"\n")
            return connection
        while token not in self._calls:
            connection = self._listener.accept()[0]
            connection.settimeout(_LOST_S)
            said = b""
            while not said.endswith(b"\n"):
                piece = connection.recv(1)
                if not piece:
                    break
                said += piece
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._calls[said.decode("ascii", "replace").strip()] = connection
        connection = self._calls.pop(token)
        connection.sendall(b"\n")
        return connection

    def _signal(self, order: dict[str, Any]) -> None:
        for process in self._processes.values():
            if process.name == "runtime":
                if order["number"] != signal.SIGKILL:
                    self._let_go_on(process.pid)
                os.kill(process.pid, order["number"])

    def _let_go_on(self, pid: int) -> None:
        """Wait until all threads of a process that was thawed have gone on: each sleeps again.

        A signal is taken by any thread that has not, and wakes no other: the main thread, which
        runs the handlers of Python, would sleep over it.
        """
        while time.monotonic() < self._thawed + _GOES_ON_S and _is_on_its_way(pid):
            time.sleep(0.0005)

    def _flush_output(self, order: dict[str, Any]) -> None:
        """Pass on all that has been printed so far, before the answer."""
        for process in list(self._processes.values()):
            if process.output >= 0:
                self._drain(process, at_most=_MOST_WAITING // _CHUNK)

    def _freeze(self, order: dict[str, Any]) -> dict[str, Any]:
        """Stop all processes; a fork that is just under way is seen in the next pass."""
        self._runs = False
        for _ in range(50):
            if not _signal_all(signal.SIGSTOP) or not _running():
                break
            time.sleep(0.0005)
        return self._counted()

    def _thaw(self, order: dict[str, Any]) -> None:
        self._runs = True
        _signal_all(signal.SIGCONT)
        self._thawed = time.monotonic()

    def _kill(self, order: dict[str, Any]) -> dict[str, Any]:
        """End all processes; returns once they are gone."""
        counted = self._counted()
        _signal_all(signal.SIGKILL)
        deadline = time.monotonic() + _LOST_S
        while time.monotonic() < deadline and _others():
            self._reap()
            time.sleep(0.0005)
        self._reap()
        return counted

    def _usage(self, order: dict[str, Any]) -> dict[str, Any]:
        pids = _others()
        memory, ticks = 0, 0
        for pid in pids:
            with contextlib.suppress(OSError, ValueError, IndexError):
                memory += int(_read(f"/proc/{pid}/statm").split()[1])
                fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return dict(
            self._counted(),
            memory=memory * os.sysconf("SC_PAGE_SIZE"),
            cpu_s=ticks / os.sysconf("SC_CLK_TCK"),
            processes=len(pids),
        )

    def _counted(self) -> dict[str, Any]:
        """Return what answers tell in passing: the peak of memory, and the waits for CPU time."""
        peak = 0
        for pid in _others():
            with contextlib.suppress(OSError):
                for line in _read(f"/proc/{pid}/status").splitlines():
                    if line.startswith("VmHWM:"):
                        peak += int(line.split()[1]) * 1024
        self._peak = max(self._peak, peak)
        return {"peak": self._peak, "throttled_s": _throttled_s()}

    # Ends

    def _pass_on(self, fd: int) -> None:
        for process in self._processes.values():
            if process.output == fd:
                self._drain(process, at_most=1)

    def _drain(self, process: Process, at_most: int = 1 << 30) -> None:
        """Pass on what a process has printed."""
        for _ in range(at_most):
            try:
                data = os.read(process.output, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self._shut(process)
                return
            self._say({"output": process.kind}, data)

    def _shut(self, process: Process) -> None:
        if process.output >= 0:
            with contextlib.suppress(KeyError):
                self._poll.unregister(process.output)
            os.close(process.output)
            process.output = -1

    def _reap(self) -> None:
        """Tell of the processes that have ended, each after all it has printed."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._processes.pop(pid, None)
            if process is None:
                continue
            if process.output >= 0:
                self._drain(process)
                self._shut(process)
            end = {"ended": process.name, "pid": pid, "peak": self._peak}
            if os.WIFSIGNALED(status):
                end["signal"] = os.WTERMSIG(status)
            else:
                end["status"] = os.WEXITSTATUS(status)
            if process.error:
                end["error"] = process.error
            kills = _oom_kills()
            if kills > self._oom_kills:
                end["out_of_memory"], self._oom_kills = True, kills
            self._say(end)
            if process.name == "runtime":
                self._peak = self._peak_told = 0
                _signal_all(signal.SIGKILL)  # what it has started ends with it


class Unpacking:
    """Makes files of what comes, in pieces, below ``folder``.

    The format is that of emulator/driver/kubernetes/parcels.py: a line of JSON for each entry
    (``name``, ``kind``, ``mode``, and ``size`` or ``to``), and after a file's its bytes.
    """

    def __init__(self, folder: str, size: int) -> None:
        self._folder = folder
        self._left = size
        self._file: Any = None
        self._file_left = 0
        #: Why not all of it could be made.
        self.failure = ""
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o755)

    @property
    def done(self) -> bool:
        return self._left == 0

    def feed(self, data: bytearray) -> int:
        """Use what can be used of ``data``; return how much."""
        used = 0
        view = memoryview(data)[: self._left]
        try:
            while used < len(view):
                if self._file_left:
                    piece = view[used : used + self._file_left]
                    self._write(piece)
                    used += len(piece)
                    continue
                end = data.find(b"\n", used, len(view))
                if end < 0:
                    break
                self._begin(json.loads(bytes(view[used:end])))
                used = end + 1
        finally:
            view.release()
        self._left -= used
        return used

    def _write(self, piece: memoryview) -> None:
        if self._file is not None:
            try:
                self._file.write(piece)
            except OSError as error:
                self._fail(error)
        self._file_left -= len(piece)
        if not self._file_left:
            self._end()

    def _begin(self, entry: dict[str, Any]) -> None:
        path = os.path.join(self._folder, entry["name"])
        self._file_left = entry.get("size", 0)
        try:
            if entry["kind"] == "folder":
                os.makedirs(path, 0o755, exist_ok=True)
            elif entry["kind"] == "link":
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                os.symlink(entry["to"], path)
            else:
                self._file = open(path, "wb", buffering=0)  # noqa: SIM115 (closed by _end)
                os.fchmod(self._file.fileno(), entry["mode"])
                if not self._file_left:
                    self._end()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failure = self.failure or str(error)
        self._end()

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _become(channel: socket.socket | None, output: int, order: dict[str, Any], kept: int) -> int:
    """Make this fork the process that was ordered.

    ``kept`` is a descriptor that stays until a program is executed, -1 for none; it is returned
    with its new number.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    # Copies above all the descriptors that get a meaning now.
    import fcntl

    channel_fd = fcntl.fcntl(channel.fileno(), fcntl.F_DUPFD, 10) if channel is not None else -1
    output_fd = fcntl.fcntl(output, fcntl.F_DUPFD, 10)
    kept = fcntl.fcntl(kept, fcntl.F_DUPFD_CLOEXEC, 10) if kept >= 0 else -1
    os.closerange(3, 10)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in (channel_fd, output_fd, kept):
            with contextlib.suppress(OSError):
                os.close(fd)
    empty = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((empty, 0), (output_fd, 1), (output_fd, 2)):
        os.dup2(source, target)
    os.close(empty)
    os.close(output_fd)
    if channel_fd >= 0:
        os.dup2(channel_fd, _CHANNEL)
        os.close(channel_fd)
    for name, value in order.get("limits", {}).items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    return kept


def _exit_as(end: SystemExit) -> None:
    """Exit as the interpreter does."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    if end.code is None or isinstance(end.code, int):
        os._exit((end.code or 0) & 0xFF)
    print(end.code, file=sys.stderr)
    os._exit(1)


def _hello(control: socket.socket) -> dict[str, Any]:
    return {
        "language": "python",
        "version": ".".join(map(str, sys.version_info[:2])),
        # AWS's images, and those built by `localfaas runtimes build`, say so where they bring it.
        "has_sdk": "LAMBDA_RUNTIME_DIR" in os.environ,
        "address": control.getsockname()[0],
        "pid": os.getpid(),
    }


def _watch_over(connection: socket.socket) -> None:
    """Learn within seconds that the other side is gone, even if it can't say so."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _LOST_S - 3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_S * 1000)


def _signal_all(number: int) -> bool:
    """Signal every process here but this one; return whether there is any."""
    if os.getpid() != 1:
        raise RuntimeError("only process 1 of a pod may signal all others")
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        return False
    return True


def _others() -> list[int]:
    """Return the processes here but this one."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def _running() -> bool:
    """Say whether a process here is neither stopped nor dead."""
    for pid in _others():
        with contextlib.suppress(OSError, IndexError):
            if _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] not in "TtZX":
                return True
    return False


def _is_on_its_way(pid: int) -> bool:
    """Say whether a thread of ``pid`` runs, waits for a CPU or is stopped."""
    with contextlib.suppress(OSError, IndexError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                if _read(f"/proc/{pid}/task/{task}/stat").rpartition(")")[2].split()[0] in "RTt":
                    return True
    return False


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _figures(*paths: str) -> Iterator[tuple[str, int]]:
    """Yield the names and numbers that files of control groups have, from the first there is."""
    for path in paths:
        try:
            text = _read(_GROUPS + path)
        except OSError:
            continue
        for line in text.splitlines():
            name, _, number = line.partition(" ")
            if number.isdigit():
                yield name, int(number)
        return


def _oom_kills() -> int:
    """Return how often the kernel has killed here for want of memory."""
    return sum(n for name, n in _figures("/memory/memory.oom_control", "/memory.events")
               if name == "oom_kill")  # fmt: skip


def _throttled_s() -> float:
    """Return for how long all here have waited for CPU time because of their share."""
    for name, number in _figures("/cpu/cpu.stat", "/cpu,cpuacct/cpu.stat", "/cpu.stat"):
        if name in ("throttled_time", "throttled_usec"):
            return number / (1e9 if name == "throttled_time" else 1e6)
    return 0.0
