"""The command ``ps``: lists execution environments."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import age, megabytes, note, show_json


def ps(
    name: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name. Default: all functions."),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List execution environments: state, age, calls, memory.

    MEMORY is what the environment uses now, without memory that it shares with others. Max Memory
    Used in a REPORT line is the most it has used, shared memory included.

    Example: localfaas ps
    """
    found = Client(endpoint).get("environments", function=name)
    if json:
        show_json(found)
        return
    if not found:
        none = "no environments: the first call of a function starts one"
        note(none if name is None else f"no environments of a function {name}")
        return
    rows = [
        (
            each["id"][:12],
            each["function"] + ("" if each["version"] == "$LATEST" else f":{each['version']}"),
            each["state"] if each["in_flight"] < 2 else f"{each['state']} {each['in_flight']}",
            age(each["age"]),
            str(each["invokes"]),
            megabytes(each["memory"]),
            NOTHING if each["init_ms"] is None else f"{each['init_ms']:.0f} ms",
            NOTHING if each["pid"] is None else str(each["pid"]),
        )
        for each in found
    ]
    columns = ("ENVIRONMENT", "FUNCTION", "STATE", "AGE", "CALLS", "MEMORY", "INIT", "PID")
    show_table(columns, rows, details=1)
