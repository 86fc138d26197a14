"""The command ``init``: writes a starter."""

from __future__ import annotations

import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.terminal import CommandError

_STARTERS = "emulator.cli.starters"
_DEFAULT = "python"


def init(
    language: Annotated[
        str | None,
        typer.Argument(
            metavar="[LANGUAGE]", help="One of those that --list prints.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        Path,
        typer.Argument(metavar="[FOLDER]", help="Where to write it; made if it is not there."),
    ] = Path(),
    list_: Annotated[bool, typer.Option("--list", help="Print the languages.")] = False,
) -> None:
    """Write a starter: function, template, test and event.

    Without a language it is Python's. Files that are there are not overwritten.

    Example: localfaas init nodejs my-service
    """
    languages = starters()
    if list_:
        print("\n".join(languages))
        return
    chosen = language or _DEFAULT
    if chosen not in languages:
        known = ", ".join(languages)
        raise CommandError(
            f"there is no starter for {chosen}: choose one of {known}; a folder comes behind it"
        )
    written = {folder / name: source for name, source in _files(languages[chosen])}
    there = [str(path) for path in written if path.exists()]
    if there:
        raise CommandError(f"nothing was written: {', '.join(there)} is there already")
    try:
        for path, source in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
            print(path)
    except OSError as failure:
        raise CommandError(f"can't write to {folder}: {failure.strerror}") from failure
    into = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    print(f"\nGo on with: {into}localfaas up")


def starters() -> dict[str, Traversable]:
    """Return the folders of starters, by language."""
    found = files(_STARTERS).iterdir()
    return {
        each.name: each
        for each in sorted(found, key=lambda it: it.name)
        if each.is_dir() and not each.name.startswith("_")
    }


def _files(folder: Traversable, before: str = "") -> list[tuple[str, Traversable]]:
    """Return all files below a folder, with their paths in it."""
    found = []
    for each in sorted(folder.iterdir(), key=lambda it: it.name):
        if each.name == "__pycache__":
            continue
        if each.is_dir():
            found += _files(each, f"{before}{each.name}/")
        else:
            found.append((before + each.name, each))
    return found
