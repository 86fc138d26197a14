"""The page docs/commands.md: the help of all commands. Run, it prints the page."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from emulator.cli.application import application, run

_HEAD = """\
# Commands

*Written by `make docs` from the commands' own help; not by hand.*

What `localfaas COMMAND --help` prints, on one page. All commands but `up` find the emulator by
`--endpoint`, `LOCALFAAS_ENDPOINT` or `LOCALFAAS_PORT`.

The exit code is 0 for success, 1 for an error, and 2 for a command that is written wrongly.

"""


def _walk(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words of each command below ``group``, and the command."""
    for name, command in group.commands.items():
        yield (*before, name), command
        yield from _walk(command, (*before, name)) if hasattr(command, "commands") else ()


def _help_of(words: tuple[str, ...]) -> str:
    """Return what a command prints with ``--help``."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run([*words, "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def _page() -> str:
    """Return the text of the page."""
    found = list(_walk(typer.main.get_command(application())))
    lines = ["| command | what it does |", "|---|---|"]
    for words, command in found:
        name, anchor = " ".join(words), "-".join(("localfaas", *words))
        lines.append(f"| [`{name}`](#{anchor}) | {command.get_short_help_str(200)} |")
    sections = [
        f"## localfaas {' '.join(words)}\n\n```text\n{_help_of(words)}\n```\n" for words, _ in found
    ]
    return _HEAD + "\n".join(lines) + "\n\n" + "\n".join(sections)


def commands() -> str:
    """Return docs/commands.md: as it looks at 80 columns, without settings of whoever runs this."""
    environ = {key: value for key, value in os.environ.items() if "LOCALFAAS" not in key}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        env={**environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    print(_page(), end="")
