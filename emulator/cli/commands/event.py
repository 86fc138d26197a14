"""The command ``event``: prints a sample event."""

from __future__ import annotations

import difflib
import json
from typing import Annotated, Any

import typer

from emulator import sample_events
from emulator.cli.terminal import CommandError


def event(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="The kind of source. Default: lists the kinds."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Change a member, e.g. Records.0.body='{}'. Text stays text, as a message's body"
            " does; any other member becomes the JSON that is given, or text.",
        ),
    ] = None,
) -> None:
    """Print a sample event of a kind of source.

    Example: localfaas event sqs | localfaas invoke orders -e -
    """
    if kind is None:
        print("\n".join(sample_events.kinds()))
        return
    try:
        found = json.loads(sample_events.read(kind))
    except LookupError as unknown:
        near = difflib.get_close_matches(kind, sample_events.kinds(), n=1)
        hint = f"did you mean {near[0]}?" if near else "`localfaas event` lists them"
        raise CommandError(f"there is no sample event {kind}: {hint}") from unknown
    for change in changes or ():
        path, equals, text = change.partition("=")
        if not (path and equals):
            raise typer.BadParameter(f"{change!r} is not PATH=VALUE", param_hint="--set")
        _set(found, path, text)
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _value(before: Any, text: str) -> Any:
    if isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _set(event: Any, path: str, text: str) -> None:
    """Change the member at a path; members of objects that are not there are made."""
    *before, last = path.split(".")
    at = event
    for word in before:
        at = _member(at, word, path)
    if isinstance(at, list) and last.isdecimal() and int(last) < len(at):
        at[int(last)] = _value(at[int(last)], text)
    elif isinstance(at, dict):
        at[last] = _value(at.get(last), text)
    else:
        raise CommandError(f"there is no {path} in this event")


def _member(value: Any, word: str, path: str) -> Any:
    if isinstance(value, dict) and isinstance(value.get(word), dict | list):
        return value[word]
    if isinstance(value, list) and word.isdecimal() and int(word) < len(value):
        return value[int(word)]
    raise CommandError(f"there is no {path} in this event")
