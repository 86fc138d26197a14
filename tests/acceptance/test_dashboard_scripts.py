"""Scripts in names, logs, events and answers: shown as text, executed never."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.browser import chromium
from tests.patience import PATIENCE_S
from tests.recorded import Recording, small

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]

#: Each calls ``pwned`` where it is executed, in one of the contexts that pages have.
PAYLOADS = (
    "<script>pwned(1)</script>",
    "<SCRIPT>pwned(2)</SCRIPT>",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=pwned(4)>",
    "<img src=x onerror='pwned(5)'>",
    '<img src="x" onerror="pwned(6)">',
    "<svg onload=pwned(7)>",
    "<svg><script>pwned(8)</script></svg>",
    "<svg><animate onbegin=pwned(9) attributeName=x dur=1s>",
    "<body onload=pwned(10)>",
    "<iframe src=javascript:parent.pwned(11)></iframe>",
    "<iframe srcdoc='<script>parent.pwned(12)</script>'></iframe>",
    "<a href=javascript:pwned(13) autofocus onfocus=pwned(13)>x</a>",
    "<input autofocus onfocus=pwned(14)>",
    "<details open ontoggle=pwned(15)>x</details>",
    "<video><source onerror=pwned(16)></video>",
    "<math><mtext><img src=x onerror=pwned(17)></mtext></math>",
    "<object data=javascript:pwned(18)></object>",
    "<embed src=javascript:pwned(19)>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:pwned(21)'>",
    "<base href=//evil.example/>",
    "<form action=javascript:pwned(23)><button autofocus>x</button></form>",
    "<style>@import '//evil.example/x.css'</style>",
    "<div style='background:url(//evil.example/x)'>x</div>",
    "<template><script>pwned(26)</script></template><script>pwned(26)</script>",
    "'\"><script>pwned(27)</script>",
    "' onmouseover='pwned(28)",
    '" onfocus="pwned(29)" autofocus="',
    "</textarea><script>pwned(30)</script>",
    "</title><script>pwned(31)</script>",
    "</script><script>pwned(32)</script>",
    "--><script>pwned(33)</script>",
    "]]><script>pwned(34)</script>",
    "{{ pwned(35) }}{% raw %}<script>pwned(35)</script>",
    "${pwned(36)}`;pwned(36);//",
    "\\u003cscript\\u003epwned(37)\\u003c/script\\u003e",
    "&lt;script&gt;pwned(38)&lt;/script&gt;",
    "<div hx-get=/_emulator/health hx-trigger=load hx-on::after-request=pwned(39)>x</div>",
    "<div hx-on:load=pwned(40) data-hx-on-click=pwned(40)>x</div>",
    "\x1b]8;;javascript:pwned(41)\x07x\x1b]8;;\x07<script>pwned(41)</script>",
)


def test_there_are_forty() -> None:
    assert len(PAYLOADS) >= 40


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Watched:
    """A context that notes whatever is executed, and whatever is asked of others."""

    def __init__(self, browser: Browser) -> None:
        self.events: list[str] = []
        self.context: BrowserContext = browser.new_context()
        self.context.expose_function("pwned", lambda *args: self.events.append(f"executed {args}"))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE_S)
        self.page.on("dialog", lambda dialog: self.events.append(f"dialog {dialog.message}"))
        self.page.on("request", self._asked)
        # What the policy had to forbid was in the page already.
        self.page.on("console", self._said)

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).hostname != "localhost" and request.url.startswith("http"):
            self.events.append(request.url)

    def _said(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.events.append(message.text)

    def look_at(self, url: str, until: str = "main") -> None:
        self.page.goto(url)
        self.page.wait_for_selector(until)
        # Long enough for what runs by itself once the page is there.
        self.page.evaluate("() => new Promise(done => setTimeout(done, 120))")


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    found = Watched(browser)
    yield found
    found.context.close()
    assert found.events == []


def test_the_trap_works(browser: Browser) -> None:
    """A page without our care executes them: the trap would notice."""
    trap = Watched(browser)
    html = f"<!doctype html><main></main>{PAYLOADS[3]}{PAYLOADS[6]}"
    trap.page.route("http://localhost:1/", lambda r: r.fulfill(body=html, content_type="text/html"))
    trap.look_at("http://localhost:1/", "img")
    trap.context.close()
    assert sorted(trap.events) == ["executed (4,)", "executed (7,)"]


async def _shouts(runtime: Any) -> None:
    """A function that logs and answers its event, and fails with it where it is told to."""
    number = 0
    while True:
        request_id, body = await runtime.next()
        payload = json.loads(body)["payload"]
        number += 1
        runtime.print(payload)
        if number % 2:
            await runtime.respond(request_id, json.dumps({"answer": payload}).encode())
        else:
            error = json.dumps({"errorType": payload, "errorMessage": payload}).encode()
            await runtime.call("POST", f"invocation/{request_id}/error", error)


def hostile(recording: Recording) -> dict[str, Any]:
    """Return a record with a payload in every text it has."""
    record = recording.document()
    payloads = iter(PAYLOADS * 100)
    for each in (*record["environments"], *record["invocations"]):
        for name in ("function", "version", "runtime", "tenant_id"):
            if name in each:
                each[name] = next(payloads)
        if each.get("why"):
            each["why"] = {"cause": next(payloads), "sentence": next(payloads)}
        for name in ("ended_reason", "error_type", "reason", "initialization_type", "state"):
            if each.get(name) is not None:
                each[name] = next(payloads)
        if "status" in each:
            each["request_id"] = next(payloads)
        for phase in each["phases"]:
            phase["detail"] = next(payloads)
    for each in record["invocations"]:
        owner = record["environments"][each["id"] % len(record["environments"])]
        each.update({name: owner[name] for name in ("function", "version")})
    return record


def test_names_and_reasons_in_lanes_table_and_comparison(watched: Watched) -> None:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    record = hostile(small())
    page = watched.page
    try:
        page.route("**/_emulator/timeline?*", lambda route: route.fulfill(json=record))
        page.route("**/_emulator/timeline/follow*", lambda route: route.fulfill(body=""))
        environment = {
            **record["environments"][0],
            "imports": [
                {"module": each, "self_ms": 1, "total_ms": 1, "start_ms": 0} for each in PAYLOADS
            ],
        }
        details: dict[str, Any] = {}
        page.route("**/_emulator/invocations/*", lambda route: route.fulfill(json=details))
        for number, payload in enumerate(PAYLOADS):
            details |= {
                "invocation": {**record["invocations"][0], "cold": True},
                "attempts": [1, 2],
                "environment": environment,
                "event": payload,
                "event_cut": False,
                "answer": json.dumps({payload: payload}),
                "answer_cut": True,
                "log": [{"timestamp": 1, "message": each} for each in PAYLOADS],
            }
            if number % 8 == 0:
                name = quote(payload.replace("/", "|"), safe="")
                address = f"{running.url}/_emulator/ui/invocations/{name}"
                watched.look_at(address, ".detail")
            if number % 4 == 0:
                text = quote(payload)
                watched.look_at(f"{running.url}/_emulator/?text={text}&function={text}&view=table")
        watched.look_at(f"{running.url}/_emulator/?view=table&invocation=1", ".detail")
        rows = page.locator("#list tbody tr")
        # They come with the record, after the page and what it shows of one of them.
        rows.nth(len(record["invocations"]) - 1).wait_for(state="attached")
        assert rows.count() == len(record["invocations"])
        watched.look_at(f"{running.url}/_emulator/?view=spread", "#spread canvas")
        watched.look_at(f"{running.url}/_emulator/ui/compare", "#pane-a canvas")
        # Pointing makes tips of them.
        watched.look_at(f"{running.url}/_emulator/", "canvas.rows")
        box = page.locator("canvas.rows").bounding_box()
        assert box is not None
        for y in range(20, 400, 12):
            page.mouse.move(box["x"] + 520, box["y"] + y)
            page.mouse.move(box["x"] + 900, box["y"] + y)
    finally:
        running.stop()


def test_real_logs_events_answers_and_descriptions(watched: Watched, tmp_path: Path) -> None:
    running = Running(Settings(port=0, async_retry_scale=0.0001), driver=ScriptedDriver(_shouts))
    client, sqs = running.client("lambda"), running.client("sqs")
    base = f"{running.url}/_emulator"
    try:
        create(client, "shouts", Description=PAYLOADS[3])
        queue = sqs.create_queue(QueueName="shouts")["QueueUrl"]
        for payload in PAYLOADS:
            event = json.dumps({"payload": payload}).encode()
            client.invoke(FunctionName="shouts", Payload=event)["Payload"].read()
            if "\x1b" not in payload:
                sqs.send_message(QueueUrl=queue, MessageBody=payload)
        for payload in PAYLOADS[:6]:
            event = json.dumps({"payload": payload}).encode()
            client.invoke(FunctionName="shouts", InvocationType="Event", Payload=event)
        watched.look_at(f"{base}/ui/functions")
        assert PAYLOADS[3] in watched.page.locator("main").inner_text()
        watched.look_at(f"{base}/ui/queues/messages?arn=arn:aws:sqs:us-east-1:000000000000:shouts")
        assert PAYLOADS[0] in watched.page.locator("main").inner_text()
        watched.look_at(f"{base}/ui/events")
        watched.look_at(
            f"{base}/ui/console?function={quote(PAYLOADS[28])}&payload={quote(PAYLOADS[29])}"
        )
        watched.page.fill("textarea", json.dumps({"payload": PAYLOADS[5]}))
        watched.page.click("button[type=submit]")
        watched.page.wait_for_selector("#outcome pre")
        for payload in PAYLOADS[::4]:
            watched.look_at(f"{base}/ui/{quote(payload, safe='')}")
        newest = watched.page.request.get(f"{base}/invocations?limit=20").json()["invocations"]
        for each in newest[:6]:
            watched.look_at(f"{base}/ui/invocations/{each['id']}", ".detail")
        file = tmp_path / "timeline.html"
        file.write_bytes(watched.page.request.get(f"{base}/ui/export").body())
        watched.look_at(f"file://{file}?view=table&invocation={newest[0]['id']}", ".detail")
        watched.page.locator("#list tbody tr").nth(len(PAYLOADS)).wait_for(state="attached")
    finally:
        running.stop()
