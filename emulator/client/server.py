"""Starts an emulator in a process of its own, and ends it.

The two share the socket of :mod:`emulator.client.link`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emulator.client.link import DETACH, LAUNCHER
from emulator.model.errors import LocalfaasError

#: Seconds a start may take. Packages of functions may have to be installed before it.
START_S = 120.0
#: Seconds an end at once may take before the process is killed.
_END_S = 10.0
#: The most bytes of an emulator's last words.
_LAST_WORDS = 4000


class StartFailed(LocalfaasError):
    """The emulator did not start; the text holds what it printed last."""


class Server:
    """An emulator that was started here; :meth:`start` makes one.

    Attributes:
        url: Where it listens.
        region: Its functions' AWS region.
        pid: Its process.
        log: The file with what it prints.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        link: socket.socket,
        ready: Mapping[str, Any],
        log: Path,
    ) -> None:
        self._process = process
        self._link = link
        self.url: str = ready["url"]
        self.region: str = ready["region"]
        self.pid = process.pid
        self.log = log

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        start_s: float = START_S,
    ) -> Server:
        """Start ``localfaas up`` and return once it can be called.

        Args:
            arguments: What follows ``localfaas up``.
            environ: Its environment; this process's own without.
            start_s: Seconds it may take.

        Raises:
            StartFailed: It ended instead, or it takes too long.
        """
        log, path = tempfile.mkstemp(prefix="localfaas-", suffix=".log")
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as undo:
            undo.callback(Path(path).unlink, missing_ok=True)
            undo.callback(ours.close)
            with theirs, os.fdopen(log, "wb") as output:
                process = subprocess.Popen(
                    # -P: a folder "emulator" where it is started is the user's own.
                    [sys.executable, "-P", "-m", "emulator", "up", *arguments],
                    env={
                        **(os.environ if environ is None else environ),
                        LAUNCHER: str(theirs.fileno()),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    # Ctrl-C is for whoever started it, who ends it then.
                    start_new_session=True,
                )
            undo.callback(_kill, process)
            ready = _first_line(ours, time.monotonic() + start_s)
            if ready is None:
                raise StartFailed(_why(process, Path(path), start_s))
            undo.pop_all()
        return cls(process, ours, ready, Path(path))

    def runs(self) -> bool:
        """Say whether its process is there."""
        return self._process.poll() is None

    def output(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(errors="replace")

    def detach(self) -> None:
        """Let it go on when this process ends. :meth:`stop` no longer ends it."""
        self._link.sendall(DETACH)
        self._link.close()

    def stop(self) -> None:
        """End it without waiting for calls in flight; returns when nothing is left of it."""
        self._link.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            _kill(self._process)
        self.log.unlink(missing_ok=True)


def _first_line(link: socket.socket, deadline: float) -> dict[str, Any] | None:
    """Return the JSON in the emulator's first line; None if it ended or is late."""
    text = b""
    while not text.endswith(b"\n"):
        link.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            more = link.recv(4096)
        except TimeoutError:
            return None
        if not more:
            return None
        text += more
    link.settimeout(None)
    ready: dict[str, Any] = json.loads(text)
    return ready


def _why(process: subprocess.Popen[bytes], log: Path, start_s: float) -> str:
    """Return why an emulator did not become ready."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    words = log.read_text(errors="replace").strip()[-_LAST_WORDS:]
    if process.poll() is None:
        return f"the emulator was not ready within {start_s:g} s; it printed:\n{words or 'nothing'}"
    return words.removeprefix("error: ") or f"the emulator ended (exit code {process.returncode})"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
