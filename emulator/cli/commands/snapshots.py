"""The command ``snapshots``: shows the snapshots of versions with SnapStart."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import note, show_json

_COLUMNS = (
    "FUNCTION",
    "VERSION",
    "HELD",
    "WAY",
    "INIT",
    "ENVIRONMENTS",
    "WHY NO COPY",
    "SHARED",
)


def snapshots(
    name: Annotated[
        str | None, typer.Argument(metavar="[FUNCTION]", help="Only those of this function.")
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show snapshots of versions, and what they have captured.

    SHARED names what all restored environments have in common though it should be each one's own:
    ids, tokens, random generators, the time of INIT, connections. Make such things in the handler,
    or in a hook after restore.

    Example: localfaas snapshots hello
    """
    found = Client(endpoint).get("snapshots", function=name)
    if json:
        show_json(found)
    elif not found:
        note("no version has a snapshot: publish one of a function with SnapStart")
    else:
        rows = [
            (
                each["function"],
                each["version"],
                "yes" if each["held"] else "no",
                each["way"],
                NOTHING if each["init_ms"] is None else f"{each['init_ms']:,.0f} ms",
                str(each["environments"]),
                "; ".join(each["hindrances"]) or NOTHING,
                "; ".join(each["shared"]) or NOTHING,
            )
            for each in found
        ]
        show_table(_COLUMNS, rows, details=2)
