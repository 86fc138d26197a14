"""The benchmark of the dashboard: its first paint, and its frames with much to draw.

Needs Chromium; says so and ends well where there is none. Each first page is that of an emulator
which has served none before: templates are loaded for it. A page of one word that a server has
ready says what the browser itself takes on this machine, in turns with the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.benchmarks.bench_invoke import emulator, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run
from tests.browser import chromium
from tests.recorded import large

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_PAINTED = """() => new Promise(done => {
  const found = () => performance.getEntriesByName("first-contentful-paint")[0]
  if (found()) return done(found().startTime)
  new PerformanceObserver(() => found() && done(found().startTime)).observe({type: "paint"})
})"""

#: Moves the lanes frame by frame; returns what painting each took, and the time between them.
MOVES = """async () => {
  const {lanes} = window.localfaas
  const paints = [], pauses = []
  const move = async (count, act) => {
    let last = await new Promise(requestAnimationFrame)
    for (let number = 0; number < count; number += 1) {
      act(number)
      lanes.frames.length = 0
      const now = await new Promise(requestAnimationFrame)
      await Promise.resolve()
      pauses.push(now - last)
      last = now
      paints.push(...lanes.frames)
    }
  }
  lanes.showAll()
  await move(40, () => { lanes.scroller.scrollTop += 90 })
  await move(40, () => lanes.zoom(1 / 1.06, 600))
  await move(40, () => lanes.move(lanes.scale.panned(9)))
  await move(40, () => lanes.zoom(1.06, 600))
  const pointer = {clientX: 1, clientY: 1}
  await move(40, number => lanes.hover({x: 300 + number * 5, y: 200 + number}, pointer))
  return [paints, pauses]
}"""


def open_large(page: Page, url: str) -> None:
    """Open the dashboard on a record of 500 environments and 10,000 calls."""
    body = json.dumps(large().document())
    json_type = "application/json"
    page.route("**/timeline?*", lambda route: route.fulfill(body=body, content_type=json_type))
    page.route("**/timeline/follow*", lambda route: route.fulfill(body=""))
    page.goto(url)
    page.wait_for_selector("#sentence strong")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _first_paint(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    painted: float = page.evaluate(_PAINTED)
    context.close()
    return painted


class _OneWord(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>floor</title><p>floor"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def _floor() -> Iterator[str]:
    """Serve a page of one word; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneWord) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def measure(options: argparse.Namespace) -> Figures:
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        print("no Chromium: the dashboard is not measured")
        return {}
    first, later, floor = [], [], []
    with TemporaryDirectory() as name, chromium() as browser, _floor() as one_word:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        # The browser's own first page is slower than any other.
        browser.new_page().goto("about:blank")
        for _ in range(options.rounds):
            with emulator(folder) as (port, *_):
                url = f"http://localhost:{port}/_emulator/"
                first.append(_first_paint(browser, url))
                for _ in range(3):
                    floor.append(_first_paint(browser, one_word))
                    later.append(_first_paint(browser, url))
        with emulator(folder) as (port, *_):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            open_large(page, f"http://localhost:{port}/_emulator/")
            paints, pauses = page.evaluate(MOVES)
    return {
        "first": round(statistics.median(first)),
        "later": round(statistics.median(later)),
        "floor": round(statistics.median(floor)),
        "paint_p50": round(percentile(paints, 0.5), 1),
        "paint_p95": round(percentile(paints, 0.95), 1),
        "pause_p50": round(percentile(pauses, 0.5), 1),
        "pause_p95": round(percentile(pauses, 0.95), 1),
    }


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield at_most("dashboard: first paint of its first page", figures["first"], 200, "ms")
    yield at_most("dashboard: first paint of later pages", figures["later"], 200, "ms")
    yield Row(
        "dashboard: first paint of a page of one word from a plain server, the browser's own",
        f"{figures['floor']} ms",
    )
    yield Row(
        "dashboard: a frame of 500 lanes with 10,000 calls, painting p50 / p95",
        f"{figures['paint_p50']} / {figures['paint_p95']} ms",
        "p95 ≤ 16 ms",
        figures["paint_p95"] <= 16,
    )
    yield Row(
        "dashboard: the time between its frames, p50 / p95",
        f"{figures['pause_p50']} / {figures['pause_p95']} ms",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    run("dashboard", measure, parser)
