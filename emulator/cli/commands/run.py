"""The command ``run``: runs another command beside an emulator of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from emulator.cli.help import wrapper
from emulator.cli.terminal import CommandError
from emulator.client.endpoint import Client
from emulator.client.server import Server
from emulator.client.variables import FOREIGN, variables

#: Before the user's own options, which win.
_OPTIONS = ("--port", "0", "--no-watch")
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
    command and ends the emulator. The exit code is the command's own.

    What comes before -- goes to `localfaas up`: a PATH, and any of its options.

    Example: localfaas run template.yaml -- pytest tests
    """
    command: Sequence[str] = context.meta["command"]
    if not command:
        raise typer.BadParameter("say what to run, behind --: localfaas run [PATH] -- COMMAND")
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


def _run(command: Sequence[str], server: Server) -> int:
    """Run the command, and return its exit code as a shell would."""
    client = Client(server.url)
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    found = variables(client.url, client.host, region=server.region, environ=os.environ)
    try:
        process = subprocess.Popen(command, env={**kept, **found, "LOCALFAAS_ENDPOINT": client.url})
    except OSError as failure:
        raise CommandError(f"can't run {command[0]}: {failure.strerror}") from failure
    with _signals_passed_on(process):
        code = process.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _signals_passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Outlive the signals that are to end the command, which gets them."""

    def pass_on(number: int, frame: object) -> None:
        if number != signal.SIGINT:  # the terminal sends it to the command as well
            process.send_signal(number)

    before: dict[int, Any] = {
        number: signal.signal(number, pass_on)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
