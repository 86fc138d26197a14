"""The command ``reset``: an emulator as it was after its start."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import show_json


def reset(
    account: Annotated[
        str | None,
        typer.Option("--account", help="Remove what this account has; without, all accounts."),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Remove all that was made since the emulator started.

    Functions, queues, buckets, stacks, logs, failed events: all of it goes, in milliseconds. What
    the folder that is served declares is made anew. Calls in flight end by themselves.

    Example: localfaas reset
    """
    answer = Client(endpoint).post("reset", account=account)
    if json:
        show_json(answer)
        return
    whose = f"account {answer['account']}" if answer["account"] else "all accounts"
    print(f"reset {whose} in {answer['milliseconds']:.1f} ms", file=sys.stderr)
