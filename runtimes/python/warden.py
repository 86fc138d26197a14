"""The warden of one sandbox: the first process in its PID namespace, and its only root.

Forked by the zygote. It makes the sandbox's namespaces, starts the runtime (ahead of use where
the runtime can wait: a *stem cell*), mounts what the sandbox is for once it is told, watches
the runtime and ends with it; the kernel then kills all that is left in the namespace.

Speaks lines with the driver over ``control``; the kernel adds the sender's process id:

    W                  from the warden: it stands
    R                  from the runtime process: it runs
    E {json}           the runtime's end: {"status": n} | {"signal": n} | {"error": [type, text]},
                       and with the first two {"peak": the most bytes it held}, where known
    X {json}           the end of an extension: {"name": n} with "status", "signal" or "error"
    {json}             from the driver: specialise (see ``_obey``)
    {"start": true}    from the driver: start the runtime, which waited for its extensions

The end of ``control`` means the driver wants the sandbox gone, or is gone itself.
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
import sys

import kernel

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

HOST = "/.host/root"
_READ_ONLY = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
_RUNTIME_CHANNEL = 3
#: Where folders lie for the moment in which they are joined.
_ASIDE = "/run"
#: Bytes in one of what ``wait4`` counts memory in.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)


class Fatal(Exception):
    """The sandbox can't be had: an error type of AWS and a text."""


class Warden:
    """One sandbox from inside.

    ``job`` is the driver's order to the zygote:
    ``jailed`` (there are namespaces), ``user`` (a user namespace, one user id only),
    ``inner_uid`` (the user the runtime runs as), ``groups`` (cgroup folders to make and
    enter), ``argv`` (what to execute; empty: fork into ``stem``), ``early`` (start the runtime
    before it is known what for).
    """

    def __init__(
        self,
        job: dict[str, Any],
        control: socket.socket,
        channel: socket.socket,
        driver_end: socket.socket,
        output: int,
        stem: Callable[[], None],
    ) -> None:
        self.job = job
        self.control = control
        self.channel = channel
        self.driver_end = driver_end
        self.output = output
        self.stem = stem
        self.runtime = 0
        #: The open files through which to enter the sandbox's groups.
        self.groups: list[int] = []
        #: By process id, the names of the extensions that run beside the runtime.
        self.extensions: dict[int, str] = {}
        #: The order by which the runtime starts once its extensions have registered.
        self.held: dict[str, Any] | None = None

    def run(self) -> None:
        """Live one sandbox's life. Never returns in the warden; does in an early runtime."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        if self.job["jailed"]:
            # All falls with it. Without a namespace it must live on to kill the others itself,
            # which the end of its control socket makes it do.
            kernel.die_with_parent()
        os.setsid()
        # The runtime leads a process group of its own, so that it can be killed as one.
        try:
            self._open_walls()
            self._say(b"W %d\n" % os.getpid())
            if self.job["early"] and self._start(self.job["argv"], self.job["environ"]):
                return
            if self._serve(wake_read):
                return
        except Fatal as fatal:
            self._say_end({"error": list(fatal.args)})
        except OSError as error:
            self._say_end({"error": ["Sandbox.Failure", str(error)]})
        self._kill_all()
        os._exit(0)

    def _open_walls(self) -> None:
        if self.job["jailed"]:
            kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
            kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
            with contextlib.suppress(OSError):  # no keys here, or none for anybody in here
                kernel.join_new_session_keyring()
        elif sys.platform == "linux":
            kernel.adopt_orphans()
        outside = HOST if self.job["jailed"] else ""
        for group in self.job["groups"]:
            os.makedirs(outside + group, exist_ok=True)
            self.groups.append(_entrance(outside + group))

    def _serve(self, wake_read: int) -> bool:
        """Wait for orders and for the runtime's end; True in the runtime process."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        received = b""
        outputs: list[int] = []
        while True:
            for fd, _ in poll.poll():
                if fd == wake_read:
                    os.read(wake_read, 512)
                    if self._reap():
                        return False
                    continue
                part, fds = _receive(self.control)
                if not part:
                    return False
                received += part
                outputs += fds
                if received.endswith(b"\n"):
                    if self._obey(json.loads(received), outputs):
                        return True
                    received = b""

    def _obey(self, order: dict[str, Any], outputs: list[int]) -> bool:
        """Do what the driver orders; True in the runtime process."""
        if "start" in order:
            held, self.held = self.held, None
            return held is not None and self._start_runtime(held)
        if self.job["jailed"]:
            self._mount(order["mounts"], frozenset(order["private"]))
        if not order.get("extensions"):
            return self._start_runtime(order)
        self.held = order
        self.job["limits"] = order["limits"]
        output = outputs.pop()
        for name, program in order["extensions"].items():
            self._start_extension(name, program, order["extension_environ"], output)
        os.close(output)
        return False

    def _start_extension(
        self, name: str, program: str, environ: dict[str, str], output: int
    ) -> None:
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            try:
                self._enter(output, None)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                os.execve(program, [program], environ)
            except OSError as error:
                os.write(tell, os.strerror(error.errno or 0).lower().encode())
            os._exit(127)
        os.close(tell)
        failure = os.read(told, 4096).decode()
        os.close(told)
        if failure:
            os.waitpid(pid, 0)
            reason = f"fork/exec {program}: {failure}"
            self._say(b"X " + json.dumps({"name": name, "error": reason}).encode() + b"\n")
        else:
            self.extensions[pid] = name

    def _start_runtime(self, order: dict[str, Any]) -> bool:
        """Let a runtime that is up know what it is for, or start it; True in its process.

        ``limits``: resource limits by name. ``line``: what an early runtime waits for; or, for a
        late one, ``argv``, ``environ``, ``cwd`` and ``wrapped`` (argv[0] is the user's wrapper).
        """
        if self.runtime:
            if self.job["argv"] and hasattr(resource, "prlimit"):
                self._limit_runtime(order["limits"])  # our own Python stem cell limits itself
            self.driver_end.sendall(order["line"].encode() + b"\n")
            self.driver_end.close()
            return False
        self.job.update(cwd=order["cwd"], limits=order["limits"], wrapped=order["wrapped"])
        return self._start(order["argv"], order["environ"])

    def _mount(self, mounts: list[Any], private: frozenset[str]) -> None:
        """Mount code, layers and /tmp.

        ``mounts``: [kind, source, target] with kind "ro", "rw" or "overlay" (sources joined).
        ``private``: sources to be shown as the runtime's user's own: others can't read them.
        """
        # In a user namespace the runtime's user is who owns the files.
        own = frozenset() if self.job["user"] else private
        for kind, source, target in mounts:
            if kind == "overlay":
                lower = ":".join(_escaped(path) for path in self._lower(source, own))
                kernel.mount("layers", target, "overlay", _READ_ONLY, "lowerdir=" + lower)
                if own.intersection(source):
                    kernel.unmount(_ASIDE)
            elif source in own:
                self._show_as_own(source, target)
            else:
                flags = _READ_ONLY if kind == "ro" else kernel.MS_NOSUID | kernel.MS_NODEV
                kernel.bind(HOST + source, target, flags)
        kernel.unmount(HOST)

    def _lower(self, sources: list[str], own: frozenset[str]) -> list[str]:
        """Return where the folders are that an overlay joins."""
        if not own.intersection(sources):
            return [HOST + source for source in sources]
        kernel.mount("aside", _ASIDE, "tmpfs", kernel.MS_NOSUID, "mode=700,size=1m")
        found = []
        for number, source in enumerate(sources):
            place = f"{_ASIDE}/{number}"
            if source in own:
                os.mkdir(place)
                self._show_as_own(source, place)
            found.append(place if source in own else HOST + source)
        return found

    def _show_as_own(self, source: str, target: str) -> None:
        try:
            kernel.bind_as(HOST + source, target, self.job["inner_uid"])
        except OSError as error:
            raise Fatal(
                "Sandbox.Failure",
                f"{source} can't be read by its function's user, and can't be shown to it otherwise"
                f" ({os.strerror(error.errno or 0)}): chmod -R go+rX {source}",
            ) from error

    def _limit_runtime(self, limits: dict[str, int]) -> None:
        try:
            for name, value in limits.items():
                resource.prlimit(self.runtime, getattr(resource, name), (value, value))
        except PermissionError:
            # Root without CAP_SYS_RESOURCE, as in most containers: the same user may, though.
            pid = os.fork()
            if pid == 0:
                try:
                    user = self.job["inner_uid"]
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                    for name, value in limits.items():
                        resource.prlimit(self.runtime, getattr(resource, name), (value, value))
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)

    def _start(self, argv: list[str], environ: dict[str, str]) -> bool:
        """Fork the runtime; True in the child when it is to run in this very process."""
        told, tell = os.pipe()
        self.runtime = os.fork()
        if self.runtime == 0:
            os.close(told)
            try:
                self._enter(self.output, self.channel.fileno())
                self._say(b"R %d\n" % os.getpid())
                if not argv:
                    os.closerange(_RUNTIME_CHANNEL + 1, 256)
                    return True
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                os.execve(argv[0], argv, environ)
            except OSError as error:
                os.write(tell, json.dumps([error.errno, str(error), argv[:1]]).encode())
            os._exit(127)
        os.close(tell)
        failure = os.read(told, 4096)  # its end comes with a successful execve or a waiting stem
        os.close(told)
        self.channel.close()
        if failure:
            os.waitpid(self.runtime, 0)
            number, text, program = json.loads(failure)
            if not program or number not in _NO_PROGRAM:
                raise Fatal("Sandbox.Failure", text)
            if self.job.get("wrapped") and number in (errno.ENOENT, errno.EACCES):
                self._refuse_wrapper(program[0])
            what = os.strerror(number).lower()
            raise Fatal("Runtime.InvalidEntrypoint", f"fork/exec {program[0]}: {what}")
        if not self.job["early"]:
            self.driver_end.close()
        return False

    def _refuse_wrapper(self, path: str) -> NoReturn:
        """End as AWS's start script does where the user's wrapper can't be executed."""
        if os.path.isfile(path):
            reason, status = "is not an executable", 126
        else:
            reason, status = "does not exist", 127
        os.write(self.output, f"{path}: {reason}\n".encode())
        self._say_end({"status": status})
        os._exit(0)

    def _enter(self, output: int, channel: int | None) -> None:
        """In a process of its own: limits, user, files, and nothing else of the warden's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for group in self.groups:
            os.write(group, b"0")
        if sys.platform == "linux":
            kernel.die_with_parent()
        os.setpgid(0, 0)
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target, inheritable=True)
        if channel is not None:
            os.dup2(channel, _RUNTIME_CHANNEL, inheritable=True)
        if self.job["jailed"]:
            self._drop()
        kernel.limit("RLIMIT_NOFILE", 1024)
        if sys.platform == "linux":
            kernel.limit("RLIMIT_MEMLOCK", 65536)
            kernel.limit("RLIMIT_CORE", 10737418240)
            # As many bytes as on AWS, yet nothing worth keeping: a crash fills no disk.
            with contextlib.suppress(OSError):
                file = os.open("/proc/self/coredump_filter", os.O_WRONLY)
                os.write(file, b"0")
                os.close(file)
        else:
            kernel.limit("RLIMIT_CORE", 0)
        for name, value in self.job.get("limits", {}).items():
            kernel.limit(name, value)
        os.umask(0o022)
        os.chdir(self.job.get("cwd", "/"))

    def _drop(self) -> None:
        user = self.job["inner_uid"]
        if self.job["user"]:
            kernel.unshare(kernel.CLONE_NEWUSER)
            kernel.limit("RLIMIT_NPROC", 742)
            kernel.map_user(user, 0, user, 0)
        else:
            kernel.limit("RLIMIT_NPROC", 742)
            os.setgroups([])
            kernel.drop_bounding_set()
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            with contextlib.suppress(OSError):
                kernel.clear_user_keyrings()
        kernel.drop_capabilities()
        kernel.stay_visible()
        # Dumpable again clears nothing the kernel needs; the parent's death still counts.
        kernel.die_with_parent()

    def _reap(self) -> bool:
        """Collect ended children; True when the runtime was among them."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return False
            if pid in self.extensions:
                end: dict[str, Any] = {"name": self.extensions.pop(pid)}
                if os.WIFSIGNALED(status):
                    end["signal"] = os.WTERMSIG(status)
                else:
                    end["status"] = os.WEXITSTATUS(status)
                self._say(b"X " + json.dumps(end).encode() + b"\n")
            if pid == self.runtime:
                peak = usage.ru_maxrss * _MAXRSS_UNIT
                if os.WIFSIGNALED(status):
                    self._say_end({"signal": os.WTERMSIG(status), "peak": peak})
                else:
                    self._say_end({"status": os.WEXITSTATUS(status), "peak": peak})
                # Extensions may have last work to do: the driver ends them.
                if not self.extensions:
                    return True

    def _kill_all(self) -> None:
        """Without a PID namespace: kill the runtime's group, then whoever was orphaned to us."""
        groups = [*self.extensions, *([self.runtime] if self.runtime else [])]
        if self.job["jailed"] or not groups:
            return
        for _ in range(64):
            for group in groups:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _say_end(self, end: dict[str, Any]) -> None:
        self._say(b"E " + json.dumps(end).encode() + b"\n")

    def _say(self, line: bytes) -> None:
        # The driver may be gone or have let go: what follows is the end anyway.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.control.sendall(line)


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Return what was sent, and the file descriptors with it (Python 3.8 has no recv_fds)."""
    part, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(4))
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return part, list(fds)


def _entrance(group: str) -> int:
    """Return the open file through which a process with a single thread enters a control group.

    In version 1 by its thread: a whole process would wait for a grace period of the kernel, about
    10 ms, in which none of its threads may come or go.
    """
    try:
        return os.open(group + "/tasks", os.O_WRONLY)
    except FileNotFoundError:
        return os.open(group + "/cgroup.procs", os.O_WRONLY)


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def main(job: dict[str, Any], fds: list[int], stem: Callable[[], None]) -> None:
    """Become the warden for ``job``; ``fds`` as the zygote received them."""
    control, channel, driver_end = (socket.socket(fileno=fd) for fd in fds[:3])
    Warden(job, control, channel, driver_end, fds[3], stem).run()
    stem()
