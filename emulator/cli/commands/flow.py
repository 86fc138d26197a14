"""The command ``flow``: shows what is wired to what."""

from __future__ import annotations

from emulator.cli.client import DEFAULT_ENDPOINT, Account, Client, Endpoint, Json
from emulator.cli.terminal import escape_controls, note, show_json


def flow(
    json: Json = False, account: Account = None, endpoint: Endpoint = DEFAULT_ENDPOINT
) -> None:
    """Show which resource sends events to which.

    Topics, buses, schedules, pipes, buckets, queues, functions: a tree from where events begin. In
    brackets stands what waits, what is tried again, and what is dead.

    Example: localfaas flow
    """
    found = Client(endpoint).get("flow", account=account)
    if json:
        show_json(found)
        return
    if not found["wires"]:
        note("nothing is wired: no subscription, rule, schedule, pipe, mapping or notification")
        return
    from emulator.services.wiring import tree

    for line in tree(found):
        print(escape_controls(line))
