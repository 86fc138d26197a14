"""Charts say what was measured, on terminals of any width, as SVG and as PNG."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random

import pytest

from emulator.cli.charts import files, png, svg, text
from emulator.cli.charts.chart import Bar, BarChart, Box, Figure, Flame, Segment
from emulator.cli.charts.statistics import student_t, summarise
from emulator.cli.tables import display_width
from tests.needs import unavailable

HOSTILE = '<script>alert(1)</script>&"\x1b[2J$\\frac{$'
CHART = BarChart(
    "What callers wait for",
    " ms",
    [
        Bar("memory=128", [Segment("boot", 10.0), Segment("imports", 30.0)], (35.0, 45.0)),
        Bar(HOSTILE, [Segment("boot", 20.0)]),
        Bar("nothing", []),
    ],
)
FLAME = Flame(
    "Imports", [Box("app", 0, 0.0, 100.0, "app: 100 ms"), Box(HOSTILE, 1, 50.0, 50.0, HOSTILE)]
)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("chart", [CHART, FLAME])
def test_no_line_is_longer_than_the_terminal(chart: BarChart | Flame, width: int) -> None:
    lines = text.lines_of(chart, width, colour=False)
    assert max(map(display_width, lines)) <= width
    assert "\x1b" not in "".join(lines)


def test_bars_are_in_proportion_and_name_their_interval() -> None:
    lines = text.lines_of(CHART, 80, colour=False)
    first, second = (line for line in lines if " ms" in line and "█" in line)
    assert first.rstrip().endswith("40.0 ms ±5.0")
    assert first.count("█") * 2 == pytest.approx(second.count("█"), abs=2)
    assert first.count("▓") == pytest.approx(3 * first.count("█"), abs=2)


def test_a_flame_shows_when_an_import_began() -> None:
    _, app, inner = text.lines_of(FLAME, 80, colour=False)
    assert app.count("█") == pytest.approx(2 * inner.count("█"), abs=1)
    assert app.index("█") < inner.index("█")


def test_svg_is_whole_and_escaped() -> None:
    drawn = svg.draw(Figure(HOSTILE, [CHART, FLAME], ["a note"]))
    root = ET.fromstring(drawn)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not root.findall(".//{http://www.w3.org/2000/svg}script")
    texts = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"What callers wait for", "memory=128", "40.0 ms", "a note", "imports"} <= set(texts)
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if len(each)]
    widths = [float(each.get("width", 0)) for each in bars]
    assert widths[1] == pytest.approx(3 * widths[0], rel=0.01)


@pytest.mark.thorough
def test_files_are_written(tmp_path: Path) -> None:
    written = files.write(Figure("t", [CHART, FLAME]), tmp_path / "plot.svg")
    assert written[0] == tmp_path / "plot.svg"
    assert all(each.stat().st_size > 500 for each in written)
    if not png.is_possible():
        unavailable("needs matplotlib (pip install 'localfaas[plot]')")
    assert written[1].read_bytes().startswith(b"\x89PNG")


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    random = Random(5)
    held = 0
    for _ in range(2000):
        summary = summarise([random.gauss(10, 3) for _ in range(8)])
        held += summary.low <= 10 <= summary.high
    assert 0.93 <= held / 2000 <= 0.97


def test_a_summary_of_one_claims_nothing() -> None:
    summary = summarise([4.0])
    assert (summary.mean, summary.median, summary.reach) == (4.0, 4.0, None)
    assert summarise([1, 2, 3, 10]).median == 2.5
    assert student_t(1) == 12.706
    assert student_t(1000) == pytest.approx(1.962, abs=0.001)
