"""The commands ``timeline …``: what environments and invocations lived through."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint
from emulator.cli.help import Commands
from emulator.cli.spans import seconds
from emulator.cli.terminal import CommandError, note
from emulator.client.endpoint import MARK

timeline = Commands(
    "Export the timeline of environments and calls.\n\nExample: localfaas timeline export"
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
    html: Annotated[
        bool,
        typer.Option(
            "--html", help="Write the dashboard's timeline as one page that needs nobody."
        ),
    ] = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Write the timeline as one JSON document, or as a page.

    It has all that is known, or the last while; docs/timeline.md describes it. A page has the last
    10,000 invocations.

    Example: localfaas timeline export -o timeline.json
    """
    client = Client(endpoint)
    if html:
        _write(read_page(client, function=function, since=since), output)
        return
    document = read(client, function=function, since=since)
    _write(json.dumps(document, indent=1, ensure_ascii=False) + "\n", output)
    if output is None:
        return
    count = len(document["invocations"])
    note(f"{count:,} invocations and {len(document['environments']):,} environments in {output}")


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise CommandError(f"{output} can't be written: {error.strerror}") from error


def read_page(client: Client, *, function: str | None, since: str | None) -> str:
    """Return the timeline as a page with everything in it."""
    ago = None if since is None else -seconds(since)
    query = {"function": function, "since": ago}
    chosen = urlencode({name: value for name, value in query.items() if value is not None})
    answer = client.request("GET", f"/_emulator/ui/export?{chosen}")
    if answer.status != 200 or MARK not in answer.headers:
        raise CommandError(f"{client.endpoint} answered {answer.status} and no page")
    return answer.body.decode()


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
