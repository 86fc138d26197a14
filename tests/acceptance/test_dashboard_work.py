"""What a frame of the dashboard costs with much to draw; ``bench_dashboard`` times it."""

from __future__ import annotations

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.benchmarks.bench_dashboard import MOVES, open_large
from tests.browser import chromium, new_page

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

#: Counts what canvases are told, for each frame the lanes paint.
COUNT = """() => {
  const {lanes} = window.localfaas
  const canvas = CanvasRenderingContext2D.prototype
  let calls = 0
  for (const [name, {value}] of Object.entries(Object.getOwnPropertyDescriptors(canvas))) {
    if (typeof value !== "function") continue
    canvas[name] = function (...words) { calls += 1; return value.apply(this, words) }
  }
  window.callsOfFrames = []
  const paint = lanes.paint
  lanes.paint = function () {
    calls = 0
    paint.call(this)
    window.callsOfFrames.push(calls)
  }
}"""


def test_a_frame_of_500_lanes_with_10_000_calls_draws_what_one_sees() -> None:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    try:
        with chromium() as browser:
            page = new_page(browser, viewport={"width": 1440, "height": 900})
            open_large(page, f"{running.url}/_emulator/")
            assert page.evaluate("window.localfaas.model.invocations.size") == 10_000
            rows = "window.localfaas.lanes.rows.filter(row => row.lane).length"
            assert page.evaluate(rows) == 500
            page.evaluate(COUNT)
            paints, _ = page.evaluate(MOVES)
            calls = page.evaluate("window.callsOfFrames")
            assert len(calls) >= len(paints) >= 150
            # All lanes, or all there is of each lane at every zoom, would be 15,000 and more.
            assert max(calls) <= 3000, sorted(calls)[::20]
    finally:
        running.stop()
