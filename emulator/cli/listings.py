"""Commands that show what there is: ``ps`` and ``functions``."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import age, megabytes, note, show_json, show_table


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
            each["function"],
            each["version"],
            each["state"] if each["in_flight"] < 2 else f"{each['state']} {each['in_flight']}",
            age(each["age"]),
            str(each["invokes"]),
            megabytes(each["memory"]),
            "-" if each["init_ms"] is None else f"{each['init_ms']:.0f} ms",
            "-" if each["pid"] is None else str(each["pid"]),
        )
        for each in found
    ]
    show_table(
        (
            "ENVIRONMENT",
            "FUNCTION",
            "VERSION",
            "STATE",
            "AGE",
            "INVOKES",
            "MEMORY",
            "INIT",
            "PID",
        ),
        rows,
    )


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
    rows = [
        (
            each["name"],
            each["runtime"],
            each["handler"],
            f"{each['memory_mb']} MB",
            f"{each['timeout_s']} s",
            each["state"],
            str(each["environments"]),
            each["region"],
            ", ".join(each["ignored"]) or "-",
        )
        for each in found
    ]
    show_table(
        (
            "FUNCTION",
            "RUNTIME",
            "HANDLER",
            "MEMORY",
            "TIMEOUT",
            "STATE",
            "ENVIRONMENTS",
            "REGION",
            "IGNORED",
        ),
        rows,
    )
