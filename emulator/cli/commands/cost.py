"""The command ``cost``: what calls would cost on AWS."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.tables import NOTHING, show_table
from emulator.cli.terminal import CommandError, note, show_json

if TYPE_CHECKING:
    from emulator.simulation.bill import Bill, Usage
    from emulator.simulation.cost import Prices


def cost(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A file with REPORT lines of one function, or - for stdin. Default: what the "
            "emulator has recorded.",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--last", metavar="SPAN", help="Only the last 10m, 1h …; of a file, what it covers."
        ),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option("--calls", metavar="N", min=1, help="Reckon with N calls a month of each."),
    ] = None,
    asynchronous: Annotated[
        bool,
        typer.Option("--asynchronous", help="The calls are asynchronous: large events cost more."),
    ] = False,
    queues: Annotated[
        int, typer.Option("--queues", metavar="N", min=0, help="SQS queues that feed each.")
    ] = 0,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, help="Messages in each call, with them.")
    ] = 10,
    function: Annotated[
        str | None,
        typer.Option("--function", metavar="NAME", help="Only this one; of a file, its name."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE", help="Other prices than AWS's public ones."),
    ] = None,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Show what calls would cost on AWS, and a month of them.

    By AWS's public prices, whose date is printed, without its free tier: requests, duration (INIT
    included), provisioned concurrency, SnapStart, and the requests of queues. BREAK-EVEN is how
    busy one environment must be for a container of the same size, which always runs, to cost less.

    Example: localfaas cost --last 1h
    """
    from emulator.simulation import bill
    from emulator.simulation import cost as price_lists

    price_list = price_lists.load(prices)
    seconds: float | None
    if source is None:
        usages, seconds = _recorded(endpoint, function, last, asynchronous)
    else:
        usages, seconds = _of_file(source, function, last)
    for usage in usages:
        usage.queues = queues
        if queues:
            usage.batches = usage.calls + usage.provisioned_calls
            usage.messages = usage.batches * batch
    bills = [bill.bill(each, price_list, _span(each, seconds, calls)) for each in usages]
    bills.sort(key=lambda each: -each.total)
    if json:
        _show_json(bills, price_list, seconds)
    else:
        _show(bills, price_list, seconds, calls)


def _span(usage: Usage, seconds: float | None, calls: int | None) -> float | None:
    """Return the time in which a function did what it did: so that a month has ``calls`` calls."""
    from emulator.simulation.bill import MONTH_S

    done = usage.calls + usage.provisioned_calls
    return MONTH_S * done / calls if calls and done else seconds


def _recorded(
    endpoint: str, function: str | None, last: str | None, asynchronous: bool
) -> tuple[list[Usage], float]:
    from emulator.cli.commands.timeline import read
    from emulator.cli.spans import seconds
    from emulator.simulation import bill

    client = Client(endpoint)
    document = read(client, function=function, since=None)
    now, known_from = document["now"], document["known_from"]
    since = known_from if last is None else max(known_from, now - seconds(last))
    document["pool"] = client.get("pool")
    usages = [
        each
        for each in bill.of_document(document, since=since, asynchronous=asynchronous)
        if function in (None, each.function)
    ]
    if not usages and function is not None:
        raise CommandError(f"no call of a function {function} is recorded")
    if not usages:
        raise CommandError("no call is recorded: call a function first, or give a file of a log")
    return usages, now - since


def _of_file(
    source: Path, function: str | None, last: str | None
) -> tuple[list[Usage], float | None]:
    from emulator.cli.spans import seconds
    from emulator.simulation import bill

    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text("utf-8", "replace")
    except OSError as failure:
        raise CommandError(f"can't read {source}: {failure.strerror}") from failure
    usages = bill.of_lines(
        text.splitlines(), function or ("log" if str(source) == "-" else source.stem)
    )
    return usages, None if last is None else seconds(last)


def _show_json(bills: Sequence[Bill], prices: Prices, seconds: float | None) -> None:
    from emulator.simulation.bill import total

    together, month = total(bills)
    show_json(
        {
            "currency": "USD",
            "prices": {"dated": prices.dated, "region": prices.region, "source": prices.source},
            "seconds": seconds,
            "total": together,
            "month": month,
            "functions": [{**dataclasses.asdict(each), "total": each.total} for each in bills],
        }
    )


def _show(bills: Sequence[Bill], prices: Prices, seconds: float | None, calls: int | None) -> None:
    from emulator.simulation.bill import total

    rows = [
        (
            each.function,
            f"{each.memory_mb} MB",
            f"{each.calls:,}",
            f"{each.cold:,}",
            f"{each.billed_ms:,.0f} ms",
            _dollars(each.total),
            _dollars(each.month),
            _dollars(each.container_month),
            "never" if each.break_even > 1 else f"{each.break_even:.0%} busy",
            _dollars(each.requests),
            _dollars(each.duration),
            *(_dollars(each_ or None) for each_ in (each.provisioned, each.snapstart, each.queues)),
        )
        for each in bills
    ]
    show_table(_COLUMNS, rows, details=5)
    together, month = total(bills)
    span = "" if seconds is None else f" in {seconds / 60:,.1f} minutes"
    monthly = "" if month is None else f", {_dollars(month)} a month"
    print(f"\ntotal: {_dollars(together)}{span}{monthly}")
    rate = f"{calls:,} calls of each" if calls else "730 hours at the same rate"
    if month is not None:
        note(f"a month is {rate}; the free tier is not taken off")
    note(f"prices: {prices.region}, {prices.dated}, {prices.source}")


_COLUMNS = (
    "FUNCTION",
    "MEMORY",
    "CALLS",
    "COLD",
    "BILLED",
    "COST",
    "MONTH",
    "CONTAINER",
    "BREAK-EVEN",
    "REQUESTS",
    "DURATION",
    "PROVISIONED",
    "SNAPSTART",
    "QUEUES",
)


def _dollars(amount: float | None) -> str:
    if amount is None:
        return NOTHING
    if amount >= 0.001:
        return f"${amount:,.2f}" if amount >= 1 else f"${amount:.3g}"
    return f"${amount:.8f}".rstrip("0").rstrip(".")
