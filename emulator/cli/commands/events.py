"""The commands ``events …``: list asynchronous events, and run failed ones again."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.help import Commands
from emulator.cli.tables import show_table
from emulator.cli.terminal import CommandError, age, note, show_json

events = Commands()
Function = Annotated[
    str | None, typer.Option("--function", metavar="NAME", help="Only events of this function.")
]


@events.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    function: Function = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=1000, help="List at most this many.")
    ] = 100,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List asynchronous events that wait, run or have failed.

    The last thousand failed events are kept after their destination or dead-letter queue has them.
    `localfaas events replay` runs them again.

    Example: localfaas events --function hello
    """
    if context.invoked_subcommand is not None:
        return
    found = Client(endpoint).get("events", function=function, limit=limit)
    if json:
        show_json(found)
        return
    names = ("waiting", "running", "retrying", "failed")
    note(", ".join(f"{found[name]} {name}" for name in names))
    if not found["events"]:
        return
    now = time.time()
    rows = [
        (
            each["request_id"],
            each["function"],
            each["state"],
            str(each["attempts"]),
            age(max(0.0, now - each["accepted"])),
            f"in {age(each['at'] - now)}" if each["state"] == "retrying" else "-",
            ": ".join(filter(None, (each["condition"], each["error"]))) or "-",
        )
        for each in found["events"]
    ]
    columns = ("REQUEST", "FUNCTION", "STATE", "FAILURES", "AGE", "NEXT", "ENDED BY")
    show_table(columns, rows, details=1)


@events.command()
def replay(
    request: Annotated[
        str | None, typer.Argument(metavar="REQUEST", help="The request id of one event.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Run all failed events again.")] = False,
    function: Function = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Run failed events again and print their request ids.

    Example: localfaas events replay --all
    """
    if (request is None) is not (every or function is not None):
        raise typer.BadParameter("give one of: a request id, --all, --function")
    answer = Client(endpoint).post("events/replay", request_id=request, function=function)
    for each in answer["replayed"]:
        print(each)
    if not answer["replayed"]:
        raise CommandError("no event has failed")
