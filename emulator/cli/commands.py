"""All commands, and how they end: what they print on errors, and their exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from emulator import __version__
from emulator.cli import call, doctor, environment, events, listings, queues, runtimes, serve
from emulator.cli.terminal import error
from emulator.model.errors import LocalfaasError

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
app.command()(serve.up)
app.command()(call.invoke)
app.command()(call.logs)
app.command()(listings.ps)
app.command()(listings.functions)
app.add_typer(queues.queue, name="queue")
app.add_typer(events.events, name="events")
app.command()(environment.env)
app.command(name="doctor")(doctor.doctor)
app.command()(serve.down)
app.add_typer(runtimes.app, name="runtimes")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"localfaas {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 1 after an error, 2 for wrong usage."""
    try:
        app(list(arguments), prog_name="localfaas")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except LocalfaasError as failure:
        error(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing is left to tell it at exit, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
