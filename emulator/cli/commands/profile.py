"""The commands ``profile …``: cold-start profiles, and one made from one's own REPORT lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.client import Json
from emulator.cli.help import Commands
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import CommandError, is_terminal, note, show_json

if TYPE_CHECKING:
    from emulator.simulation.profile import Profile

profile = Commands(
    "List, show and make cold-start profiles.\n\n"
    "`localfaas up --profile NAME` adds a profile's times to real cold starts.\n\n"
    "Example: localfaas profile list"
)
#: What stands in a row of ``show``.
_SHARES = (0.5, 0.9, 0.99)


@profile.command("list")
def list_profiles(json: Json = False) -> None:
    """List the profiles that come with localfaas.

    Example: localfaas profile list
    """
    from emulator.simulation import profile as profiles

    found = [(name, profiles.load(name)) for name in profiles.names()]
    if json:
        show_json(
            [
                {
                    "name": name,
                    "description": each.description,
                    "source": each.source,
                    "licence": each.licence,
                }
                for name, each in found
            ]
        )
        return
    rows = [(name, each.description, each.licence, each.source) for name, each in found]
    show_table(("PROFILE", "DESCRIPTION", "LICENCE", "SOURCE"), rows, details=2)


@profile.command()
def show(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="A name of the list, or a file.")],
    runtime: Annotated[
        str | None,
        typer.Option("--runtime", metavar="NAME", help="Only runtimes that begin with this."),
    ] = None,
    json: Json = False,
) -> None:
    """Show by how much a profile lengthens INIT and first calls.

    Example: localfaas profile show aws --runtime python
    """
    from emulator.simulation import profile as profiles

    found = profiles.load(name)
    rows = list(_rows(found, runtime or ""))
    if json:
        show_json({**_about(found), "starts": rows})
        return
    if not rows:
        raise CommandError(f"the profile {found.name} has no runtime that begins with {runtime}")
    for key, value in _about(found).items():
        if value not in (None, ""):
            note(f"{key.replace('_', ' ')}: {value}")
    columns = ("RUNTIME", "PACKAGE", "ARCH", "P50", "P90", "P99", "FIRST CALL")
    show_table(
        columns,
        [
            (
                each["runtime"],
                each["package"],
                each["architecture"],
                *(f"{each['init_ms'][f'p{share * 100:g}']:.0f} ms" for share in _SHARES),
                _first_calls(each["first_call_ms"]),
            )
            for each in rows
        ],
        details=1,
    )


def _about(found: Profile) -> dict[str, Any]:
    restore, idle = found.restore_ms, found.keep_alive_s
    return {
        "profile": found.name,
        "description": found.description,
        "source": found.source,
        "licence": found.licence,
        "day_factor": found.day_factor,
        "restore_p50_ms": None if restore is None else round(restore.quantile(0.5), 1),
        "code": f"{found.code_ms_per_mb:g} ms for each MB above {found.code_free_mb:g}",
        "idle_s": idle and f"{idle[0]:g} to {idle[1]:g}",
    }


def _rows(found: Profile, start: str) -> Iterator[dict[str, Any]]:
    for (runtime, package, architecture), row in found.rows.items():
        if runtime.startswith(start):
            yield {
                "runtime": runtime,
                "package": package,
                "architecture": architecture,
                "init_ms": {
                    f"p{share * 100:g}": round(row.init_ms.quantile(share) * found.day_factor, 2)
                    for share in _SHARES
                },
                "first_call_ms": {str(size): value for size, value in row.first_call_ms.items()},
            }


def _first_calls(by_size: dict[str, float]) -> str:
    known = [f"{value:.0f} ({size} MB)" if int(size) else f"{value:.0f}"
             for size, value in by_size.items() if value]  # fmt: skip
    return ", ".join(known) or NOTHING


@profile.command()
def fit(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A file with log lines. Default: what stdin gives."),
    ] = None,
    runtime: Annotated[
        str, typer.Option("--runtime", metavar="NAME", help="The runtime that wrote the lines.")
    ] = "python3.13",
    package: Annotated[
        str, typer.Option("--package", metavar="KIND", help="How its code is packed: zip or image.")
    ] = "zip",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the profile is called.")
    ] = "own",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there. Default: print it."),
    ] = None,
) -> None:
    """Make a profile from the REPORT lines of a function on AWS.

    At least 20 of the lines must be those of cold starts. Where the lines come from:
    `aws logs filter-log-events --log-group-name /aws/lambda/NAME --filter-pattern '"Init Duration"'
    --output text`.

    Example: localfaas profile fit report.log --runtime python3.12 -o own.toml
    """
    from emulator.simulation.fit import fit as fit_lines

    if package not in ("zip", "image"):
        raise typer.BadParameter("must be zip or image", param_hint="--package")
    text = fit_lines(_lines(source), name=name, runtime=runtime, package=package)
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as failure:
        raise CommandError(f"can't write {output}: {failure.strerror}") from failure
    note(f"use it: localfaas up --profile {output}")


def _lines(source: Path | None) -> list[str]:
    try:
        if source is not None:
            return source.read_text("utf-8", "replace").splitlines()
        if is_terminal(sys.stdin):
            note("reading log lines from stdin; Ctrl-D ends them")
        return sys.stdin.read().splitlines()
    except OSError as failure:
        raise CommandError(f"can't read {source}: {failure.strerror}") from failure
