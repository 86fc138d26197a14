"""Commands that show what there is: ``ps`` and ``functions``."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import age, megabytes, note, show_json


def ps(
    name: Annotated[str | None, typer.Argument(help="A function's name; all without.")] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show the execution environments: state, age, invokes, memory.

    Memory is what each has for itself now. A report's Max Memory Used is the most it had, and
    counts what environments share.

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


def functions(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """Show the functions.

    And what is configured for them but not acted on.

    Example: localfaas functions
    """
    found = Client(endpoint).get("functions")
    if json:
        show_json(found)
        return
    if not found:
        note("no functions: create one, or start the emulator with a folder of them")
        return
    # Of where they are, only what tells them apart.
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
