"""Pages of the documentation that code decides: ``make docs`` writes them, a test compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from emulator.cli.application import application
from tests.command_page import commands

DOCS = Path(__file__).parents[1] / "docs"

_SETTINGS = """\
# Settings

*Written by `make docs` from the options' declarations; not by hand.*

Every option of `localfaas up` is also a variable. The command line wins over the variable.
"""


def settings() -> str:
    """Return docs/settings.md: the options of ``localfaas up`` by panel."""
    commands: Any = typer.main.get_command(application(["up"]))
    up = commands.get_command(typer.Context(commands), "up")
    panels: dict[str, list[str]] = {}
    for option in up.params:
        if option.envvar is None or option.param_type_name == "argument":
            continue
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        default = "" if option.default in (None, False, (), []) else f"`{option.default}`"
        if not option.show_default:
            default = ""
        line = f"| {names} | `{option.envvar}` | {default} | {option.help} |"
        panels.setdefault(option.rich_help_panel or "Others", []).append(line)
    text = _SETTINGS
    for panel, lines in panels.items():
        text += (
            f"\n## {panel}\n\n| option | variable | default | what it does |\n|---|---|---|---|\n"
        )
        text += "".join(f"{line}\n" for line in lines)
    return text


#: Page → what it is to say.
PAGES = {"settings.md": settings, "commands.md": commands}


def main() -> None:
    for name, render in PAGES.items():
        (DOCS / name).write_text(render())


if __name__ == "__main__":
    main()
