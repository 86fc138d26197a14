"""The command ``check``: says what leaks from one call of a function to the next."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.documents import FORMS, read_document
from emulator.cli.terminal import CommandError, note, show_json

#: Recorded events that are taken where none are given.
_RECORDED = 5


def check(
    name: Annotated[
        str,
        typer.Argument(metavar="FUNCTION", help="The function's name; :QUALIFIER names a version."),
    ],
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events",
            "-e",
            help=f"An event, or a JSON array of events: {FORMS}. Given again: further events. "
            "Without it, the last recorded ones, or {}.",
        ),
    ] = None,
    twice: Annotated[
        bool,
        typer.Option(
            "--twice",
            help="Deliver each event twice as well, out of order, by the function's asynchronous "
            "events or the queue or stream that feeds it: what is done again is no effect of an "
            "idempotent function.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of the order of --twice.")] = 0,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Say what leaks from one call of a function to the next.

    Calls it in fresh environments, in one that is reused, and in one where what earlier calls left
    is spoiled, and compares answers and (Python) what is left: names of modules, files in /tmp,
    environment variables, open files, threads, work after the answer. The calls are real, and so
    are their effects. Exits with 1 if something leaks.

    Example: localfaas check hello --events '[{"id": 1}, {"id": 2}]' --twice
    """
    client = Client(endpoint)
    function, _, qualifier = name.partition(":")
    given = _given(events) if events else _recorded(client, function)
    found = client.post(
        "check",
        _array(given),
        timeout_s=None,
        function=function,
        qualifier=qualifier or None,
        twice="true" if twice else None,
        seed=str(seed),
    )
    leaks = [each for each in found["findings"] if each["severity"] == "leak"]
    if json:
        show_json(found)
    else:
        _show(name, found, leaks)
    if leaks:
        raise typer.Exit(1)


def _show(name: str, found: dict[str, Any], leaks: list[dict[str, str]]) -> None:
    for each in found["findings"]:
        print(f"{each['severity']}: {each['what']}")
    if not found["looks_inside"]:
        note("only answers were compared: Python functions in a zip are looked into")
    for place, count in found["delivered_twice"].items():
        note(f"delivered twice {_way(place)}: {count} event{'s' * (count != 1)}")
    calls = f"{found['events']} event{'s' * (found['events'] != 1)}"
    if leaks:
        note(f"{name} leaks from call to call ({calls})")
    else:
        note(f"nothing leaks from one call of {name} to the next ({calls})")


def _way(place: str) -> str:
    """Return how events were delivered that went to ``place``."""
    if place == "asynchronous":
        return "as asynchronous events"
    kind, _, name = place.rpartition("/")
    ways = {"stream": "by the stream", "table": "by the stream of the table"}
    return f"{ways.get(kind, 'by the queue')} {name}"


def _given(events: list[str]) -> list[Any]:
    import json

    found: list[Any] = []
    for each in events:
        text = read_document(each, "event")
        try:
            value = json.loads(text)
        except ValueError as failure:
            raise CommandError(f"the events are not valid JSON: {failure}") from failure
        found += value if isinstance(value, list) else [value]
    return found


def _recorded(client: Client, function: str) -> list[Any]:
    """Return the events with which a function was called last, each once, oldest first."""
    import json

    found: list[Any] = []
    page = client.get("invocations", function=function, limit=str(4 * _RECORDED))
    for each in page["invocations"]:
        detail = client.get(f"invocations/{each['request_id']}")
        if detail.get("event") is None or detail.get("event_cut"):
            continue
        try:
            event = json.loads(detail["event"])
        except ValueError:
            continue
        own = isinstance(event, dict) and "localfaas_probe" in event
        if event not in found and not own:
            found.append(event)
        if len(found) == _RECORDED:
            break
    return found[::-1] or [{}]


def _array(events: list[Any]) -> bytes:
    import json

    return json.dumps(events).encode()
