"""The command ``coldstart``: measures where the time of a cold start goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.documents import FORMS, read_document
from emulator.cli.terminal import (
    DEFAULT_WIDTH,
    CommandError,
    is_terminal,
    note,
    show_json,
    terminal_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.cli.charts.chart import BarChart, Flame
    from emulator.cli.cold_starts import Measured


def coldstart(
    name: Annotated[
        str,
        typer.Argument(metavar="FUNCTION", help="The function's name; :QUALIFIER names a version."),
    ],
    runs: Annotated[
        int, typer.Option("--runs", "-n", min=1, max=1000, help="Cold starts of each kind.")
    ] = 10,
    warm: Annotated[
        int, typer.Option("--warm", min=0, max=1000, help="Warm calls after each cold start.")
    ] = 1,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            metavar="KEY=A,B",
            help="Measure side by side. KEY is memory, function, runtime, layers (on, off), "
            "provisioned, snapstart, min-instances (on, off), qualifier, driver, stem-cells, "
            "cpu-limit, bootstrap or freeze. Given again: every combination.",
        ),
    ] = None,
    event: Annotated[str, typer.Option("-e", "--event", help=f"The event: {FORMS}.")] = "{}",
    imports: Annotated[
        bool, typer.Option(" /--no-imports", help="Do not measure imports, which takes time, too.")
    ] = True,
    functions: Annotated[
        Path | None,
        typer.Option(
            "--functions",
            metavar="PATH",
            help="Start an emulator with these functions, a folder or template. Without it, the "
            "one at --endpoint is used or, if none runs, the current folder's template.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The plot. Default: in this folder."),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Measure where the time of cold starts goes, and draw it.

    Starts environments of its own, in turn, and calls the function in them; other environments and
    their callers are left alone. All figures are of this machine: no profile is applied. The plot
    is written as SVG and, where matplotlib is installed, as PNG.

    Example: localfaas coldstart hello --compare memory=128,1769
    """
    from emulator.cli import cold_starts
    from emulator.cli.charts import files
    from emulator.cli.variants import variants

    wanted = variants(compare or [])
    body = read_document(event, "event")
    client, folder = _where(endpoint, functions)
    measuring = cold_starts.Measuring(
        client, folder, function=name, event=body, warm=warm, trace_imports=imports
    )
    measured = measuring.run(wanted, runs, _progress)
    title = f"Cold starts of {name}" + (f": {', '.join(compare)}" if compare else "")
    figure = cold_starts.figure(measured, title)
    written = files.write(figure, output or Path(f"coldstart-{name.replace(':', '-')}.svg"))
    if json:
        show_json(cold_starts.as_json(measured))
    else:
        _show(measured)
    note(f"plot: {', '.join(map(str, written))}")
    for each in measured:
        if each.error:
            raise CommandError(f"{each.label} fails with {each.error}: give it an event with -e")


def _where(endpoint: str, functions: Path | None) -> tuple[Client | None, Path | None]:
    """Return the emulator to ask, if there is one, and what an own one would serve."""
    from emulator.stack.finding import TEMPLATES

    if functions is not None:
        return None, functions
    here = Path() if any(Path(name).is_file() for name in TEMPLATES) else None
    client = Client(endpoint)
    if endpoint == DEFAULT_ENDPOINT and here is not None and not client.listens():
        return None, here
    client.get("health")
    return client, here


def _progress(done: int, all_: int) -> None:
    if is_terminal(sys.stderr):
        end = "\r" if done < all_ else f"\r{' ' * 40}\r"
        print(f"cold start {done + 1} of {all_} " if done < all_ else "", end=end, file=sys.stderr)


def _show(measured: Sequence[Measured]) -> None:
    from emulator.cli import cold_starts
    from emulator.cli.charts import text

    first = measured[0].runs[0]
    print(
        f"{len(measured[0].runs)} cold starts on this machine, {first['driver']} driver\n"
        "Means with 95 % confidence intervals\n"
    )
    _table(measured)
    width = terminal_width() or DEFAULT_WIDTH
    colour = is_terminal()
    charts: list[BarChart | Flame] = [cold_starts.cold_chart(measured)]
    flames = [cold_starts.flame(each, alone=len(measured) == 1) for each in measured]
    charts += [each for each in flames if each is not None]
    for chart in charts:
        print()
        print("\n".join(text.lines_of(chart, width, colour=colour)))


def _table(measured: Sequence[Measured]) -> None:
    from emulator.cli.charts.statistics import Summary
    from emulator.cli.cold_starts import parts_of
    from emulator.cli.tables import NOTHING, show_table

    def cell(summary: Summary | None) -> str:
        if summary is None:
            return NOTHING
        reach = "" if summary.reach is None else f" ±{summary.reach:.1f}"
        return f"{summary.mean:.1f}{reach} ms"

    rows = [(name.capitalize(), *(cell(each.of(key)) for each in measured)) for key, name in
            parts_of(measured)]  # fmt: skip
    rows.append(("INIT in REPORT", *(cell(each.of("init_ms")) for each in measured)))
    rows.append(("Cold, in all", *(cell(each.total) for each in measured)))
    rows.append(("Warm", *(cell(each.warm) for each in measured)))
    show_table(("PART", *(each.label for each in measured)), rows)
