"""REST APIs over HTTP: throttles, quotas, access logs, bytes and texts, answers that stream."""

from __future__ import annotations

import asyncio
import base64
import gzip
import http.client
import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.model.jumping_clock import JumpingClock
from emulator.services.apigateway import bounded
from emulator.testing import FakeClock
from tests.api.conftest import Running
from tests.api.rest_site import INVOKED, Site, mock, proxy, service
from tests.patience import until

GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:rest"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    site.running.client("logs").create_log_group(logGroupName="rest")
    yield site
    site.running.stop()


@pytest.fixture(autouse=True)
def usual(site: Site) -> None:
    site.reply, site.error, site.script = {"statusCode": 200, "body": "ok"}, False, None


def patch(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def log_of(site: Site, api_id: str, form: str) -> None:
    operations = [
        patch("/accessLogSettings/destinationArn", GROUP),
        patch("/accessLogSettings/format", form),
    ]
    site.api.update_stage(restApiId=api_id, stageName="dev", patchOperations=operations)


def lines_of(site: Site, api_id: str) -> list[Any]:
    found = site.running.client("logs").filter_log_events(logGroupName="rest")["events"]
    lines = [json.loads(each["message"]) for each in found]
    return [each for each in lines if each["api"] == api_id]


def test_access_logs_say_what_came_of_a_request(site: Site) -> None:
    form = (
        '{"api":"$context.apiId","id":"$context.requestId","at":"$context.requestTime",'
        '"method":"$context.httpMethod","path":"$context.resourcePath","status":$context.status,'
        '"length":$context.responseLength,"ip":"$context.identity.sourceIp",'
        '"error":"$context.error.responseType","said":$context.error.messageString,'
        '"integration":"$context.integration.status","latency":"$context.integrationLatency",'
        '"all":$context.responseLatency,"stage":"$context.stage"}'
    )
    form = form.replace("$context.error.messageString", '"$context.error.message"')
    api_id = site.build({"/x/{id}": {"get": proxy()}})
    log_of(site, api_id, form)
    answer = site.call(api_id, "/dev/x/7")
    site.reply = "no response"
    assert site.call(api_id, "/dev/x/7").status == 502
    assert site.call(api_id, "/dev/nowhere").status == 403
    fine, broken, lost = lines_of(site, api_id)
    assert fine.pop("at").endswith("+0000")
    assert fine.pop("all") >= int(fine.pop("latency"))
    assert fine == {
        "api": api_id, "id": answer.headers["x-amzn-requestid"], "method": "GET",
        "path": "/x/{id}", "status": 200, "length": 2, "ip": "127.0.0.1", "error": "-",
        "said": "-", "integration": "200", "stage": "dev",
    }  # fmt: skip
    assert (broken["status"], broken["said"]) == (502, "Internal server error")
    assert (lost["status"], lost["error"], lost["path"], lost["latency"]) == (
        403, "MISSING_AUTHENTICATION_TOKEN", "-", "-",
    )  # fmt: skip


def keyed(site: Site, **plan: Any) -> tuple[str, str]:
    """Return an API and a key whose plan is for it."""
    api_id = site.build(
        {"/x": {"get": {**mock(), "security": [{"key": []}]}}},
        securityDefinitions={"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
    )
    stages = [{"apiId": api_id, "stage": "dev", "throttle": plan.pop("methods", {})}]
    key = site.api.create_api_key(name="k", enabled=True)
    made = site.api.create_usage_plan(name="p", apiStages=stages, **plan)["id"]
    site.api.create_usage_plan_key(usagePlanId=made, keyId=key["id"], keyType="API_KEY")
    return api_id, key["value"]


def statuses(site: Site, api_id: str, key: str, count: int) -> list[int]:
    return [site.call(api_id, "/dev/x", x_api_key=key).status for _ in range(count)]


def test_a_plan_throttles_its_keys(site: Site) -> None:
    api_id, key = keyed(site, throttle={"rateLimit": 0.001, "burstLimit": 2})
    assert statuses(site, api_id, key, 3) == [200, 200, 429]
    assert site.call(api_id, "/dev/x", x_api_key=key).json == {"message": "Too Many Requests"}


def test_a_plan_throttles_methods(site: Site) -> None:
    methods = {"/x/GET": {"rateLimit": 0.001, "burstLimit": 1}}
    api_id, key = keyed(site, methods=methods)
    assert statuses(site, api_id, key, 2) == [200, 429]


def test_a_key_that_is_changed_is_found_as_it_is_now(site: Site) -> None:
    api_id, key = keyed(site)
    found = site.api.get_api_keys(includeValues=True)["items"]
    key_id = next(each["id"] for each in found if each["value"] == key)
    assert statuses(site, api_id, key, 1) == [200]
    site.api.update_api_key(apiKey=key_id, patchOperations=[patch("/enabled", "false")])
    assert statuses(site, api_id, key, 1) == [403]
    site.api.update_api_key(apiKey=key_id, patchOperations=[patch("/enabled", "true")])
    assert statuses(site, api_id, key, 1) == [200]
    site.api.delete_api_key(apiKey=key_id)
    assert statuses(site, api_id, key, 1) == [403]


class _Days(FakeClock):
    """A clock whose days pass without what falls due on them."""

    def pass_day(self) -> None:
        self._epoch += 86_400


def test_a_quota_begins_anew_with_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Days()
    monkeypatch.setattr(Running, "run_loop", staticmethod(asyncio.run))
    site = Site({"clock": clock})
    try:
        api_id, key = keyed(site, quota={"limit": 2, "period": "DAY"})
        assert statuses(site, api_id, key, 3) == [200, 200, 429]
        clock.pass_day()
        assert statuses(site, api_id, key, 1) == [200]
    finally:
        site.running.stop()


def test_a_stage_throttles_its_methods(site: Site) -> None:
    api_id = site.build({"/x": {"get": mock()}, "/y": {"get": mock()}})
    operations = [
        patch("/~1x/GET/throttling/rateLimit", "0.001"),
        patch("/~1x/GET/throttling/burstLimit", "1"),
    ]
    site.api.update_stage(restApiId=api_id, stageName="dev", patchOperations=operations)
    answers = [site.call(api_id, "/dev/x") for _ in range(2)]
    assert [each.status for each in answers] == [200, 429]
    assert answers[1].json == {"message": "Too Many Requests"}
    assert answers[1].headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert [site.call(api_id, "/dev/y").status for _ in range(3)] == [200] * 3


PNG = bytes(range(256))


@pytest.mark.parametrize(
    ("request_handling", "response_handling", "seen"),
    [
        # Bytes become a text, and the text in base64 that comes back becomes bytes.
        ("CONVERT_TO_TEXT", "CONVERT_TO_BINARY", base64.b64encode(PNG)),
        (None, "CONVERT_TO_BINARY", PNG),
    ],
)
def test_bodies_are_converted(
    site: Site, request_handling: str | None, response_handling: str, seen: bytes
) -> None:
    endpoint = Endpoint()
    endpoint.reply = base64.b64encode(PNG)
    integration: dict[str, Any] = {
        "type": "http", "httpMethod": "POST", "uri": endpoint.url,
        "passthroughBehavior": "when_no_match",
        "responses": {
            "default": {"statusCode": "200", "contentHandling": response_handling},
        },
    }  # fmt: skip
    if request_handling:
        integration["contentHandling"] = request_handling
    method = {
        "responses": {"200": {"description": ""}},
        "x-amazon-apigateway-integration": integration,
    }
    api_id = site.build(
        {"/": {"post": method}}, **{"x-amazon-apigateway-binary-media-types": ["image/*"]}
    )
    try:
        answer = site.call(
            api_id, "/dev/", "POST", PNG, content_type="image/png", accept="image/png"
        )
    finally:
        endpoint.close()
    assert endpoint.bodies == [seen]
    assert (answer.status, answer.body) == (200, PNG)


class Endpoint:
    """An HTTP endpoint that answers with what ``reply`` says, or part by part."""

    def __init__(self) -> None:
        outer = self
        self.reply = b""
        self.bodies: list[bytes] = []
        #: Parts of a body; each waits until it may go.
        self.parts: list[tuple[bytes, threading.Event]] = []
        self.breaks = False

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer.bodies.append(self.rfile.read(length))
                self.send_response(200)
                if outer.parts:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for part, go in outer.parts:
                        go.wait(60)
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                    if not outer.breaks:
                        self.wfile.write(b"0\r\n\r\n")
                    self.close_connection = True
                    return
                self.send_header("Content-Length", str(len(outer.reply)))
                self.end_headers()
                self.wfile.write(outer.reply)

            do_GET = do_POST

            def log_message(self, *given: Any) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def streaming(site: Site, endpoint: Endpoint) -> str:
    integration = {
        "type": "http_proxy", "httpMethod": "GET", "uri": endpoint.url,
        "responseTransferMode": "STREAM",
    }  # fmt: skip
    return site.build({"/": {"get": {"x-amazon-apigateway-integration": integration}}})


def test_an_endpoint_s_answer_streams_through(site: Site, endpoint: Endpoint) -> None:
    first, second = threading.Event(), threading.Event()
    # More than a buffered answer may have.
    endpoint.parts = [(b"one", first), (b"x" * 11 * 1024 * 1024, second)]
    api_id = streaming(site, endpoint)
    connection = http.client.HTTPConnection("localhost", site.running.emulator.port, timeout=60)
    connection.request("GET", "/dev/", headers={"Host": f"{api_id}.execute-api.localhost"})
    first.set()
    answer = connection.getresponse()
    assert answer.read(3) == b"one"
    second.set()
    assert len(answer.read()) == 11 * 1024 * 1024
    connection.close()


def test_an_endpoint_that_breaks_off_cuts_the_answer(site: Site, endpoint: Endpoint) -> None:
    go = threading.Event()
    go.set()
    endpoint.parts, endpoint.breaks = [(b"one", go)], True
    with pytest.raises(http.client.IncompleteRead):
        site.call(streaming(site, endpoint), "/dev/")


@pytest.fixture
def ahead() -> Iterator[tuple[Site, JumpingClock]]:
    """A site of its own, and its clock."""
    clock = JumpingClock()
    site = Site({"clock": clock})
    site.reply = {"statusCode": 200, "body": "ok"}
    yield site, clock
    site.running.stop()


def test_a_template_that_never_ends_stops_nobody(
    ahead: tuple[Site, JumpingClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, clock = ahead
    state = site.running.call(lambda: site.running.emulator.table.state("apigateway"))
    state.bounded = bounded.BoundedWorker(clock)
    monkeypatch.setattr(bounded, "PATIENCE_S", 3600.0)
    loops = "#foreach($a in $input.path('$'))" * 5 + "x" + "#end" * 5
    hostile = site.build({"/": {"post": mock(loops)}})
    api_id = site.build({"/": {"get": proxy()}})
    listed = site.build(
        {"/": {"post": mock('{"statusCode": #foreach($n in $input.path("$"))$n#end}')}}
    )
    assert site.call(listed, "/dev/", "POST", "[2,0,0]").status == 200
    answers: list[Any] = []
    body = json.dumps(list(range(900)))
    calling = threading.Thread(
        target=lambda: answers.append(site.call(hostile, "/dev/", "POST", body))
    )
    calling.start()
    assert [site.call(api_id, "/dev/").status for _ in range(4)] == [200] * 4
    assert not answers

    def is_over() -> bool:
        site.running.call(lambda: clock.jump(bounded.PATIENCE_S))
        return not calling.is_alive()

    until(is_over)
    calling.join()
    assert (answers[0].status, answers[0].json) == (500, {"message": "Internal server error"})


def test_a_jump_ends_no_work_under_way(
    ahead: tuple[Site, JumpingClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, clock = ahead
    monkeypatch.setattr(bounded, "PATIENCE_S", 3600.0)

    async def jump_while_it_works() -> Any:
        worker = (await site.running.emulator.table.state("apigateway")).bounded
        job = {"do": "match", "pattern": "(a|b)*", "text": "ab"}
        await worker.ask(job)
        os.kill(worker._process.pid, signal.SIGSTOP)
        working = asyncio.ensure_future(worker.ask(job))
        await asyncio.sleep(0)
        clock.jump(2 * bounded.PATIENCE_S)
        for _ in range(9):
            await asyncio.sleep(0.01)
        os.kill(worker._process.pid, signal.SIGCONT)
        return await working

    assert site.running.call(jump_while_it_works) == {"found": True}


def test_a_validation_expression_that_never_ends_refuses(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "type": "token", "authorizerUri": INVOKED, "identityValidationExpression": "(a|a)*b",
    }  # fmt: skip
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": given,
    }  # fmt: skip
    api_id = site.build(
        {"/x": {"get": {**proxy(), "security": [{"mine": []}]}}},
        securityDefinitions={"mine": scheme},
    )
    with monkeypatch.context() as impatient:
        impatient.setattr(bounded, "PATIENCE_S", 0.5)
        assert site.call(api_id, "/dev/x", authorization="a" * 64).status == 500
    assert site.call(api_id, "/dev/x", authorization="c").status == 401


def test_an_integration_asks_the_endpoint_that_is_attached(site: Site) -> None:
    site.running.client("dynamodb").create_table(
        TableName="there",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    other = Site(engines={"dynamodb": site.running.url})
    try:
        api_id = other.build({"/": {"post": service("dynamodb:action/PutItem")}})
        item = {"TableName": "there", "Item": {"id": {"S": "1"}}}
        assert other.call(api_id, "/dev/", "POST", json.dumps(item)).status == 200
        lost = other.call(api_id, "/dev/", "POST", json.dumps({**item, "TableName": "nowhere"}))
        assert b"ResourceNotFoundException" in lost.body
    finally:
        other.running.stop()
    found = site.running.client("dynamodb").scan(TableName="there")["Items"]
    assert found == [{"id": {"S": "1"}}]


def test_bodies_are_compressed_from_the_api_s_minimum_on(site: Site) -> None:
    api_id = site.build(
        {"/": {"post": proxy()}}, **{"x-amazon-apigateway-minimum-compression-size": 10}
    )
    site.reply = {"statusCode": 200, "body": "x" * 100}
    sent = gzip.compress(b'{"a": 1}')
    answer = site.call(
        api_id, "/dev/", "POST", sent, content_encoding="gzip", accept_encoding="br, gzip"
    )
    assert site.event["body"] == '{"a": 1}'
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"x" * 100
    plain = site.call(api_id, "/dev/", "POST", b"{}")
    assert (plain.body, "content-encoding" in plain.headers) == (b"x" * 100, False)
    site.reply = {"statusCode": 200, "body": "x"}
    small = site.call(api_id, "/dev/", "POST", b"{}", accept_encoding="gzip")
    assert (small.body, "content-encoding" in small.headers) == (b"x", False)
    bomb = gzip.compress(b"0" * (11 * 1024 * 1024))
    assert site.call(api_id, "/dev/", "POST", bomb, content_encoding="gzip").status == 400
    assert site.call(api_id, "/dev/", "POST", b"no gzip", content_encoding="gzip").status == 400
