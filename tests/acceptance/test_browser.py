"""A real browser on a page of another site: whatever the page tries, no function runs."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.browser import chromium, new_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Every way a page has to send something to another origin without asking it first.
_ATTACK = """
async ([target, name]) => {
  const invoke = `${target}/2015-03-31/functions/${name}/invocations`
  const tries = [
    fetch(invoke, {method: "POST", body: "{}", mode: "no-cors"}),
    fetch(invoke, {method: "POST", body: "{}", headers: {"content-type": "application/json"}}),
    fetch(invoke, {method: "POST", body: "{}", credentials: "include"}),
    fetch(`${target}/_emulator/shutdown`, {method: "POST", mode: "no-cors"}),
    fetch(`${target}/`, {method: "POST", body: "Action=CreateQueue&QueueName=evil",
      headers: {"content-type": "application/x-www-form-urlencoded"}, mode: "no-cors"}),
    new Promise(done => { const image = new Image(); image.onload = image.onerror = done
      image.src = `${target}/?Action=CreateQueue&QueueName=evil` }),
    new Promise(done => { const socket = new WebSocket(invoke.replace("http", "ws"))
      socket.onerror = socket.onclose = done }),
    new Promise(done => { const frame = document.createElement("iframe"); frame.name = "sink"
      frame.onload = done; document.body.append(frame)
      const form = document.createElement("form"); form.action = invoke; form.method = "POST"
      form.target = "sink"; form.enctype = "text/plain"
      const field = document.createElement("input"); field.name = '{"a'; field.value = '": 1}'
      form.append(field); document.body.append(form); form.submit() }),
  ]
  navigator.sendBeacon(invoke, "{}")
  const ended = await Promise.allSettled(tries)
  return ended[1].status
}
"""


pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield new_page(browser)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another web server on this machine, with an empty page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("site", ["127.0.0.1", "localhost", "evil.localhost"])
def test_a_page_of_another_site_runs_nothing(page: Page, elsewhere: int, site: str) -> None:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    try:
        create(running.client("lambda"))
        page.goto(f"http://{site}:{elsewhere}/")
        assert page.evaluate(_ATTACK, [running.url, "hello"]) == "rejected"
        assert running.scripted_driver.sandboxes == []
        assert running.client("sqs").list_queues().get("QueueUrls", []) == []
    finally:
        running.stop()


def test_a_page_that_is_allowed_runs_it(page: Page, elsewhere: int) -> None:
    """The same page reaches the function once its origin is allowed: the attack is a real one."""
    origin = f"http://localhost:{elsewhere}"
    running = Running(Settings(port=0, allow_origins=(origin,)), driver=ScriptedDriver())
    try:
        create(running.client("lambda"))
        page.goto(origin)
        page.evaluate(_ATTACK.replace("/_emulator/shutdown", "/"), [running.url, "hello"])
        assert len(running.scripted_driver.sandboxes) > 0
    finally:
        running.stop()
