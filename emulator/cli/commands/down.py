"""The command ``down``: ends an emulator, and returns when nothing is left of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint
from emulator.cli.terminal import CommandError, note
from emulator.model.process import namespace

#: How long the emulator may take to remove environments and write state, after all calls.
_CLOSING_S = 30.0
#: Between two checks.
_PAUSE_S = 0.02


def down(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for calls in flight to finish.")
    ] = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """End a running emulator.

    Calls in flight have 30 seconds to finish; Ctrl-C ends them at once. The command returns when
    the emulator's process and environments are gone, its port is free and its state folder is
    unlocked.

    The exit code is 1 if no emulator runs, or if it does not end.

    Example: localfaas down
    """
    client = Client(endpoint)
    answer = client.post("shutdown", now="true" if now else None)
    drain_s = 0.0 if now else answer.get("drain_seconds", 30.0)
    try:
        if not now:
            _say_what_is_awaited(answer, drain_s)
        gone = _wait(client, answer, time.monotonic() + drain_s + _CLOSING_S)
    except KeyboardInterrupt:
        if now or not _is_here(answer):
            raise
        _end_at_once(answer["pid"])
        gone = _wait(client, answer, time.monotonic() + _CLOSING_S)
    if not gone:
        pid = answer.get("pid", "unknown")
        raise CommandError(
            f"the emulator at {client.url} (process {pid}) is still there: end it with "
            f"`kill -9 {pid}`"
        )
    print("ended", file=sys.stderr)


def _say_what_is_awaited(emulator: dict[str, Any], drain_s: float) -> None:
    calls = emulator.get("in_flight", 0)
    if calls:
        count = "1 call" if calls == 1 else f"{calls} calls"
        hint = "; Ctrl-C does not wait" if _is_here(emulator) else ""
        note(f"waiting up to {drain_s:.0f} s for {count} in flight{hint}")


def _is_here(emulator: dict[str, Any]) -> bool:
    """Say whether the emulator's process can be seen from here."""
    return bool(emulator.get("pid_namespace") == namespace())


def _end_at_once(pid: int) -> None:
    """Let an emulator that already ends wait for no call any more."""
    with suppress(ProcessLookupError):
        try:
            os.kill(pid, signal.SIGTERM)
        except PermissionError as failure:
            raise CommandError(f"process {pid} is another user's: it ends when it can") from failure


def _wait(client: Client, emulator: dict[str, Any], deadline: float) -> bool:
    """Wait until the emulator is gone; False: it is still there at the deadline."""
    if _is_here(emulator):
        return _wait_for_process(emulator["pid"], deadline)
    while client.listens():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    note("its port is free; its process runs elsewhere and can't be seen from here")
    return True


def _wait_for_process(pid: int, deadline: float) -> bool:
    """Wait until a process has ended, whether its parent knows that yet or not."""
    if hasattr(os, "pidfd_open"):
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # an old kernel, or not allowed
        else:
            try:
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                return bool(poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
            finally:
                os.close(fd)
    while _runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def _runs(pid: int) -> bool:
    with suppress(PermissionError):  # it runs, as another user
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")
