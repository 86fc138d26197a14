"""What routes of HTTP APIs lead to besides functions, how requests change, and what is late."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.testing import FakeClock
from tests.api.conftest import Running
from tests.api.http_site import ApiSite

ECHO = "arn:aws:lambda:us-east-1:000000000000:function:echo"
ROLE = "arn:aws:iam::000000000000:role/r"


class Backend:
    """An HTTP endpoint that answers what it was asked."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                shown = {
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": self.rfile.read(size).decode(),
                }
                body = json.dumps(shown).encode()
                self.send_response(203)
                self.send_header("X-Own", "backend")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *given: Any) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    backend = Backend()
    yield backend
    backend.server.shutdown()
    backend.server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[ApiSite]:
    site = ApiSite()
    site.function("echo")
    yield site
    site.stop()


def lead(site: ApiSite, api_id: str, key: str, **fields: Any) -> None:
    """Let a route lead to an integration."""
    made = site.api.create_integration(ApiId=api_id, **fields)["IntegrationId"]
    site.api.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{made}")


def test_requests_go_on_to_an_endpoint(site: ApiSite, backend: Backend) -> None:
    api_id = site.http_api("proxy")
    lead(
        site,
        api_id,
        "ANY /go/{proxy+}",
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="ANY",
        IntegrationUri=f"{backend.url}/base/{{proxy}}",
    )
    site.stage(api_id)
    headers = {"X-Sent": "1", "Content-Type": "text/plain"}
    answer = site.call(api_id, "/go/a/b?x=1&y=2", "POST", b"hi", headers)
    assert (answer.status, answer.headers["x-own"]) == (203, "backend")
    seen = answer.json
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/base/a/b?x=1&y=2", "hi")
    assert seen["headers"]["x-sent"] == "1"
    assert seen["headers"]["host"] == backend.url.removeprefix("http://")
    assert "for=127.0.0.1" in seen["headers"]["forwarded"]


def test_an_endpoint_that_is_not_there(site: ApiSite) -> None:
    api_id = site.http_api("nowhere")
    lead(
        site,
        api_id,
        "$default",
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri="http://127.0.0.1:1/",
    )
    site.stage(api_id)
    answer = site.call(api_id)
    assert (answer.status, answer.json) == (503, {"message": "Service Unavailable"})


def test_parameters_are_mapped(site: ApiSite, backend: Backend) -> None:
    api_id = site.http_api("mapped")
    lead(
        site,
        api_id,
        "POST /m/{id}",
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="PUT",
        IntegrationUri=f"{backend.url}/old",
        RequestParameters={
            "overwrite:path": "/new/$request.path.id",
            "append:header.x-body": "$request.body.a.b[1]",
            "overwrite:header.x-sent": "${request.header.x-sent}-$context.stage",
            "remove:header.x-gone": "",
            "append:querystring.q": "$request.querystring.x",
            "append:querystring.v": "$stageVariables.v",
            "append:header.x-nothing": "$request.header.nothing",
        },
        ResponseParameters={
            "203": {
                "overwrite:statuscode": "299",
                "append:header.x-added": "$response.header.x-own",
                "append:header.x-method": "$response.body.method",
                "remove:header.x-own": "",
            }
        },
    )
    site.stage(api_id, StageVariables={"v": "variable"})
    answer = site.call(
        api_id,
        "/m/7?x=1",
        "POST",
        b'{"a": {"b": [1, "two"]}}',
        {"X-Sent": "s", "X-Gone": "g"},
    )
    seen = answer.json
    assert (seen["method"], seen["path"]) == ("PUT", "/new/7?x=1&q=1&v=variable")
    assert seen["headers"]["x-body"] == "two"
    assert seen["headers"]["x-sent"] == "s-$default"
    assert not {"x-gone", "x-nothing"} & seen["headers"].keys()
    assert answer.status == 299
    assert (answer.headers["x-added"], answer.headers["x-method"]) == ("backend", "PUT")
    assert "x-own" not in answer.headers


def test_parameters_of_functions_are_mapped(site: ApiSite) -> None:
    api_id = site.http_api("mapped-function")
    lead(
        site,
        api_id,
        "GET /a",
        IntegrationType="AWS_PROXY",
        IntegrationUri=ECHO,
        PayloadFormatVersion="2.0",
        RequestParameters={
            "append:header.x-added": "yes",
            "overwrite:querystring.x": "2",
            "overwrite:path": "/b",
        },
    )
    site.stage(api_id)
    event = site.call(api_id, "/a?x=1").json
    assert event["headers"]["x-added"] == "yes"
    assert event["rawQueryString"] == "x=2"
    assert event["rawPath"] == "/b"


def test_a_route_may_lead_to_a_queue(site: ApiSite) -> None:
    queues = site.running.client("sqs")
    url = queues.create_queue(QueueName="from-http")["QueueUrl"]
    api_id = site.http_api("queue")
    lead(
        site,
        api_id,
        "POST /send",
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="SQS-SendMessage",
        CredentialsArn=ROLE,
        RequestParameters={
            "QueueUrl": url,
            "MessageBody": "$request.body.text",
            "MessageAttributes": '{"who": {"DataType": "String", "StringValue": "you"}}',
        },
    )
    site.stage(api_id)
    answer = site.call(api_id, "/send", "POST", b'{"text": "hi"}')
    assert answer.status == 200
    (message,) = queues.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["Body"] == "hi"
    assert message["MessageAttributes"]["who"]["StringValue"] == "you"
    assert answer.json["MessageId"] == message["MessageId"]
    refused = site.call(api_id, "/send", "POST", b"{}")
    assert refused.status == 400
    queues.close()


def test_routes_may_lead_to_buses_and_streams(site: ApiSite) -> None:
    streams = site.running.client("kinesis")
    streams.create_stream(StreamName="from-http", ShardCount=1)
    api_id = site.http_api("others")
    lead(
        site,
        api_id,
        "POST /bus",
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="EventBridge-PutEvents",
        CredentialsArn=ROLE,
        RequestParameters={
            "Source": "me",
            "DetailType": "$request.body.kind",
            "Detail": "$request.body",
        },
    )
    lead(
        site,
        api_id,
        "POST /stream",
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="Kinesis-PutRecord",
        CredentialsArn=ROLE,
        RequestParameters={
            "StreamName": "from-http",
            "Data": "$request.body.data",
            "PartitionKey": "p",
        },
    )
    site.stage(api_id)
    answer = site.call(api_id, "/bus", "POST", b'{"kind": "k"}')
    assert (answer.status, answer.json["FailedEntryCount"]) == (200, 0)
    answer = site.call(api_id, "/stream", "POST", b'{"data": "aGk="}')
    assert (answer.status, answer.json["ShardId"]) == (200, "shardId-000000000000")
    streams.close()


def test_a_late_function_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, entered, go = FakeClock(), threading.Event(), threading.Event()
    monkeypatch.setattr(Running, "run_loop", staticmethod(asyncio.run))
    site = ApiSite(parts={"clock": clock})
    try:
        site.function("late")
        api_id = site.http_api("late")
        site.route(api_id, "$default", ECHO.replace("echo", "late"))
        site.stage(api_id)
        site.hold["late"] = (entered, go)
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(site.call(api_id)))
        thread.start()
        assert entered.wait(60)
        site.running.call(lambda: clock.advance(29.9))
        assert not answers
        site.running.call(lambda: clock.advance(0.2))
        thread.join(60)
        assert (answers[0].status, answers[0].json) == (503, {"message": "Service Unavailable"})
        go.set()
    finally:
        go.set()
        site.stop()


@pytest.mark.parametrize(
    "path", ["/_emulator/health", "/%5Femulator/health", "/_localstack/health"]
)
def test_the_admin_api_is_reached_by_no_integration(site: ApiSite, path: str) -> None:
    """Functions may make APIs: what an API asks of the emulator is not asked by its user."""
    health = f"{site.running.url}{path}"
    api_id = site.http_api(f"inwards {path}")
    lead(
        site,
        api_id,
        "GET /health",
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri=health,
        PayloadFormatVersion="1.0",
    )
    site.stage(api_id)
    assert site.call(api_id, "/health").status == 403
    with urllib.request.urlopen(health, timeout=60) as answer:
        assert answer.status == 200
