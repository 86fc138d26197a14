"""The command ``ps``: lists execution environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import age, is_terminal, megabytes, note, show_json
from emulator.model.errors import LocalfaasError

if TYPE_CHECKING:
    from emulator.cli.watching import Watched


def ps(
    name: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name. Default: all functions."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Show them as they change, until Ctrl-C.")
    ] = False,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """List execution environments: state, age, calls, memory.

    MEMORY is what the environment uses now, without memory that it shares with others. Max Memory
    Used in a REPORT line is the most it has used, shared memory included.

    With --watch, a terminal shows environments and the last calls on a live screen; elsewhere,
    each change is a line, and with --json a document of the timeline.

    Example: localfaas ps
    """
    if watch:
        _watch(Client(endpoint), name, json)
        return
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


def _watch(client: Client, name: str | None, json: bool) -> None:
    from emulator.cli.watching import Watched

    watched = Watched()
    document = client.get("timeline", function=name, limit=20)
    watched.start(document)
    try:
        if is_terminal() and not json:
            _show_screen(client, name, watched, document["cursor"])
        else:
            _show_lines(client, name, watched, document["cursor"], json)
    except KeyboardInterrupt:
        return
    note("the emulator has ended")


def _show_lines(
    client: Client, name: str | None, watched: Watched, cursor: str, json: bool
) -> None:
    from json import dumps

    for kind, document in client.follow_events("timeline/follow", function=name, cursor=cursor):
        if kind == "reset":
            note("some changes are not shown: they came too quickly")
        elif json:
            print(dumps(document, ensure_ascii=False), flush=True)
        else:
            for line in watched.merge(document):
                print(line, flush=True)


def _show_screen(client: Client, name: str | None, watched: Watched, cursor: str) -> None:
    import queue
    import signal
    import threading
    import time

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    # Ages go on between two changes.
    changes: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        try:
            for event in client.follow_events("timeline/follow", function=name, cursor=cursor):
                changes.put(event)
            changes.put(None)
        except LocalfaasError as error:
            changes.put(error)

    threading.Thread(target=read, daemon=True).start()
    # An exception in the midst of drawing would leave the terminal on this screen: Ctrl-C is an
    # event like others. (A SimpleQueue may be used by the handler of a signal.)
    before = signal.signal(signal.SIGINT, lambda *_: changes.put(KeyboardInterrupt()))
    console = Console()

    def screen() -> Text:
        lines = watched.screen(time.time(), console.width, console.height - 1)
        return Text("\n".join(lines), no_wrap=True)

    try:
        with Live(screen(), console=console, screen=True, auto_refresh=False) as live:
            while True:
                try:
                    event = changes.get(timeout=1)
                except queue.Empty:
                    event = ()
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                if event and event[0] == "changes":
                    watched.merge(event[1])
                live.update(screen(), refresh=True)
    finally:
        signal.signal(signal.SIGINT, before)
