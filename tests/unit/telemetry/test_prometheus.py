"""Prometheus' text format, and OpenMetrics."""

from __future__ import annotations

import re

from emulator.telemetry.prometheus.exposition import Family, Histogram, write

_FAMILIES = [
    Family("calls", "counter", "All\nof them.", [({"function": 'a"\\\n'}, 3.0)]),
    Family("took_seconds", "histogram", "How long.", [({}, Histogram((0.1, 1.0), (2, 1, 1), 4.5))]),
    Family("now", "gauge", "Now.", [({}, 0.25), ({"x": "y"}, 1e20)]),
]


def test_prometheus_own_format() -> None:
    assert write(_FAMILIES, is_open_metrics=False) == (
        "# HELP calls_total All\\nof them.\n"
        "# TYPE calls_total counter\n"
        'calls_total{function="a\\"\\\\\\n"} 3\n'
        "# HELP took_seconds How long.\n"
        "# TYPE took_seconds histogram\n"
        'took_seconds_bucket{le="0.1"} 2\n'
        'took_seconds_bucket{le="1"} 3\n'
        'took_seconds_bucket{le="+Inf"} 4\n'
        "took_seconds_sum 4.5\n"
        "took_seconds_count 4\n"
        "# HELP now Now.\n"
        "# TYPE now gauge\n"
        "now 0.25\n"
        'now{x="y"} 1e+20\n'
    )


def test_open_metrics_names_counters_without_total_and_ends() -> None:
    text = write(_FAMILIES, is_open_metrics=True)
    assert "# TYPE calls counter\n" in text
    assert "\ncalls_total{" in text
    assert text.endswith("\n# EOF\n")
    lines = [each for each in text.splitlines() if not each.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+(?:\{.*\})? \S+", each) for each in lines)
