"""The commands ``timeline …``: what environments and invocations lived through."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint
from emulator.cli.help import Commands
from emulator.cli.spans import seconds
from emulator.cli.terminal import CommandError, note

timeline = Commands(
    "Export the timeline: what environments and invocations lived through.\n\n"
    "Example: localfaas timeline export"
)
#: Invocations of one page.
_PAGE = 10_000


@timeline.callback()
def _group() -> None: ...


@timeline.command()
def export(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write here. Default: stdout."),
    ] = None,
    function: Annotated[
        str | None, typer.Option("--function", metavar="NAME", help="Only this function.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="SPAN", help="Only the last 10m, 2h, 1d …"),
    ] = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Write the timeline as one JSON document.

    It has all that is known, or the last while; docs/timeline.md describes it.

    Example: localfaas timeline export -o timeline.json
    """
    document = read(Client(endpoint), function=function, since=since)
    text = json.dumps(document, indent=1, ensure_ascii=False)
    if output is None:
        sys.stdout.write(text + "\n")
        return
    try:
        output.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise CommandError(f"{output} can't be written: {error.strerror}") from error
    count = len(document["invocations"])
    note(f"{count:,} invocations and {len(document['environments']):,} environments in {output}")


def read(client: Client, *, function: str | None, since: str | None) -> dict[str, Any]:
    """Return all pages of the timeline as one document."""
    ago = None if since is None else -seconds(since)
    whole: dict[str, Any] | None = None
    before: int | None = None
    while True:
        page: dict[str, Any] = client.get(
            "timeline", function=function, since=ago, limit=_PAGE, before=before
        )
        if whole is None:
            whole = page
        else:
            whole["invocations"] = page["invocations"] + whole["invocations"]
        before = page["next"]
        if before is None:
            whole["next"] = None
            return whole
