"""The dashboard in a real browser: what it shows, how it moves, what it copies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.browser import chromium, keep_screenshot, new_page
from tests.needs import need
from tests.patience import PATIENCE_S
from tests.recorded import START, Recording, small

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

#: Evaluated in the page: what the lanes have.
_BARS = "window.localfaas.lanes.rows.filter(r => r.lane).flatMap(r => r.lane.bars).length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One emulator for all tests of this module; each calls a function of its own."""
    emulator = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    yield emulator
    emulator.stop()


@pytest.fixture
def page(browser: Browser, running: Running, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that may not fail, nor ask anybody but the emulator."""
    found = new_page(browser, viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.on("request", lambda request: problems.append(request.url) if _foreign(request) else None)
    yield found
    keep_screenshot(found, request.node.name)
    found.close()
    assert problems == []


def _foreign(request: Any) -> bool:
    return not request.url.startswith(("http://localhost:", "data:", "file:", "blob:"))


def called(running: Running, name: str, times: int = 1) -> str:
    """Return the dashboard's address for a function that was called."""
    client = running.client("lambda")
    create(client, name)
    for number in range(times):
        client.invoke(FunctionName=name, Payload=json.dumps({"number": number}).encode())[
            "Payload"
        ].read()
    return f"{running.url}/_emulator/?function={name}"


def wait_for(page: Page, expression: str, arg: Any = None) -> None:
    """Wait until an expression is true in the page, whose policy forbids Playwright's own way."""
    until = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression, arg):
        assert time.monotonic() < until, f"{expression} {arg}: {page.locator('body').inner_text()}"
        page.wait_for_timeout(20)


def wait_for_sentence(page: Page, text: str) -> None:
    wait_for(
        page, "text => document.getElementById('sentence').textContent.includes(text)", arg=text
    )


def show_record(page: Page, url: str, recording: Recording) -> None:
    """Open a page for a record that is made up."""
    record = recording.document()
    page.route("**/_emulator/timeline?*", lambda route: route.fulfill(json=record))
    quiet = ": nothing\n\n"
    page.route(
        "**/_emulator/timeline/follow*",
        lambda route: route.fulfill(body=quiet, content_type="text/event-stream"),
    )
    page.goto(url)
    wait_for(page, f"{_BARS} > 0")


# --- the lanes -----------------------------------------------------------------------------------


def test_calls_appear_as_they_come(page: Page, running: Running) -> None:
    page.goto(called(running, "appears", 3))
    wait_for_sentence(page, "1 of 3 (33.3 %)")
    assert page.locator("#causes").inner_text().split() == ["Why:", "1", "first", "call"]
    page.wait_for_selector("#live.on")
    running.client("lambda").invoke(FunctionName="appears", Payload=b"{}")["Payload"].read()
    wait_for_sentence(page, "1 of 4 (25.0 %)")
    kinds = page.evaluate(
        "window.localfaas.lanes.rows.find(r => r.lane).lane.bars.map(bar => bar.kind)"
    )
    assert kinds[-4:] == ["first", "warm", "warm", "warm"]
    assert "init" in kinds


def test_an_emulator_without_calls_says_how_to_begin(browser: Browser) -> None:
    emulator = Running(Settings(port=0), driver=ScriptedDriver())
    page = new_page(browser)
    try:
        page.goto(f"{emulator.url}/")
        page.wait_for_selector("#empty:not([hidden])")
        assert "localfaas invoke hello" in page.locator("#empty").inner_text()
        assert page.url == f"{emulator.url}/_emulator/"
    finally:
        page.close()
        emulator.stop()


def test_without_a_record_the_page_says_so(browser: Browser) -> None:
    emulator = Running(Settings(port=0, timeline_mb=0), driver=ScriptedDriver())
    page = new_page(browser)
    try:
        page.goto(f"{emulator.url}/_emulator/")
        wait_for_sentence(page, "--timeline-mb 0")
    finally:
        page.close()
        emulator.stop()


def test_moving_stops_the_tail_and_says_so(page: Page, running: Running) -> None:
    page.goto(called(running, "pauses", 3))
    wait_for_sentence(page, "1 of 3")
    bars = page.evaluate(_BARS)
    box = page.locator("canvas.rows").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 400, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 700, box["y"] + 90, steps=3)
    page.mouse.up()
    page.wait_for_selector("#live.paused")
    running.client("lambda").invoke(FunctionName="pauses", Payload=b"{}")["Payload"].read()
    wait_for(page, "document.getElementById('paused').textContent.includes('1 new call')")
    assert page.evaluate(_BARS) == bars
    page.click("#paused")
    wait_for(page, f"{_BARS} === {bars + 1}")
    page.wait_for_selector("#live.on")


def test_where_one_looks_stands_in_the_address(page: Page, running: Running) -> None:
    show_record(page, f"{running.url}/_emulator/", small())
    box = page.locator("canvas.rows").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 500, box["y"] + 200)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.click("[data-toggle=cold]")
    page.fill("[name=text]", "busy")
    wait_for(page, "location.search.includes('from=') && location.search.includes('text=')")
    # The address follows a moment later.
    wait_for(
        page,
        "Math.abs(new URLSearchParams(location.search).get('from') * 1000 - "
        "window.localfaas.lanes.window.from) < 0.1",
    )
    window = page.evaluate("window.localfaas.lanes.window")
    page.click("[data-view=table]")
    page.click("[data-view=lanes]")
    page.reload()
    wait_for(page, f"{_BARS} > 0")
    assert page.locator("[data-toggle=cold]").get_attribute("aria-pressed") == "true"
    again = page.evaluate("window.localfaas.lanes.window")
    assert again["from"] == pytest.approx(window["from"], abs=1)
    assert again["to"] == pytest.approx(window["to"], abs=1)
    wait_for_sentence(page, "3 of 3 (100.0 %)")


def test_filters_find_what_failed_and_what_was_slow(page: Page, running: Running) -> None:
    show_record(page, f"{running.url}/_emulator/?view=table", small())
    rows = page.locator("#list tbody tr")
    everything = rows.count()
    page.click("[data-toggle=failed]")
    wait_for(page, f"document.querySelectorAll('#list tbody tr').length < {everything}")
    assert rows.count() == 7
    page.click("[data-toggle=failed]")
    page.click("[data-toggle=slow]")
    page.fill("[name=slow]", "500")
    wait_for(
        page,
        "[...document.querySelectorAll('#list tbody tr')].length === "
        "[...window.localfaas.model.invocations.values()]"
        ".filter(each => each.raw.total_ms >= 500).length",
    )
    page.click("[data-toggle=slow]")
    page.fill("[name=text]", "orders -throttled -valueerror")
    wait_for(page, "document.querySelectorAll('#list tbody tr').length === 7")
    page.fill("[name=text]", "no such thing")
    page.click("[data-view=lanes]")
    assert "Nothing matches" in page.locator("#empty").inner_text()
    page.click("#empty button")
    wait_for(page, f"{_BARS} > 0")


def test_keys_choose_zoom_and_open(page: Page, running: Running) -> None:
    page.goto(called(running, "keys", 3))
    wait_for_sentence(page, "1 of 3")
    page.locator("canvas.rows").focus()
    before = page.evaluate("window.localfaas.lanes.scale.msPerPx")
    page.keyboard.press("+")
    assert page.evaluate("window.localfaas.lanes.scale.msPerPx") < before
    page.keyboard.press("f")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    # Said to those who do not see it.
    said = page.locator("#chosen").text_content()
    assert said
    assert said.startswith("keys $LATEST, warm call, ")
    page.keyboard.press("Enter")
    page.wait_for_selector("#drawer .detail")
    assert "warm call" in page.locator("#drawer").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("#drawer", state="hidden")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"


def test_pointing_gives_the_exact_time(page: Page, running: Running) -> None:
    show_record(page, f"{running.url}/_emulator/?function=orders", small())
    at = page.evaluate(
        """() => {
          const {lanes} = window.localfaas
          const row = lanes.rows.find(r => r.lane)
          const bar = row.lane.bars.find(b => b.kind === 'first')
          const box = lanes.canvas.getBoundingClientRect()
          return [box.left + lanes.gutter + lanes.scale.x((bar.start + bar.end) / 2),
            box.top + row.y + row.height / 2, bar.end - bar.start]
        }"""
    )
    page.mouse.move(at[0], at[1])
    page.wait_for_selector("#tip:not([hidden])")
    text = page.locator("#tip").inner_text()
    assert f"first call {at[2]:,.3f}" in text.replace("\u202f", " ").replace("\u00a0", " ")
    assert "Cold: the last environment crashed." in text


def test_idle_time_is_folded_and_simulated_time_hatched(page: Page, running: Running) -> None:
    show_record(page, f"{running.url}/_emulator/", small())
    lengths = page.evaluate(
        "window.localfaas.lanes.scale.folds.map(fold => (fold.end - fold.start) / 1000)"
    )
    assert max(lengths) > 290
    # A bar of one colour has one; what a profile added shows the ground between its lines.
    wait_for(
        page,
        """() => {
          const {lanes} = window.localfaas
          const row = lanes.rows.find(r => r.lane?.bars.some(bar => bar.simulated))
          if (!row) return false
          const count = bar => {
            const ratio = lanes.canvas.width / lanes.width
            const x = (lanes.gutter + lanes.scale.x(bar.start) + 3) * ratio
            const y = (row.y + row.height / 2) * ratio
            const {data} = lanes.context.getImageData(x, y, (bar.end - bar.start) /
              lanes.scale.msPerPx * ratio - 6, 1)
            return new Set(Array.from({length: data.length / 4}, (_, i) => data[i * 4])).size
          }
          return count(row.lane.bars.find(bar => bar.simulated)) >
            2 * count(row.lane.bars.find(bar => bar.kind === 'first'))
        }""",
    )


def test_a_dashboard_that_was_left_open_connects_again(browser: Browser, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = Running(Settings(port=0, state=state), driver=ScriptedDriver())
    port = first.emulator.port
    page = new_page(browser)
    try:
        page.goto(called(first, "lasts", 2))
        wait_for_sentence(page, "1 of 2")
        first.stop()
        page.wait_for_selector("#live.off")
        first = Running(Settings(port=port, state=state), driver=ScriptedDriver())
        page.wait_for_selector("#live.on")
        # What was recorded before the restart is there, and what comes is added.
        wait_for_sentence(page, "1 of 2")
        first.client("lambda").invoke(FunctionName="lasts", Payload=b"{}")["Payload"].read()
        wait_for_sentence(page, "2 of 3")
    finally:
        page.close()
        first.stop()


# --- one invocation ------------------------------------------------------------------------------


@pytest.fixture
def opened(page: Page, running: Running) -> Page:
    """The page of the last invocation of ``opened``, which was called with an awkward event."""
    client = running.client("lambda")
    if "opened" not in [each["FunctionName"] for each in client.list_functions()["Functions"]]:
        create(client, "opened")
    event = {"it's": ['"quoted" $HOME `id`', None, True, 1.5], "ü": {}}
    answer = client.invoke(FunctionName="opened", Payload=json.dumps(event).encode())
    answer["Payload"].read()
    request_id = answer["ResponseMetadata"]["RequestId"]
    page.goto(f"{running.url}/_emulator/ui/invocations/{request_id}")
    page.wait_for_selector(".detail")
    return page


def copied(page: Page, name: str) -> str:
    button = page.locator(f"[data-copy={name}]")
    button.click()
    wait_for(page, "name => document.querySelector(`[data-copy=${name}]`).dataset.copied", arg=name)
    text = button.get_attribute("data-copied")
    assert text
    return text


def test_an_invocation_has_its_event_answer_log_and_price(opened: Page) -> None:
    text = opened.locator(".detail").inner_text()
    assert "it's" in text
    assert "START RequestId" in text
    assert "REPORT RequestId" in text
    assert "for a million such calls" in text
    assert "Where the time went" in text


def test_what_is_copied_runs(opened: Page, running: Running, tmp_path: Path) -> None:
    need("curl")
    event = json.loads(opened.locator(".detail pre").first.inner_text())
    curl = copied(opened, "curl")
    done = subprocess.run(["bash", "-c", curl], capture_output=True, timeout=PATIENCE_S, check=True)
    assert json.loads(done.stdout) == event
    test = tmp_path / "test_copied.py"
    test.write_text(copied(opened, "pytest"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, cwd=tmp_path)
    assert done.returncode == 0, done.stdout.decode()
    aws = Path(sys.executable).parent / "aws"
    cli = copied(opened, "CLI").replace("aws lambda", f"{sys.executable} {aws} lambda")
    done = subprocess.run(["bash", "-c", cli], capture_output=True, timeout=PATIENCE_S)
    assert done.stdout.startswith(json.dumps(event, ensure_ascii=False).encode()[:8]), done


def test_an_invocation_is_invoked_again(opened: Page, running: Running) -> None:
    def count() -> int:
        environments = running.emulator.pools.environments.values()
        return sum(each.invokes for each in environments if each.version.name == "opened")

    before = count()
    opened.get_by_role("button", name="Invoke again").click()
    wait_for(
        opened, "[...document.querySelectorAll('button')].some(b => b.textContent === 'Invoked')"
    )
    assert count() == before + 1
    opened.get_by_role("button", name="Edit and send").click()
    opened.wait_for_selector("textarea")
    assert "it's" in opened.input_value("textarea")


def test_an_unknown_invocation_is_said_to_be_unknown(page: Page, running: Running) -> None:
    page.goto(f"{running.url}/_emulator/ui/invocations/none")
    page.wait_for_selector("text=Not here")


# --- other pages ---------------------------------------------------------------------------------


def test_the_console_shows_answer_and_log(page: Page, running: Running) -> None:
    create(running.client("lambda"), "console")
    page.goto(f"{running.url}/_emulator/ui/console?function=console")
    page.select_option("[data-sample]", "sqs")
    wait_for(page, "document.querySelector('textarea').value.includes('Records')")
    page.locator("textarea").press("Control+Enter")
    page.wait_for_selector("#outcome pre")
    assert "receiptHandle" in page.locator("#outcome").inner_text()
    page.fill("textarea", "{")
    assert "Not JSON" in page.locator("[data-problem]").inner_text()
    page.click("button[type=submit]")
    page.wait_for_selector("text=InvalidRequestContentException")


def test_pages_renew_themselves(page: Page, running: Running) -> None:
    page.goto(f"{running.url}/_emulator/ui/queues")
    running.client("sqs").create_queue(QueueName="came-later")
    page.wait_for_selector("text=came-later")
    page.click("text=came-later")
    url = running.client("sqs").get_queue_url(QueueName="came-later")["QueueUrl"]
    running.client("sqs").send_message(QueueUrl=url, MessageBody="a message")
    page.wait_for_selector("text=a message")
    create(running.client("lambda"), "evicted")
    running.client("lambda").invoke(FunctionName="evicted", Payload=b"{}")["Payload"].read()
    page.goto(f"{running.url}/_emulator/ui/functions")
    row = page.locator("tr", has_text="evicted")
    row.get_by_role("button", name="Evict").click()
    row.locator("text=the next call is cold").wait_for()


def test_two_runs_stand_on_one_scale(page: Page, running: Running) -> None:
    show = small()
    record = show.document()
    page.route("**/_emulator/timeline?*", lambda route: route.fulfill(json=record))
    page.goto(f"{running.url}/_emulator/ui/compare?function=hello")
    wait_for(page, "window.localfaas?.panes.every(pane => pane.choice)")
    scales = "window.localfaas.panes.map(pane => pane.view.scale.msPerPx)"
    one, other = page.evaluate(scales)
    assert one == other
    text = page.locator("#sentence").inner_text()
    assert "Cold starts 10.0 % → 11.1 %" in text.replace("\u202f", " ")
    page.locator("#pane-a canvas.rows").focus()
    page.keyboard.press("+")
    one, other = page.evaluate(scales)
    assert one == other
    starts = page.evaluate(
        "window.localfaas.panes.map(pane => pane.view.scale.time(0) - pane.choice.from)"
    )
    assert starts[0] == pytest.approx(starts[1], abs=1e-3)
    address = page.url
    assert "function=hello" in address


def test_an_export_needs_nobody(page: Page, running: Running, tmp_path: Path) -> None:
    address = called(running, "exported", 2)
    page.goto(address)
    wait_for_sentence(page, "1 of 2")
    query = "?function=exported"
    file = tmp_path / "timeline.html"
    file.write_bytes(page.request.get(f"{running.url}/_emulator/ui/export{query}").body())
    page.route("http://**", lambda route: route.abort())
    page.goto(f"file://{file}")
    wait_for_sentence(page, "1 of 2")
    page.locator("canvas.rows").focus()
    for key in ("ArrowDown", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("#drawer .detail")
    text = page.locator("#drawer").inner_text()
    assert '"number":' in text
    assert "REPORT RequestId" in text
    page.keyboard.press("Escape")
    page.click("[data-view=spread]")
    page.wait_for_selector("#spread canvas")


# --- for everybody -------------------------------------------------------------------------------

_ALL = (
    "",
    "?view=table",
    "?view=spread",
    "ui/functions",
    "ui/queues",
    "ui/events",
    "ui/flow",
    "ui/workflows",
    "ui/console",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_contrast_and_phases_differ_in_lightness(
    browser: Browser, running: Running, scheme: Any
) -> None:
    page = new_page(browser, color_scheme=scheme)
    page.goto(f"{running.url}/_emulator/")
    colours = page.evaluate(
        """() => Object.fromEntries(["background", "panel", "ink", "muted", "accent",
          "failed", "bad-soft", "accent-soft", "code", "boot", "extensions", "init", "restore",
          "first", "warm", "on-init", "on-first", "on-warm", "on-failed"].map(name => [name,
          getComputedStyle(document.body).getPropertyValue(`--c-${name}`).trim()]))"""
    )
    page.close()

    def luminance(name: str) -> float:
        text = colours[name].lstrip("#")
        parts = [int(text[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    # WCAG 2.2, 1.4.3: 4.5 for text.
    for text, ground in (
        ("ink", "background"),
        ("muted", "background"),
        ("muted", "panel"),
        ("accent", "background"),
        ("accent", "accent-soft"),
        ("failed", "background"),
        ("failed", "bad-soft"),
        ("on-init", "init"),
        ("on-first", "first"),
        ("on-warm", "warm"),
        ("on-failed", "failed"),
    ):
        assert contrast(text, ground) >= 4.5, (text, ground)

    def lightness(name: str) -> float:
        return float(116 * luminance(name) ** (1 / 3) - 16)

    for one, other in (
        ("code", "boot"),
        ("boot", "extensions"),
        ("extensions", "init"),
        ("first", "warm"),
        ("init", "warm"),
        ("init", "restore"),
    ):
        assert abs(lightness(one) - lightness(other)) >= 7, (one, other)


@pytest.mark.parametrize("path", _ALL)
def test_a_phone_shows_everything_within_its_width(
    browser: Browser, running: Running, path: str
) -> None:
    page = new_page(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(f"{running.url}/_emulator/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # Everything that can be used has a name for those who do not see it.
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, textarea, canvas")]
          .filter(each => !each.closest("[hidden]") && each.type !== "hidden" &&
            each.getAttribute("aria-hidden") !== "true" && !each.closest("[role=img]"))
          .filter(each => !(each.ariaLabel || each.title || each.textContent.trim() ||
            each.labels?.length)).map(each => each.outerHTML)"""
    )
    assert nameless == []
    page.close()


# --- the parts of the drawing --------------------------------------------------------------------


def test_times_and_places_are_one_to_one_with_folds(page: Page, running: Running) -> None:
    """300 random records: places grow with time, come back as it, and folds have their width."""
    page.goto(f"{running.url}/_emulator/ui/functions")
    problems = page.evaluate(
        """async () => {
          const {Scale, FOLD_PX, findFolds, joined} =
            await import("/_emulator/ui/static/timeline/scale.js")
          let seed = 7
          const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
          const problems = []
          for (let round = 0; round < 300; round += 1) {
            const origin = 1.7e12
            const busy = Array.from({length: 1 + random() * 40}, () => {
              const start = origin + random() ** 3 * 1e6
              return {start, end: start + random() * 2000}
            })
            const to = Math.max(...busy.map(each => each.end))
            const merged = joined(busy)
            for (let i = 1; i < merged.length; i += 1)
              if (merged[i].start <= merged[i - 1].end) problems.push(`${round}: not joined`)
            const least = [null, 1000, 60000][round % 3]
            const folds = findFolds(merged, origin, to, {least})
            for (const fold of folds)
              for (const each of busy)
                if (each.start < fold.end && each.end > fold.start)
                  problems.push(`${round}: folded`)
            if (least === null && folds.length * FOLD_PX > 1000 / 2) problems.push(`${round}: many`)
            const scale = new Scale(origin, folds).fitted(origin, to, 1000)
            if (least === null && Math.abs(scale.x(to) - 1000) > 1) problems.push(`${round}: fit`)
            for (const fold of folds)
              if (Math.abs(scale.x(fold.end) - scale.x(fold.start) - FOLD_PX) > 1e-3)
                problems.push(`${round}: width`)
            let last = -Infinity
            for (let part = 0; part <= 50; part += 1) {
              const time = origin + ((to - origin) * part) / 50
              const x = scale.x(time)
              if (x < last) problems.push(`${round}: order`)
              last = x
              if (Math.abs(scale.time(x) - time) > 0.01) problems.push(`${round}: inverse ${time}`)
            }
            const fixed = scale.time(333)
            if (Math.abs(scale.zoomed(0.3, 333).x(fixed) - 333) > 0.01)
              problems.push(`${round}: zoom`)
          }
          return problems
        }"""
    )
    assert problems == []


def test_provisioned_environments_and_spill_over_are_told_apart(
    page: Page, running: Running
) -> None:
    recording = Recording()
    kept = recording.environment("busy", START, cause="scaled", sentence="ahead of use")
    kept["initialization_type"] = "provisioned-concurrency"
    recording.call(kept, START + 2, 0.5)
    spilled = recording.environment("busy", START + 2.1, cause="all busy", sentence="busy")
    recording.call(spilled, START + 2.1, 0.5)
    show_record(page, f"{running.url}/_emulator/", recording)
    sorts = page.evaluate("window.localfaas.lanes.rows.filter(r => r.lane).map(r => r.lane.sort)")
    assert sorts == ["spill-over", "provisioned"]


def test_a_tab_that_nobody_looks_at_keeps_no_connection(page: Page, running: Running) -> None:
    page.goto(called(running, "hidden", 1))
    page.wait_for_selector("#live.on")
    hide = """hidden => {
      Object.defineProperty(document, "hidden", {value: hidden, configurable: true})
      document.dispatchEvent(new Event("visibilitychange"))
    }"""
    listeners = running.emulator.lifecycle
    before = len(listeners.listeners)
    page.evaluate(hide, True)
    until = time.monotonic() + PATIENCE_S
    while len(listeners.listeners) >= before:
        assert time.monotonic() < until
        # It may have been hidden while its stream was still being opened.
        page.evaluate(hide, True)
        # A stream notices at the next event that its reader is gone.
        running.client("lambda").invoke(FunctionName="hidden", Payload=b"{}")["Payload"].read()
    calls = page.evaluate("window.localfaas.model.invocations.size")
    running.client("lambda").invoke(FunctionName="hidden", Payload=b"{}")["Payload"].read()
    page.evaluate(hide, False)
    wait_for(page, f"window.localfaas.model.invocations.size > {calls}")


def test_a_call_that_runs_is_shown_until_its_end(browser: Browser) -> None:
    hold = threading.Event()

    async def held(runtime: RuntimeClient) -> None:
        while True:
            request_id, _ = await runtime.next()
            await asyncio.to_thread(hold.wait, PATIENCE_S)
            await runtime.respond(request_id, b'"let go"')

    emulator = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver(held))
    page = new_page(browser)
    try:
        create(emulator.client("lambda"), Timeout=60)
        page.goto(f"{emulator.url}/_emulator/?view=table")
        page.wait_for_selector("#live.on")
        emulator.client("lambda").invoke(
            FunctionName="hello", InvocationType="Event", Payload=b"{}"
        )
        page.wait_for_selector("#list tbody tr")
        page.click("#list tbody tr")
        page.wait_for_selector("#drawer .detail")
        assert "running" in page.locator("#drawer").inner_text()
        hold.set()
        page.wait_for_selector("#drawer >> text=let go")
    finally:
        hold.set()
        page.close()
        emulator.stop()
