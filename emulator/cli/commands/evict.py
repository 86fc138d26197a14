"""The command ``evict``: ends a function's environments, so that the next start is cold."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import note, show_json


def evict(
    name: Annotated[
        str,
        typer.Argument(metavar="FUNCTION", help="The function's name; :VERSION names a version."),
    ],
    environment: Annotated[
        str | None,
        typer.Option("--environment", metavar="ID", help="Only this environment."),
    ] = None,
    trace_imports: Annotated[
        bool,
        typer.Option("--trace-imports", help="Have the next starts measure what they import."),
    ] = False,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """End a function's environments: its next call is cold.

    Idle environments end now, busy ones when they are done. Those of provisioned concurrency are
    replaced.

    Example: localfaas evict hello
    """
    function, _, version = name.partition(":")
    found = Client(endpoint).post(
        "evict",
        function=function,
        version=version or None,
        environment=environment,
        trace_imports="true" if trace_imports else None,
    )
    if json:
        show_json(found)
        return
    stopped, when_done = found["stopped"], found["when_done"]
    if not stopped and not when_done:
        note(f"{name} has no environment: its next call is cold anyway")
        return
    later = f"; {_count(when_done)} when done" if when_done else ""
    note(f"{_count(stopped)} ended{later}")


def _count(environments: int) -> str:
    return f"{environments} environment{'s' * (environments != 1)}"
