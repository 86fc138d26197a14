"""The command ``wait``: returns once an emulator can be called."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint
from emulator.cli.terminal import CommandError
from emulator.client.endpoint import ClientError

#: Between two looks.
_PAUSE_S = 0.05


def wait(
    functions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FUNCTION]...",
            help="Names of functions that must be there, and no longer Pending.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds to wait at most.", min=0)
    ] = 60.0,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Return once an emulator can be called.

    The exit code is 1 if none can within the time.

    Example: localfaas wait --timeout 30
    """
    client = Client(endpoint)
    deadline = time.monotonic() + timeout
    while (reason := _missing(client, functions or ())) is not None:
        if time.monotonic() >= deadline:
            raise CommandError(f"not ready after {timeout:g} s: {reason}")
        time.sleep(_PAUSE_S)


def _missing(client: Client, wanted: Sequence[str]) -> str | None:
    """Return what there is still to wait for, or None."""
    try:
        client.get("health", timeout_s=5)
        found: list[Any] = client.get("functions") if wanted else []
    except ClientError as failure:
        return str(failure)
    states = {each["name"]: each["state"] for each in found}
    for name in wanted:
        if name not in states:
            return f"there is no function {name}"
        if states[name] == "Pending":
            return f"{name} is Pending"
    return None
