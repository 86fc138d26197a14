"""Prometheus' text format 0.0.4, and OpenMetrics 1.0.

https://prometheus.io/docs/instrumenting/exposition_formats/
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = Mapping[str, str]


class Histogram(NamedTuple):
    """A distribution: how many values are at most each bound, in all, and their sum."""

    bounds: Sequence[float]
    #: One for each bound, and one more for all values above.
    counts: Sequence[int]
    sum: float


class Family(NamedTuple):
    """Figures of one name."""

    #: Without ``_total``.
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[tuple[Labels, float | Histogram]]


def write(families: Iterable[Family], *, is_open_metrics: bool) -> str:
    """Return figures as text.

    Args:
        families: What there is.
        is_open_metrics: In the format of OpenMetrics; else in Prometheus' own.
    """
    lines: list[str] = []
    for family in families:
        total = "_total" if family.kind == "counter" else ""
        declared = family.name if is_open_metrics else family.name + total
        lines.append(f"# HELP {declared} {_help(family.help)}")
        lines.append(f"# TYPE {declared} {family.kind}")
        for labels, value in family.samples:
            if isinstance(value, Histogram):
                lines += _histogram(family.name, labels, value)
            else:
                lines.append(f"{family.name}{total}{_labels(labels)} {_number(value)}")
    if is_open_metrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _histogram(name: str, labels: Labels, value: Histogram) -> list[str]:
    lines, below = [], 0
    for bound, count in zip((*value.bounds, float("inf")), value.counts, strict=True):
        below += count
        lines.append(f"{name}_bucket{_labels({**labels, 'le': _number(bound)})} {below}")
    lines.append(f"{name}_sum{_labels(labels)} {_number(value.sum)}")
    lines.append(f"{name}_count{_labels(labels)} {below}")
    return lines


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
