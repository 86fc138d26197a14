"""The dashboard with much to draw. ``bench_dashboard`` measures the same on a quiet machine."""

from __future__ import annotations

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.benchmarks.bench_dashboard import MOVES, open_large, percentile
from tests.browser import chromium

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]


def test_500_lanes_with_10_000_calls_stay_smooth() -> None:
    """Painting leaves time within a sixtieth of a second; the best of three on a busy machine."""
    running = Running(Settings(port=0), driver=ScriptedDriver())
    try:
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            open_large(page, f"{running.url}/_emulator/")
            assert page.evaluate("window.localfaas.model.invocations.size") == 10_000
            rows = "window.localfaas.lanes.rows.filter(row => row.lane).length"
            assert page.evaluate(rows) == 500
            tries = []
            for _ in range(3):
                paints, pauses = page.evaluate(MOVES)
                assert len(paints) >= 150
                tries.append(percentile(paints, 0.95))
                print(f"paint p95 {tries[-1]:.1f} ms, between p50 {percentile(pauses, 0.5):.1f} ms")
            assert min(tries) <= 16
    finally:
        running.stop()
