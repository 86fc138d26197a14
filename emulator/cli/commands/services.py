"""The command ``services``: what serves each AWS service, and what of it lasts."""

from __future__ import annotations

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import show_table
from emulator.cli.terminal import show_json


def services(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """Show what serves each AWS service, and what lasts.

    The engine is localfaas itself, an endpoint attached with `--engine`, or the embedded library,
    which is listed once it has been asked.

    Example: localfaas services
    """
    found = Client(endpoint).get("services")
    if json:
        show_json(found)
        return
    rows = [
        (
            each["service"],
            each["engine"],
            "" if each["operations"] is None else str(each["operations"]),
            each["lasts"],
        )
        for each in found
    ]
    show_table(("SERVICE", "ENGINE", "OPERATIONS", "LASTS"), rows)
