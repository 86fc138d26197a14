"""The dashboard, over HTTP. What a browser makes of it: tests/acceptance/test_dashboard.py."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from urllib.parse import quote, urlencode

import pytest

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_admin import ask
from tests.patience import until

PAGES = (
    "",
    "ui/compare",
    "ui/functions",
    "ui/queues",
    "ui/flow",
    "ui/workflows",
    "ui/events",
    "ui/console",
    "ui/invocations/x",
)


def page(running: Running, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    status, found, body = ask(running, f"/_emulator/{path}", headers=headers)
    return status, {key.lower(): value for key, value in found.items()}, body.decode()


def post(running: Running, path: str, **fields: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("localhost", running.emulator.port, timeout=60)
    connection.request(
        "POST",
        f"/_emulator/{path}",
        urlencode(fields),
        {"HX-Request": "true", "Origin": running.url},
    )
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_foreign_and_inline_scripts(scripted: Running, path: str) -> None:
    status, headers, text = page(scripted, path)
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    # The policy would forbid what a page must not have in the first place.
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"""(?:src|href)=["']https?://""", text)


def test_pages_answer_to_this_emulator_alone(scripted: Running) -> None:
    assert page(scripted, "", Host="evil.example")[0] == 403
    assert page(scripted, "ui/functions", Origin="https://evil.example")[0] == 403
    assert page(scripted, "", **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_a_browser_at_the_bare_address_is_led_to_the_dashboard(scripted: Running) -> None:
    asks = {"Accept": "text/html,application/xhtml+xml"}
    status, headers, _ = ask(scripted, "/", headers=asks)
    assert (status, headers["location"]) == (307, "/_emulator/")
    assert ask(scripted, "/_emulator")[0] == 308
    # A bucket's page, an SDK and a query are none of ours.
    host = {"Host": f"photos.localhost:{scripted.emulator.port}"}
    assert ask(scripted, "/", headers={**asks, **host})[0] != 307
    assert ask(scripted, "/", headers={"Accept": "*/*"})[0] != 307
    assert ask(scripted, "/?Action=ListQueues", headers=asks)[0] != 307


def test_scripts_and_styles_are_asked_for_again_and_kept(scripted: Running) -> None:
    _, _, text = page(scripted, "")
    found = re.findall(r'(?:src|href)="(/_emulator/ui/static/[^"]+)"', text)
    assert len(found) >= 4
    for address in found:
        status, headers, body = ask(scripted, address)
        assert (status, bool(body)) == (200, True), address
        # By its stamp it is what it will ever be; another stamp's file may have changed.
        assert ("immutable" in headers["cache-control"]) == ("?" in address)
        assert ask(scripted, address.partition("?")[0] + "?x")[1]["cache-control"] == "no-cache"
        again, _, nothing = ask(scripted, address, headers={"If-None-Match": headers["etag"]})
        assert (again, nothing) == (304, b"")


@pytest.mark.parametrize(
    "name",
    ["../application.py", "..%2fapplication.py", "nothing.js", "vendor", "vendor/NOTICE", "/"],
)
def test_only_the_pages_own_files_are_given(scripted: Running, name: str) -> None:
    assert page(scripted, f"ui/static/{name}")[0] == 404


def test_what_is_not_there_is_a_page_that_says_so(scripted: Running) -> None:
    status, _, text = page(scripted, "ui/nothing")
    assert status == 404
    assert "There is no page" in text
    assert ask(scripted, "/_emulator/ui/functions", "POST")[0] == 405
    assert ask(scripted, "/_emulator/ui/console?" + "&".join("a=1" for _ in range(300)))[0] == 400
    assert page(scripted, "ui/queues/messages?arn=arn:aws:sqs:us-east-1:0:none")[0] == 404


def test_functions_show_their_pools(scripted: Running) -> None:
    assert "No functions yet" in page(scripted, "ui/functions")[2]
    client = scripted.client("lambda")
    create(client, "hello", Description="says <b>hello</b>")
    assert "none: the next call is cold" in page(scripted, "ui/functions")[2]
    client.invoke(FunctionName="hello", Payload=b"{}")
    status, _, text = page(scripted, "ui/functions", **{"HX-Request": "true"})
    assert status == 200
    assert "<html" not in text
    assert "1 idle" in text
    assert "says &lt;b&gt;hello&lt;/b&gt;" in text


def test_queues_show_messages_and_where_dead_letters_go(scripted: Running) -> None:
    assert "No queues yet" in page(scripted, "ui/queues")[2]
    sqs = scripted.client("sqs")
    dead = sqs.create_queue(QueueName="orders-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    orders = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=orders, MessageBody="<i>red</i>")
    text = page(scripted, "ui/queues")[2]
    assert "after 3 receives" in text
    shown = page(scripted, f"ui/queues/messages?arn={quote(arn.removesuffix('-dead'))}")[2]
    assert "&lt;i&gt;red&lt;/i&gt;" in shown
    assert "1 ready" in shown
    # Looking has received nothing.
    assert "received 0 ×" in shown


async def fails(runtime: RuntimeClient) -> None:
    """A function that fails, until it is told to succeed."""
    while True:
        request_id, body = await runtime.next()
        if body == b'"succeed"':
            await runtime.respond(request_id, b"null")
        else:
            error = b'{"errorType": "Bad", "errorMessage": "<b>no</b>"}'
            await runtime.call("POST", f"invocation/{request_id}/error", error)


def wait_for(running: Running, path: str, text: str) -> str:
    return str(until(lambda: page(running, path)[2], lambda found: text in found))


def test_events_are_shown_with_their_retries_and_run_again() -> None:
    settings = Settings(port=0, transition_seconds=0, async_retry_scale=1e-6)
    running = Running(settings, driver=ScriptedDriver(fails))
    try:
        assert "No asynchronous events yet" in page(running, "ui/events")[2]
        assert post(running, "ui/events/replay", request_id="none")[0] == 404
        client = running.client("lambda")
        create(client)
        client.invoke(FunctionName="hello", InvocationType="Event", Payload=b'"succeed"')
        wait_for(running, "ui/events", "1 succeeded")
        client.invoke(FunctionName="hello", InvocationType="Event", Payload=b'{"a": "<i>"}')
        text = wait_for(running, "ui/events", "RetriesExhausted")
        assert "3 attempts" in text
        assert "&lt;b&gt;no" in text
        assert "&lt;i&gt;" in text
        found = re.search(r'name="request_id" value="([^"]+)"', text)
        assert found
        assert post(running, "ui/events/replay", request_id=found[1])[0] == 200
        wait_for(running, "ui/events", "2 ran out of retries")
    finally:
        running.stop()


def test_the_console_sends_events(scripted: Running) -> None:
    create(scripted.client("lambda"))
    assert "hello" in page(scripted, "ui/console")[2]
    status, text = post(scripted, "ui/console", function="hello", payload='{"a": "<b>"}')
    assert status == 200
    assert "succeeded" in text
    assert "&lt;b&gt;" in text
    assert "REPORT RequestId" in text
    _, text = post(scripted, "ui/console", function="hello", payload="{}", kind="Event")
    assert "accepted" in text
    _, text = post(scripted, "ui/console", function="other", payload="{}")
    assert "ResourceNotFoundException" in text
    _, text = post(scripted, "ui/console", function="hello", payload="{")
    assert "InvalidRequestContentException" in text
    assert post(scripted, "ui/console", function="", payload="")[0] == 400
    assert post(scripted, "ui/console", function="hello", kind="Sometimes")[0] == 400
    assert post(scripted, "ui/console", function="arn:aws:x", payload="")[0] == 400


def test_sample_events_are_json(scripted: Running) -> None:
    create(scripted.client("lambda"))
    _, _, text = page(scripted, "ui/console")
    titles = re.findall(r'<option value="([^"]+)">\1<', text)
    assert len(titles) >= 10
    for title in titles:
        assert json.loads(page(scripted, f"ui/console/sample?title={quote(title)}")[2]), title
    assert page(scripted, "ui/console/sample?title=none")[0] == 404


def test_templates_are_loaded_for_nobody_but_a_page() -> None:
    names = "{'jinja2', 'emulator.edge.dashboard'}"
    code = f"import sys, emulator.app; print(bool({names} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
    code = (
        "import sys, emulator.edge.dashboard.application\n"
        "pages = [each for each in sys.modules if '.edge.dashboard.pages' in each]\n"
        "print('fastapi' in sys.modules, pages)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False []"


def test_nothing_of_the_page_holds_up_its_first_paint_but_one_style(scripted: Running) -> None:
    _, _, text = page(scripted, "")
    assert len(re.findall(r'<link rel="stylesheet"', text)) == 1
    assert len(text) <= 20_000
    scripts = re.findall(r"<script[^>]*>", text)
    assert scripts
    assert all(" defer" in each for each in scripts)
    # The library of curves is loaded with the first ones.
    assert "uPlot" not in text
