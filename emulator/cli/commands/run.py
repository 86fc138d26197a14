"""The command ``run``: runs another command beside an emulator of its own."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from emulator.cli.help import wrapper
from emulator.cli.terminal import error
from emulator.client.endpoint import Client
from emulator.client.server import Server
from emulator.client.variables import foreign, variables

#: Before the user's own options, which win.
_OPTIONS = ("--port", "0", "--no-watch")
#: What shells return where there is no such command, and where it can't be executed.
_NO_COMMAND, _NOT_EXECUTABLE = 127, 126
#: Errors of a file that is there and is no program, or whose interpreter is not there.
_NO_PROGRAM = (errno.ENOEXEC, errno.ENOENT)
#: Lines of the emulator's output that are shown when the command fails.
_SHOWN = 40


@wrapper
def run(
    context: typer.Context,
    show_logs: Annotated[
        bool,
        typer.Option(
            "--show-logs",
            help="Print what the emulator prints, functions' logs included. Default: its end, if "
            "the command fails.",
        ),
    ] = False,
) -> None:
    """Run a command beside an emulator of its own.

    It starts an emulator on a free port, sets the variables by which AWS SDKs find it, runs the
    command and ends the emulator. The exit code is the command's own; as in a shell, it is 127 if
    there is no such command, and 126 if it can't be executed.

    What comes before -- goes to `localfaas up`: a PATH, and any of its options.

    Example: localfaas run template.yaml -- pytest tests
    """
    command: Sequence[str] = context.meta["command"]
    if not command:
        raise typer.BadParameter("say what to run, behind --: localfaas run [PATH] -- COMMAND")
    # Before a start that would be in vain.
    if shutil.which(command[0]) is None:
        raise typer.Exit(_say_what_is_missing(command[0]))
    server = Server.start([*_OPTIONS, *context.args])
    try:
        code = _run(command, server)
        output = server.output()
    finally:
        server.stop()
    if show_logs:
        print(output, end="", file=sys.stderr)
    elif code:
        last = output.splitlines()[-_SHOWN:]
        print("\n".join(["", "The emulator's last lines:", *last]), file=sys.stderr)
    raise typer.Exit(code)


def _say_what_is_missing(command: str) -> int:
    """Say why a command can't be run; returns the exit code that a shell has for it."""
    if "/" not in command or not os.path.exists(command):
        error(f"there is no command {command}")
        return _NO_COMMAND
    what = "a folder" if os.path.isdir(command) else "not executable (`chmod +x` makes it so)"
    error(f"can't run {command}: it is {what}")
    return _NOT_EXECUTABLE


def _run(command: Sequence[str], server: Server) -> int:
    """Run the command, and return its exit code as a shell would."""
    client = Client(server.url)
    others = foreign(os.environ)
    kept = {name: value for name, value in os.environ.items() if name not in others}
    found = variables(client.url, client.host, region=server.region, environ=os.environ)
    environ = {**kept, **found, "LOCALFAAS_ENDPOINT": client.url}
    with _signals_passed_on() as pass_on_to:
        try:
            process = subprocess.Popen(command, env=environ)
        except OSError as failure:
            hint = " (has it a first line like #!/bin/sh?)" if failure.errno in _NO_PROGRAM else ""
            error(f"can't run {command[0]}: {failure.strerror}{hint}")
            return _NOT_EXECUTABLE
        pass_on_to(process)
        code = process.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _signals_passed_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Outlive the signals that are to end the command: the process that is named gets them.

    It gets those, too, that come before it is there.
    """
    early: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: object) -> None:
        if not started:
            early.append(number)
        # A terminal sends Ctrl-C to the command as well.
        elif number != signal.SIGINT or not _is_in_foreground():
            started[0].send_signal(number)

    def pass_on_to(process: subprocess.Popen[bytes]) -> None:
        started.append(process)
        for number in early:
            process.send_signal(number)

    before: dict[int, Any] = {
        number: signal.signal(number, pass_on)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield pass_on_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Say whether there is a terminal whose Ctrl-C goes to this process and those it starts."""
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
