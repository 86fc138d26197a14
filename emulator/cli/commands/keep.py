"""The command ``keep``: keeps environments of a function initialised."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import note, show_json


def keep(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[FUNCTION]", help="The function's name; :VERSION names a version."),
    ] = None,
    count: Annotated[
        int, typer.Argument(min=0, help="How many environments to keep; 0 keeps none.")
    ] = 1,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Keep environments of a function initialised while idle.

    This is the "minimum instances" of other clouds: it needs no published version. Without a
    function, show what is kept. To keep some from the start, use `up --min-instances NAME=N`.

    Example: localfaas keep hello 2
    """
    client = Client(endpoint)
    if name is None:
        found = client.get("minimum")
    else:
        function, _, qualifier = name.partition(":")
        found = client.post(
            "minimum", function=function, qualifier=qualifier or None, count=str(count)
        )
    if json:
        show_json(found)
    elif not found:
        note("nothing is kept initialised (localfaas keep FUNCTION N)")
    else:
        rows = [
            (
                each["function"],
                each["qualifier"],
                str(each["wanted"]),
                str(each["ready"]),
                each["reason"] or NOTHING,
            )
            for each in found
        ]
        show_table(("FUNCTION", "VERSION", "WANTED", "READY", "REASON"), rows, details=1)
