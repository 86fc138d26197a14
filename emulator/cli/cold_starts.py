"""Cold starts as ``localfaas coldstart`` measures and shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from emulator.cli.charts.chart import Bar, BarChart, Box, Figure, Flame, Segment
from emulator.cli.charts.statistics import Summary, summarise
from emulator.cli.own_emulator import own_emulator
from emulator.cli.terminal import CommandError
from emulator.cli.variants import Variant
from emulator.client.endpoint import MARK, Client, reason_of

#: The parts of a cold start, in their order: what the admin API calls them, and people do.
PARTS = {
    "code_ms": "code and layers",
    "sandbox_ms": "sandbox",
    "boot_ms": "boot",
    "restore_ms": "restore",
    "imports_ms": "imports",
    "first_call_ms": "first call",
}
#: Imports that are shown.
DEAREST = 10
#: An import whose own time is a smaller share of it may only pass on to another.
_OWN_SHARE = 0.05


@dataclass(slots=True)
class Measured:
    """All runs of one variant."""

    variant: Variant
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What it is called beside others."""
        return self.variant.label or str(self.runs[0]["function"])

    def of(self, name: str) -> Summary | None:
        """Return the summary of one part; None where a run does not know it."""
        values = [run[name] for run in self.runs]
        return None if None in values else summarise(values)

    @property
    def total(self) -> Summary:
        """What callers wait for a cold start."""
        return summarise([run["total_ms"] for run in self.runs])

    @property
    def warm(self) -> Summary | None:
        """What callers wait for a warm call."""
        values = [value for run in self.runs for value in run["warm_ms"]]
        return summarise(values) if values else None

    @property
    def typical(self) -> dict[str, Any]:
        """The run in the middle."""
        return sorted(self.runs, key=lambda run: run["total_ms"])[len(self.runs) // 2]

    @property
    def error(self) -> str:
        """The function's first error, or ""."""
        return next((run["error"] for run in self.runs if run["error"]), "")


class Measuring:
    """Measures variants in turn, so that what the machine does meanwhile meets all of them.

    Args:
        client: The emulator that runs; None: there is none.
        functions: The folder or template of functions, for emulators of its own.
        function: The function's name, with its qualifier.
        event: The event of each call.
        warm: Warm calls after each cold start.
        trace_imports: Have imports measured.
    """

    def __init__(
        self,
        client: Client | None,
        functions: Path | None,
        *,
        function: str,
        event: bytes,
        warm: int,
        trace_imports: bool,
    ) -> None:
        self._client, self._functions, self._event = client, functions, event
        name, _, qualifier = function.partition(":")
        self._query = {"function": name, "warm": str(warm)}
        if qualifier:
            self._query["qualifier"] = qualifier
        if not trace_imports:
            self._query["trace_imports"] = "false"

    def run(
        self, variants: Sequence[Variant], runs: int, told: Callable[[int, int], None]
    ) -> list[Measured]:
        """Measure each variant ``runs`` times.

        Args:
            variants: What is measured.
            runs: Cold starts of each.
            told: Called with how many are done, and how many there are.

        Raises:
            CommandError: Something can't be measured.
        """
        found = [Measured(variant) for variant in variants]
        with ExitStack() as emulators:
            clients = self._clients(variants, emulators)
            for variant in variants:
                # The first start of all compiles, unpacks and fills caches: it is not counted.
                self._measure(clients[variant.options], variant)
            for number in range(runs):
                for at, each in enumerate(found):
                    told(number * len(found) + at, runs * len(found))
                    each.runs.append(self._measure(clients[each.variant.options], each.variant))
            told(runs * len(found), runs * len(found))
        return found

    def _clients(
        self, variants: Sequence[Variant], emulators: ExitStack
    ) -> Mapping[Sequence[str], Client]:
        clients: dict[Sequence[str], Client] = {}
        for options in dict.fromkeys(variant.options for variant in variants):
            if not options and self._client is not None:
                clients[options] = self._client
                continue
            if self._functions is None:
                raise CommandError(
                    "this comparison starts emulators of its own: give the folder or template of "
                    "the functions with --functions PATH"
                )
            clients[options] = emulators.enter_context(own_emulator(self._functions, options))
        return clients

    def _measure(self, client: Client, variant: Variant) -> dict[str, Any]:
        query = urlencode({**self._query, **variant.query})
        answer = client.request(
            "POST", f"/_emulator/coldstart?{query}", self._event, timeout_s=None
        )
        try:
            value = json.loads(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict) or MARK not in answer.headers:
            raise CommandError(
                f"what answers at {client.endpoint} is not a localfaas of this version"
            )
        if answer.status != 200:
            raise CommandError(reason_of(value, answer.body))
        return value


def parts_of(measured: Sequence[Measured]) -> list[tuple[str, str]]:
    """Return key and name of the parts that any of them has."""
    summaries = {key: [each.of(key) for each in measured] for key in PARTS}
    return [
        (key, name)
        for key, name in PARTS.items()
        if key != "restore_ms" or any(each is not None and each.most for each in summaries[key])
    ]


def as_json(measured: Sequence[Measured]) -> dict[str, Any]:
    """Return all figures by name."""
    return {
        "simulated": False,
        "variants": [
            {
                "variant": each.variant.label,
                **{key: each.runs[0][key] for key in _ABOUT},
                "cold_ms": _figures(each.total),
                "warm_ms": _figures(each.warm),
                "init_ms": _figures(each.of("init_ms")),
                "parts": {name: _figures(each.of(name)) for name in PARTS},
                "imports": dearest(each.typical),
                "error": each.error,
                "runs": each.runs,
            }
            for each in measured
        ],
    }


_ABOUT = ("function", "version", "runtime", "memory_mb", "package", "code_bytes", "driver")


def _figures(summary: Summary | None) -> dict[str, float | int | None] | None:
    if summary is None:
        return None
    return {
        "count": summary.runs,
        "mean": round(summary.mean, 3),
        "low": round(max(0.0, summary.low), 3),
        "high": round(summary.high, 3),
        "median": round(summary.median, 3),
        "min": round(summary.least, 3),
        "max": round(summary.most, 3),
    }


def dearest(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the most expensive imports of a run, in the order in which they began.

    What only passes on to another import is left out: it would say the same twice.
    """
    imports = run["imports"] or []
    chosen = sorted(
        (at for at in range(len(imports)) if not _passes_on(imports, at)),
        key=lambda at: -imports[at]["total_ms"],
    )[:DEAREST]
    depths: dict[int, int] = {}
    for at in sorted(chosen):
        outer = imports[at]["parent"]
        while outer is not None and outer not in depths:
            outer = imports[outer]["parent"]
        depths[at] = 0 if outer is None else depths[outer] + 1
    return [{**imports[at], "depth": depth} for at, depth in depths.items()]


def _passes_on(imports: Sequence[Mapping[str, Any]], at: int) -> bool:
    each = imports[at]
    if each["parent"] is None or each["self_ms"] > _OWN_SHARE * each["total_ms"]:
        return False
    inside = (inner["total_ms"] for inner in imports[at + 1 :] if inner["parent"] == at)
    return max(inside, default=0.0) >= (1 - 2 * _OWN_SHARE) * float(each["total_ms"])


def figure(measured: Sequence[Measured], title: str) -> Figure:
    """Return what is drawn: the parts side by side, warm calls beside them, a flame of imports."""
    charts: list[BarChart | Flame] = [cold_chart(measured)]
    flames = [flame(each, alone=len(measured) == 1) for each in measured]
    return Figure(
        title,
        [*charts, *(each for each in flames if each is not None)],
        [
            "Measured on this machine; nothing is simulated. "
            "Lines show the 95 % confidence interval of the mean."
        ],
    )


def cold_chart(measured: Sequence[Measured]) -> BarChart:
    """Return the parts of the cold starts, and the warm calls, on one scale."""
    bars = []
    for each in measured:
        parts = [(name, each.of(key)) for key, name in PARTS.items()]
        total = each.total
        shown = [Segment(name, part.mean) for name, part in parts if part is not None and part.most]
        ahead = total.mean < sum(part.value for part in shown) * 0.9
        # Of what was started ahead of use, its caller waits for the call alone.
        segments = shown[-1:] if ahead else shown
        bars.append(Bar(each.label, segments, _interval(total)))
        warm = each.warm
        if warm is not None:
            bars.append(Bar("  warm", [Segment("warm call", warm.mean)], _interval(warm)))
    return BarChart("What callers wait for", " ms", bars)


def _interval(summary: Summary) -> tuple[float, float] | None:
    return None if summary.reach is None else (max(0.0, summary.low), summary.high)


def flame(measured: Measured, *, alone: bool) -> Flame | None:
    """Return the dearest imports of the run in the middle, within what they are nested in."""
    imports = dearest(measured.typical)
    if not imports:
        return None
    boxes = [
        Box(
            each["module"],
            each["depth"],
            each["start_ms"],
            each["total_ms"],
            f"{each['module']}: {each['total_ms']:.1f} ms, {each['self_ms']:.1f} of its own",
        )
        for each in imports
    ]
    title = f"Imports of INIT: the {len(imports)} most expensive"
    return Flame(title if alone else f"{title} ({measured.label})", boxes)
