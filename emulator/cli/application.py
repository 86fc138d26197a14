"""Runs commands: finds the one that is asked for, prints its errors, returns its exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

from emulator import __version__
from emulator.cli.drop_in import adopt
from emulator.cli.terminal import error, note
from emulator.client.link import LAUNCHER
from emulator.model.errors import LocalfaasError

if TYPE_CHECKING:
    import typer

#: All commands, in the order of the help. Each is a module of :mod:`emulator.cli.commands` with a
#: function, or a group of commands, of its name; only the one that runs is imported.
COMMANDS = (
    "up",
    "run",
    "init",
    "event",
    "invoke",
    "logs",
    "ps",
    "invocations",
    "timeline",
    "trace",
    "evict",
    "keep",
    "snapshots",
    "check",
    "services",
    "functions",
    "url",
    "token",
    "queue",
    "workflow",
    "events",
    "send",
    "flow",
    "env",
    "doctor",
    "wait",
    "reset",
    "down",
    "runtimes",
    "coldstart",
    "debug",
    "what-if",
    "cost",
    "profile",
)
#: Errors of a full disk: nothing more can be written to stdout.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def application(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the command line.

    Args:
        names: The commands it has.
    """
    import typer

    from emulator.cli.help import Commands

    app = Commands(
        "A local FaaS runtime with a Lambda-compatible API.\n\nExample: localfaas up",
        name="localfaas",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(version: bool = typer.Option(False, "--version", help="Show the version.")) -> None:
        if version:
            print(f"localfaas {__version__}")
            raise typer.Exit

    for name in names:
        module = name.replace("-", "_")
        command = getattr(import_module(f"emulator.cli.commands.{module}"), module)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, **getattr(command, "typer_options", {}))(command)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns its exit code: 0, 1 after an error, 2 for wrong usage, 130 after Ctrl-C.
    """
    _accept_any_text()
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except LocalfaasError as failure:
        error(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as failure:
        if not (isinstance(failure, BrokenPipeError) or failure.errno in _NO_ROOM):
            raise
        # Nobody reads the output any more (`| head`): Python must not try to flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if failure.errno in _NO_ROOM:
            error(f"the output can't be written: {failure.strerror}")
        return 1


def _run(arguments: Sequence[str]) -> int:
    # Without what parses options, which takes three times as long to import as all else.
    if list(arguments) == ["--version"]:
        print(f"localfaas {__version__}")
        return 0
    asked = arguments[0] if arguments else ""
    # Every command is to look where `up` listens.
    said = adopt(os.environ)
    # Who types `localfaas up` is told; who has it started in the background is not.
    if asked == "up" and LAUNCHER not in os.environ:
        for sentence in said:
            note(sentence)
    names = (asked,) if asked in COMMANDS else COMMANDS
    try:
        application(names)(list(arguments), prog_name="localfaas")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _accept_any_text() -> None:
    """Let stdout be closed, and print escapes for characters that its encoding lacks."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (as long as the process lives)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
