"""Starts and stops an emulator in a process of its own.

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
from typing import IO, Any

from emulator.client.link import DETACH, LAUNCHER
from emulator.model.errors import LocalfaasError

#: The most seconds that a start may take. It may have to build functions first, and install their
#: packages, which have limits of their own.
START_S = 1000.0
#: The most seconds that a stop without draining may take; then the process is killed, and leaves
#: what an engine has. On a busy machine that takes longer to be removed.
_END_S = 30.0
#: The most bytes of an emulator's last output that an error shows.
_LAST_WORDS = 4000


class StartFailed(LocalfaasError):
    """The emulator did not start; the text holds what it printed last."""


class Server:
    """An emulator that this process started; :meth:`start` makes one.

    Attributes:
        url: Where it listens.
        region: Its functions' AWS region.
        pid: Its process.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        link: socket.socket,
        ready: Mapping[str, Any],
        output: IO[bytes],
    ) -> None:
        self._process = process
        self._link = link
        self.url: str = ready["url"]
        self.region: str = ready["region"]
        self.pid = process.pid
        self._output = output

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        start_s: float = START_S,
        log: Path | None = None,
    ) -> Server:
        """Start ``localfaas up`` and return once it can be called.

        Args:
            arguments: What follows ``localfaas up``.
            environ: Its environment variables; None for those of this process.
            start_s: The most seconds that the start may take.
            log: A file for what it prints. None for one that has no name: however the two
                processes end, it is gone with them.

        Raises:
            StartFailed: The emulator ended, or was not ready within ``start_s``.
        """
        output = tempfile.TemporaryFile() if log is None else log.open("w+b")  # noqa: SIM115
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as undo:
            undo.callback(output.close)
            undo.callback(ours.close)
            with theirs:
                process = subprocess.Popen(
                    # -P: a folder "emulator" in the working directory is the user's.
                    [sys.executable, "-P", "-m", "emulator", "up", *arguments],
                    env={
                        **(os.environ if environ is None else environ),
                        LAUNCHER: str(theirs.fileno()),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    # Ctrl-C goes to this process alone, which then stops the emulator.
                    start_new_session=True,
                )
            undo.callback(_kill, process)
            ready = _first_line(ours, time.monotonic() + start_s)
            if ready is None:
                raise StartFailed(_why(process, output, start_s))
            undo.pop_all()
        return cls(process, ours, ready, output)

    def runs(self) -> bool:
        """Say whether the emulator's process still runs."""
        return self._process.poll() is None

    def ending(self) -> str:
        """Say that the emulator has ended, and what it printed last; "" while it runs."""
        if self.runs():
            return ""
        words = self.output().strip()[-_LAST_WORDS:]
        return (
            f"the emulator has ended (exit code {self._process.returncode}); it printed last:\n"
            f"{words or 'nothing'}"
        )

    def output(self) -> str:
        """Return everything that the emulator has printed."""
        return _text(self._output)

    def detach(self) -> None:
        """Keep the emulator running after this process ends. Do not call :meth:`stop` then."""
        self._link.sendall(DETACH)
        self._link.close()

    def stop(self) -> None:
        """Stop the emulator without waiting for calls in flight; returns when all of it is gone."""
        self._link.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            _kill(self._process)
        self._output.close()


def _text(output: IO[bytes]) -> str:
    """Return all of a file. The emulator goes on where it is: its place in it is ours, too."""
    number = output.fileno()
    return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")


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


def _why(process: subprocess.Popen[bytes], output: IO[bytes], start_s: float) -> str:
    """Return why an emulator did not become ready."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    words = _text(output).strip()[-_LAST_WORDS:]
    if process.poll() is None:
        return f"the emulator was not ready within {start_s:g} s; it printed:\n{words or 'nothing'}"
    # What it has done before is no reason.
    _, _, reason = f"\n{words}".rpartition("\nerror: ")
    return reason.strip() or f"the emulator ended (exit code {process.returncode})"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
