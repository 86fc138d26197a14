"""Commands about calls of functions: ``invoke`` and ``logs``."""

from __future__ import annotations

import base64
import sys
from typing import Annotated
from urllib.parse import quote

import typer

from emulator.cli.client import (
    DEFAULT_ENDPOINT,
    Account,
    Client,
    Endpoint,
    Json,
    Region,
    error_text,
    scope,
)
from emulator.cli.documents import FORMS, read_document
from emulator.cli.log_lines import log_line
from emulator.cli.terminal import (
    CommandError,
    error,
    local_time,
    note,
    show_json,
    terminal_width,
)


def invoke(
    name: Annotated[
        str, typer.Argument(help="The function's name or ARN, with :QUALIFIER or not.")
    ],
    event: Annotated[
        str,
        typer.Option("-e", "--event", help=f"The event: {FORMS}."),
    ] = "{}",
    tail: Annotated[bool, typer.Option("--tail", help="Show the call's log on stderr.")] = False,
    asynchronous: Annotated[
        bool, typer.Option("--async", help="Do not wait for the result (InvocationType=Event).")
    ] = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Call a function and print its result.

    The exit code is 1 where the function failed.

    Example: localfaas invoke hello -e '{"name": "you"}'
    """
    headers = {"Content-Type": "application/json", **scope("lambda", region, account)}
    headers["X-Amz-Invocation-Type"] = "Event" if asynchronous else "RequestResponse"
    if tail and not asynchronous:
        headers["X-Amz-Log-Type"] = "Tail"
    path = f"/2015-03-31/functions/{quote(name, safe=':$')}/invocations"
    answer = Client(endpoint).request(
        "POST", path, read_document(event, "event"), headers, seconds=None
    )
    if answer.status >= 300:
        raise CommandError(error_text(answer))
    given = answer.headers
    if "x-amz-log-result" in given:
        text = base64.b64decode(given["x-amz-log-result"]).decode("utf-8", "replace")
        width = terminal_width(sys.stderr)
        for line in text.splitlines():
            print(log_line("", line, width), file=sys.stderr)
    if asynchronous:
        note(f"accepted as {given.get('x-amzn-requestid', 'an event')}")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(answer.body if answer.body.endswith(b"\n") else answer.body + b"\n")
    sys.stdout.buffer.flush()
    if "x-amz-function-error" in given:
        error(f"the function failed ({given['x-amz-function-error']})")
        raise typer.Exit(1)


def logs(
    name: Annotated[str | None, typer.Argument(help="A function's name; all without.")] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with new lines as they come.")
    ] = False,
    limit: Annotated[
        int,
        typer.Option("-n", "--limit", min=1, max=10_000, help="Show at most so many past lines."),
    ] = 1000,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show what functions logged, oldest line first.

    With --json and --follow, one JSON object per line.

    Example: localfaas logs hello -f
    """
    client = Client(endpoint)
    if not follow:
        found = client.get("logs", function=name, limit=limit)
        if json:
            show_json(found)
            return
        for each in found:
            _show(each)
        if not found:
            note("no lines" if name is None else f"no lines of a function {name}")
        return
    from json import dumps

    try:
        for each in client.follow("logs/follow", function=name, limit=limit):
            if json:
                print(dumps(each, ensure_ascii=False), flush=True)
            elif "skipped" in each:
                note(f"{each['skipped']} lines not shown: they came too quickly")
            else:
                _show(each)
    except KeyboardInterrupt:
        return
    note("the emulator has ended")


def _show(each: dict[str, str | int]) -> None:
    time = local_time(int(each["timestamp"]))
    line = log_line(str(each["function"]), str(each["message"]), terminal_width(), time=time)
    print(line, flush=True)
