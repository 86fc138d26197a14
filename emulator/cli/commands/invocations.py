"""The command ``invocations``: lists invocations, cold or warm, and why."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

import typer

from emulator.cli import invocation_rows
from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.spans import seconds
from emulator.cli.tables import show_table
from emulator.cli.terminal import CommandError, local_time, make_safe, note, show_json


def invocations(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="FUNCTION",
            help="The function's name; :VERSION names a version. Default: all functions.",
        ),
    ] = None,
    cold: Annotated[
        bool | None, typer.Option("--cold/--warm", help="Only cold ones, or only warm ones.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that failed or were refused.")
    ] = False,
    slow: Annotated[
        float | None,
        typer.Option(
            "--slow", metavar="MS", min=0, help="Only those that took this many milliseconds."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="SPAN", help="Only those of the last 10m, 2h, 1d …"),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", help="Only those with this in their event, answer or error."),
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=1, max=10_000, help="List at most this many.")
    ] = 20,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Wait for new ones and print them as they end.")
    ] = False,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List the last invocations: times, memory, cold and why.

    The newest come last. MEMORY is what was used of what the function has. With --json and
    --follow, each line is one JSON object.

    Example: localfaas invocations hello --cold
    """
    function, _, version = (name or "").partition(":")
    client = Client(endpoint)
    filters: dict[str, Any] = {
        "function": function or None,
        "version": version or None,
        "cold": _flag(cold),
        "failed": _flag(failed or None),
        "slow": slow,
        "since": None if since is None else -seconds(since),
        "text": text,
    }
    if follow:
        _follow(client, filters, limit, json)
        return
    found = client.get("invocations", **filters, limit=limit)
    if json:
        show_json(found)
        return
    if function and not found["summary"]["count"]:
        _check_exists(client, function)
    note(_summary(found))
    if found["invocations"]:
        rows = [invocation_rows.row(each) for each in reversed(found["invocations"])]
        show_table(invocation_rows.COLUMNS, rows, details=invocation_rows.DETAILS)


def _check_exists(client: Client, function: str) -> None:
    """Raise a CommandError where there is no such function; those of one that was are recorded."""
    if function not in {each["name"] for each in client.get("functions")}:
        raise CommandError(f"there is no function {function}, and no invocation of it is known")


def _follow(client: Client, filters: dict[str, Any], limit: int, json: bool) -> None:
    from json import dumps

    document = client.get("timeline", **filters, limit=limit)
    new = client.follow_events("timeline/follow", **filters, cursor=document["cursor"])
    try:
        for kind, changes in chain([("changes", document)], new):
            if kind == "reset":
                note("some invocations are not shown: they came too quickly")
                continue
            for each in changes["invocations"]:
                time = local_time(int(each["ended"] * 1000))
                line = f"{time} {make_safe(invocation_rows.line(each))}"
                print(dumps(each, ensure_ascii=False) if json else line, flush=True)
    except KeyboardInterrupt:
        return
    note("the emulator has ended")


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _summary(found: dict[str, Any]) -> str:
    total = found["summary"]
    count, cold = total["count"], total["cold"]
    since = f" since {local_time(int(found['known_from'] * 1000))[:8]}"
    if not count:
        return f"no invocations{since}"
    # Where the record is full, it says from when it knows.
    parts = [f"{count:,} invocation{'s' * (count != 1)}{since if found['dropped'] else ''}"]
    share = f" ({cold / count:.1%}), which cost their callers {total['cold_ms']:,.0f} ms"
    parts.append(f"{cold:,} cold{share if cold else ''}")
    if total["failed"]:
        parts.append(f"{total['failed']:,} failed")
    if total["throttled"]:
        parts.append(f"{total['throttled']:,} throttled")
    return ", ".join(parts)
