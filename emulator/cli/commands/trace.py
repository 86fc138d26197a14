"""The command ``trace``: the latest traces, and one of them in time."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from emulator.cli import waterfall
from emulator.cli.client import DEFAULT_ENDPOINT, Account, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import note, show_json, terminal_width


def trace(
    id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="A trace: its id or the end of it, or the request id of a call; or last.",
            show_default=False,
        ),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option("--function", metavar="NAME", help="Only traces with this function."),
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=1000, help="How many are listed.")
    ] = 20,
    json: Json = False,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List the latest traces, or show one in time.

    Functions with active tracing are traced, and all with up --trace.

    Example: localfaas trace last
    """
    client = Client(endpoint)
    if id not in (None, "last"):
        _show(client.get(f"traces/{id}"), json=json)
        return
    asked = 1 if id == "last" else limit
    found = client.get("traces", limit=asked, function=function, account=account)
    if id == "last" and found:
        _show(client.get(f"traces/{found[0]['id']}"), json=json)
    elif json:
        show_json(found)
    elif not found:
        note("no traces: functions with TracingConfig Active have some, and all with up --trace")
    else:
        _list(found)


def _list(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            time.strftime("%H:%M:%S", time.localtime(each["start"])),
            waterfall.milliseconds(each["duration_ms"]),
            each["status"],
            each["id"],
            " → ".join(each["services"]) or NOTHING,
        )
        for each in found
    ]
    show_table(("AT", "TOOK", "STATUS", "TRACE", "SERVICES"), rows)


def _show(found: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(found)
        return
    for line in waterfall.draw(found, terminal_width() or 80):
        print(line)
