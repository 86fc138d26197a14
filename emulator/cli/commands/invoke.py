"""The command ``invoke``: calls a function."""

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
    Region,
    scope_header,
)
from emulator.cli.documents import FORMS, read_document
from emulator.cli.log_lines import log_line
from emulator.cli.terminal import (
    error,
    note,
    terminal_width,
)


def invoke(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION", help="The function's name or ARN; :QUALIFIER names a version."
        ),
    ],
    event: Annotated[
        str,
        typer.Option("-e", "--event", help=f"The event: {FORMS}."),
    ] = "{}",
    tail: Annotated[
        bool, typer.Option("--tail", help="Print the end of the call's log (4 KB) on stderr.")
    ] = False,
    asynchronous: Annotated[
        bool, typer.Option("--async", help="Queue the event and do not wait for its result.")
    ] = False,
    region: Region = None,
    account: Account = None,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Call a function and print its result.

    The exit code is 1 if the function fails.

    Example: localfaas invoke hello -e '{"name": "you"}'
    """
    headers = {"Content-Type": "application/json", **scope_header("lambda", region, account)}
    headers["X-Amz-Invocation-Type"] = "Event" if asynchronous else "RequestResponse"
    if tail and not asynchronous:
        headers["X-Amz-Log-Type"] = "Tail"
    path = f"/2015-03-31/functions/{quote(name, safe=':$')}/invocations"
    body = read_document(event, "event")
    answer = Client(endpoint).call_aws(path, body, headers, timeout_s=None)
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
