"""All commands, and how they end: what they print on errors, and their exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated

import typer

from emulator import __version__
from emulator.cli.options import PanelCommand
from emulator.cli.terminal import error
from emulator.model.errors import LocalfaasError

#: Where each command stands, in the order of the help. Only the one that is run is imported.
_COMMANDS = {
    "up": "serve",
    "invoke": "call",
    "logs": "call",
    "ps": "listings",
    "functions": "listings",
    "url": "url",
    "queue": "queues",
    "events": "events",
    "env": "environment",
    "doctor": "doctor",
    "down": "down",
    "runtimes": "runtimes",
}
#: Why a file that stdout leads to takes no more.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"localfaas {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _application(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line: with the command that is asked for or, for help, with all."""
    # Plain help: rich's own takes as long as everything else together.
    app = typer.Typer(
        name="localfaas",
        help="A local FaaS runtime with a Lambda-compatible API.\n\nExample: localfaas up",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    asked = arguments[0] if arguments else ""
    for name in (asked,) if asked in _COMMANDS else _COMMANDS:
        command = getattr(import_module(f"emulator.cli.{_COMMANDS[name]}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name, cls=PanelCommand)(command)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 1 after an error, 2 for wrong usage."""
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
        # Whoever read our output has had enough; nothing is left to tell it at exit, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if failure.errno in _NO_ROOM:
            error(f"the output can't be written: {failure.strerror}")
        return 1


def _run(arguments: Sequence[str]) -> int:
    try:
        _application(arguments)(list(arguments), prog_name="localfaas")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _accept_any_text() -> None:
    """Let stdout be closed, and show what its encoding lacks as an escape."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (as long as the process lives)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
