"""The command ``what-if``: replays a trace under other settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import (
    DEFAULT_WIDTH,
    CommandError,
    is_terminal,
    local_time,
    note,
    show_json,
    terminal_width,
)

if TYPE_CHECKING:
    from emulator.cli.charts.chart import BarChart, Figure
    from emulator.simulation.trace import Trace
    from emulator.simulation.what_if import Comparison

#: The name of the trace that is made up.
_SYNTHETIC = "synthetic"
#: The name of the excerpt of a public one.
_AZURE = "azure"
_COLUMNS = (
    "SETTINGS",
    "COLD",
    "95 %",
    "COUNT",
    "P50",
    "P99",
    "WAIT P99",
    "THROTTLED",
    "MOST AT ONCE",
    "COST",
)
#: Requests below which an interval says nothing.
_FEW = 20


def what_if(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="TRACE",
            help="A file: JSON lines, CSV, `timeline export`, or Azure's of 2019 or 2021. Or "
            "azure, 21 minutes of its trace of 2021; or synthetic, a made-up day. Default: what "
            "the emulator has recorded.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=A,B",
            help="Other settings. KEY is idle, policy (fixed, none, provisioned, histogram), "
            "provisioned, reserved, account, environments, memory, runtime, package, "
            "architecture, code, snapstart (on, off) or order. Given again: every combination.",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--last", metavar="SPAN", help="Count only the last 10m, 1h, 1d …"),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="PROFILE",
            help="Let starts take as long as in a profile (see `localfaas profile list`). "
            "Default: as long as those that were recorded.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The seed of all that is drawn.")] = 0,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE", help="Other prices than AWS's public ones."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The plot. Default: in this folder."),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Replay calls under other settings: cold starts and costs.

    The model calls the pool's own decisions: with the recorded settings it predicts the recorded
    cold starts exactly. The share of cold starts has its 95 % confidence interval. The plot is
    written as SVG and, where matplotlib is installed, as PNG.

    Example: localfaas what-if --last 1h --set idle=60,600 --set provisioned=0,2
    """
    from emulator.cli.charts import files
    from emulator.cli.scenarios import needs_profile, scenarios
    from emulator.simulation import cost, what_if
    from emulator.simulation import profile as profiles

    wanted = scenarios(settings or [])
    chosen = None if profile is None else profiles.load(profile)
    price_list = cost.load(prices)
    trace, warm_up_s = _trace(source, last, seed, endpoint)
    if chosen is None and trace.observed_cold == 0:
        chosen = profiles.load("aws")
        note("the trace knows no starts: they take what the profile aws says (simulated)")
    missing = [] if chosen else needs_profile(settings or [])
    if missing:
        note(f"without --profile, {' and '.join(missing)} only changes the cost")
    compared = what_if.compare(
        trace, wanted, profile=chosen, prices=price_list, seed=seed, warm_up_s=warm_up_s
    )
    figure = _figure(trace, compared)
    written = files.write(figure, output or Path("what-if.svg"))
    if json:
        show_json(_as_json(trace, compared, chosen.name if chosen else None, price_list.dated))
    else:
        _show(trace, compared, figure)
        note(f"prices: {price_list.region}, {price_list.dated}, {price_list.source}")
    note(f"plot: {', '.join(map(str, written))}")


def _trace(source: str | None, last: str | None, seed: int, endpoint: str) -> tuple[Trace, float]:
    """Return the requests, and how many seconds of them only warm the model up."""
    from emulator.cli.spans import seconds
    from emulator.simulation import reading
    from emulator.simulation.synthetic import synthetic

    if source == _SYNTHETIC:
        trace = synthetic(seed=seed)
    elif source == _AZURE:
        trace = reading.excerpt()
    elif source is not None:
        trace = reading.read(Path(source), seed=seed)
    else:
        trace = _recorded(endpoint)
    if last is None or not len(trace):
        return trace, 0.0
    return trace, max(0.0, trace.arrivals[-1] - seconds(last))


def _recorded(endpoint: str) -> Trace:
    from emulator.cli.commands.timeline import read
    from emulator.simulation import recorded

    client = Client(endpoint)
    document = read(client, function=None, since=None)
    pool = client.get("pool")
    drawn = _drawn_idle_s(pool)
    if drawn is not None:
        pool["idle_timeout_s"] = sum(drawn) / 2
        note(
            f"the profile {pool['profile']} keeps environments for {drawn[0]:g} to {drawn[1]:g} s, "
            "as it draws: the row of the recorded settings takes the middle of that"
        )
    if document["dropped"]:
        since = local_time(int(document["known_from"] * 1000))[:8]
        note(
            f"the record is full: {document['dropped']:,} calls before {since} are gone; what "
            "served them counts as idle then (`localfaas up --timeline-mb` keeps more)"
        )
    trace = recorded.of_document({**document, "pool": pool})
    if not len(trace):
        raise CommandError(
            "the emulator has recorded no call yet: call a function, or give a trace "
            "(`localfaas what-if synthetic` has a made-up day)"
        )
    trace.title = f"{len(trace):,} calls recorded at {client.endpoint}"
    trace.source = client.endpoint
    return trace


def _drawn_idle_s(pool: dict[str, Any]) -> tuple[float, float] | None:
    """Return between how many seconds the emulator's profile keeps what is idle, if it does."""
    from emulator.settings import Settings
    from emulator.simulation import profile as profiles

    if pool["profile"] is None or pool["idle_timeout_s"] != Settings().idle_timeout:
        return None
    return profiles.load(pool["profile"]).keep_alive_s


def _as_json(
    trace: Trace, compared: Sequence[Comparison], profile: str | None, dated: str
) -> dict[str, Any]:
    return {
        "trace": {
            "title": trace.title,
            "source": trace.source,
            "synthetic": trace.synthetic,
            "requests": len(trace),
            "functions": len(trace.functions),
            "seconds": round(trace.seconds, 3),
            "observed_cold": trace.observed_cold or None,
        },
        "profile": profile,
        "prices": dated,
        "scenarios": [each.as_json() for each in compared],
    }


def _show(trace: Trace, compared: Sequence[Comparison], figure: Figure) -> None:
    from emulator.cli.charts import text
    from emulator.cli.charts.chart import BarChart

    calls, functions = len(trace), len(trace.functions)
    print(
        f"{trace.title}: {calls:,} call{'s' * (calls != 1)} of {functions} "
        f"function{'s' * (functions != 1)}"
    )
    if trace.observed_cold:
        print(f"{trace.observed_cold:,} of them were cold when it was recorded")
    print()
    rows = [
        (
            each.name,
            f"{each.cold_share:.2%}",
            _interval(each),
            f"{each.cold:,}",
            f"{each.p50_ms:.1f} ms",
            f"{each.p99_ms:.1f} ms",
            f"{each.wait_p99_ms:.1f} ms",
            f"{each.throttled:,}",
            f"{each.environments:,}",
            f"${each.cost:,.6f}" if each.cost < 1 else f"${each.cost:,.2f}",
        )
        for each in compared
    ]
    show_table(_COLUMNS, rows, details=2)
    width = terminal_width() or DEFAULT_WIDTH
    for chart in figure.charts:
        if isinstance(chart, BarChart):
            print()
            print("\n".join(text.lines_of(chart, width, colour=is_terminal())))


def _interval(each: Comparison) -> str:
    if each.requests - each.throttled < _FEW:
        return NOTHING
    return f"{each.cold_low:.2%} to {each.cold_high:.2%}"


def _figure(trace: Trace, compared: Sequence[Comparison]) -> Figure:
    from emulator.cli.charts.chart import Bar, BarChart, Figure, Segment

    def chart(title: str, unit: str, form: str, value: Any, interval: Any = None) -> BarChart:
        bars = [
            Bar(each.name, [Segment(title, value(each))], interval(each) if interval else None)
            for each in compared
        ]
        return BarChart(title, unit, bars, form)

    charts = [
        chart(
            "Cold starts",
            " %",
            ".2f",
            lambda each: each.cold_share * 100,
            lambda each: (
                (each.cold_low * 100, each.cold_high * 100)
                if each.requests - each.throttled >= _FEW
                else None
            ),
        ),
        chart(
            "99th percentile of the wait for a start", " ms", ".1f", lambda each: each.wait_p99_ms
        ),
        chart(
            "Environments that are there and do nothing",
            "",
            ".2f",
            lambda each: each.idle_environments,
        ),
        chart("Cost, US dollars", "", ".6f", lambda each: each.cost),
    ]
    notes = [f"Simulated from {trace.title}. Lines show the 95 % confidence interval."]
    return Figure("What if", charts, notes)
