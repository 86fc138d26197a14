"""The command ``logs``: prints what functions logged, and follows what they log."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.log_lines import log_line
from emulator.cli.terminal import local_time, note, show_json, terminal_width


def logs(
    name: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name. Default: all functions."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Wait for new lines and print them as they come.")
    ] = False,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=10_000, help="Print at most this many old lines."),
    ] = 1000,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print the log lines of functions, oldest first.

    With --json and --follow, each line is one JSON object.

    Example: localfaas logs hello -f
    """
    client = Client(endpoint)
    if not follow:
        found = client.get("logs", function=name, limit=limit)
        if json:
            show_json(found)
            return
        for each in found:
            _show(each)
        if not found:
            note("no lines" if name is None else f"no lines of a function {name}")
        return
    from json import dumps

    try:
        for each in client.follow("logs/follow", function=name, limit=limit):
            if json:
                print(dumps(each, ensure_ascii=False), flush=True)
            elif "skipped" in each:
                note(f"{each['skipped']} lines not shown: they came too quickly")
            else:
                _show(each)
    except KeyboardInterrupt:
        return
    note("the emulator has ended")


def _show(each: dict[str, str | int]) -> None:
    time = local_time(int(each["timestamp"]))
    line = log_line(str(each["function"]), str(each["message"]), terminal_width(), time=time)
    print(line, flush=True)
