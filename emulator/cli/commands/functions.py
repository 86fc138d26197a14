"""The command ``functions``: lists functions."""

from __future__ import annotations

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import show_table
from emulator.cli.terminal import note, show_json


def functions(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """List functions, with their URLs.

    WARM counts the function's environments. NOT ACTED ON names settings that are kept and shown
    but change nothing here.

    Example: localfaas functions
    """
    found = Client(endpoint).get("functions")
    if json:
        show_json(found)
        return
    if not found:
        note("no functions: create one, or start the emulator with a folder of them")
        return
    # Account and region are shown only if they differ.
    scopes = {(each["account"], each["region"]) for each in found}
    rows = [
        (
            each["name"],
            each["runtime"],
            each["handler"],
            f"{each['memory_mb']} MB",
            f"{each['timeout_s']} s",
            each["state"],
            str(each["environments"]),
            *((f"{each['account']} {each['region']}",) if len(scopes) > 1 else ()),
            ", ".join(each["ignored"]),
            " ".join(url["url"] for url in each["urls"]),
        )
        for each in found
    ]
    where = ("ACCOUNT AND REGION",) if len(scopes) > 1 else ()
    columns = ("FUNCTION", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "STATE", "WARM", *where)
    show_table((*columns, "NOT ACTED ON", "URL"), rows, details=2 + len(where))
