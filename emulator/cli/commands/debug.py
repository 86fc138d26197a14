"""The command ``debug``: lets debuggers into functions while they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.launch_json import PYCHARM, configuration, merged
from emulator.cli.tables import show_table
from emulator.cli.terminal import CommandError, note, show_json


def debug(
    name: Annotated[
        str | None, typer.Argument(metavar="[FUNCTION]", help="The function's name.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port; the first free from 5678 on without."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Let it start only once a debugger is there.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Close the port again.")] = False,
    vscode: Annotated[
        bool, typer.Option("--vscode", help="Print VS Code's launch.json for what is debugged.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write it to .vscode/launch.json instead.")
    ] = False,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Open a port for a debugger in a function that runs.

    The function's environments end, and the next one has the port: it has no time limits. Without
    a function, show which are debugged. To debug from the start, use `up --debug NAME`.

    Example: localfaas debug hello --vscode --write
    """
    client = Client(endpoint)
    if name is None and (port or wait or off):
        raise CommandError("name the function: localfaas debug FUNCTION")
    found = (
        client.get("debug")
        if name is None
        else client.post("debug", function=name, port=port, wait=_flag(wait), off=_flag(off))
    )
    if vscode or write:
        _show_launch_json(found, write=write)
    elif json:
        show_json(found)
    elif not found:
        note("no function is debugged (localfaas debug FUNCTION)")
    else:
        rows = [
            (
                each["function"],
                each["language"],
                f"127.0.0.1:{each['port']}",
                "waits for it" if each["wait"] else "",
                each["local_root"],
            )
            for each in found
        ]
        show_table(("FUNCTION", "LANGUAGE", "DEBUGGER", "START", "FOLDER"), rows, details=1)
    for each in found:
        if each["missing"]:
            note(f"no debugger can attach to {each['function']}: {each['missing']}")


def _flag(given: bool) -> str | None:
    return "true" if given else None


def _show_launch_json(found: list[dict[str, Any]], *, write: bool) -> None:
    if not found:
        raise CommandError("no function is debugged: localfaas debug FUNCTION --vscode")
    here = Path.cwd()
    configurations = [configuration(each, here) for each in found]
    file = here / ".vscode" / "launch.json"
    if not write:
        print(merged("", configurations, file), end="")
    else:
        try:
            present = file.read_text() if file.exists() else ""
            text = merged(present, configurations, file)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        except OSError as failure:
            raise CommandError(f"can't write {file}: {failure.strerror}") from failure
        note(f"wrote {file}")
    if any(each["language"] == "python" for each in found):
        note(PYCHARM)
