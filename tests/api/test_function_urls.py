"""Function URLs serve: payload format 2.0 both ways, CORS, streams."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.services.lambda_.access.urls import url_id
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_streaming import PRELUDE, Writer

NULS = b"\x00" * 8


class Site:
    """An emulator with one function behind a URL; ``reply`` is what the function returns."""

    def __init__(self) -> None:
        self.driver = ScriptedDriver(self._serve)
        self.running = Running(Settings(port=0, transition_seconds=0), driver=self.driver)
        self.client = self.running.client("lambda")
        #: The event of the last invocation.
        self.event: dict[str, Any] = {}
        #: The result, as bytes or to be made JSON; None echoes the event.
        self.reply: Any = None
        self.script: Callable[[Writer, RuntimeClient], Awaitable[Any]] | None = None
        self.invokes = 0
        self.go = asyncio.Event()
        create(self.client, Runtime="nodejs22.x", Timeout=30)

    async def _serve(self, runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            self.invokes += 1
            self.event = json.loads(payload)
            if self.script is not None:
                await self.script(Writer(runtime, request_id), runtime)
                continue
            reply = payload if self.reply is None else self.reply
            body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            kind = {"Content-Type": "application/json"}
            await runtime.call("POST", f"invocation/{request_id}/response", body, kind)

    def publish(self, **fields: Any) -> str:
        """Give the function a URL; returns its host."""
        request = {"FunctionName": "hello", "AuthType": "NONE", **fields}
        self.host = urlsplit(
            self.client.create_function_url_config(**request)["FunctionUrl"]
        ).netloc
        return self.host

    def open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.running.emulator.port, timeout=60)

    def call(
        self,
        method: str = "GET",
        path: str = "/",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        host: str | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = self.open()
        try:
            connection.request(method, path, body, {"Host": host or self.host, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.running.stop()


# --- requests ------------------------------------------------------------------------------------


def test_the_event(site: Site) -> None:
    host = site.publish()
    url_id = host.partition(".")[0]
    status, headers, body = site.call(
        "POST",
        "/a%20b/c?x=1&x=2&y=a%20b&z=",
        b"Hello",
        {
            "Content-Type": "text/plain",
            "X-Several": "one",
            "User-Agent": "agent",
            "Cookie": "a=1; b=2",
        },
    )
    assert status == 200
    assert headers["content-type"] == "application/json"
    event = json.loads(body)
    assert event["version"] == "2.0"
    assert event["routeKey"] == "$default"
    assert event["rawPath"] == "/a%20b/c"
    assert event["rawQueryString"] == "x=1&x=2&y=a%20b&z="
    assert event["queryStringParameters"] == {"x": "1,2", "y": "a b", "z": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-several"] == "one"
    assert event["headers"]["host"] == host
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    assert event["body"] == "Hello"
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["accountId"] == "anonymous"
    assert context["apiId"] == context["domainPrefix"] == url_id
    assert context["domainName"] == host
    assert context["http"] == {
        "method": "POST",
        "path": "/a b/c",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "agent",
    }
    assert context["routeKey"] == context["stage"] == "$default"
    assert context["requestId"] == headers["x-amzn-requestid"]
    assert context["time"].endswith(" +0000")
    assert context["timeEpoch"] > 1_600_000_000_000
    assert "authorizer" not in context


def test_an_event_without_query_cookies_and_body(site: Site) -> None:
    site.publish()
    site.call()
    assert site.event["rawPath"] == "/"
    assert site.event["rawQueryString"] == ""
    assert {"queryStringParameters", "cookies", "body"}.isdisjoint(site.event)


def test_several_headers_of_one_name_are_joined(site: Site) -> None:
    site.publish()
    with socket.create_connection(("127.0.0.1", site.running.emulator.port)) as client:
        client.sendall(
            f"GET / HTTP/1.1\r\nHost: {site.host}\r\nX-A: 1\r\nx-a: 2\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        while client.recv(65536):
            pass
    assert site.event["headers"]["x-a"] == "1,2"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json", b'{"a":1}', True),
        ("application/vnd.api+json; charset=utf-8", b"{}", True),
        ("text/html", "é".encode(), True),
        ("text/html", b"\xff\xfe", False),
        ("application/octet-stream", b"plain", False),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("image/png", b"\x89PNG\x00", False),
    ],
)
def test_the_body_is_base64_by_its_type(site: Site, kind: str, body: bytes, text: bool) -> None:
    site.publish()
    site.call("POST", body=body, headers={"Content-Type": kind})
    assert site.event["isBase64Encoded"] is not text
    sent = site.event["body"]
    assert (sent.encode() if text else base64.b64decode(sent)) == body


def test_by_path(site: Site) -> None:
    url_id = site.publish().partition(".")[0]
    site.call("GET", f"/_function_url/{url_id}/some/path?q=1", host="localhost")
    assert site.event["rawPath"] == "/some/path"
    assert site.event["requestContext"]["domainPrefix"] == url_id
    assert site.event["requestContext"]["domainName"] == f"{url_id}.lambda-url.us-east-1.localhost"
    site.call("GET", f"/_function_url/{url_id}", host="localhost")
    assert site.event["rawPath"] == "/"


def test_a_url_that_is_not_there(site: Site) -> None:
    site.publish()
    for host, path in [
        ("nobody.lambda-url.us-east-1.localhost", "/"),
        (site.host.replace("us-east-1", "eu-west-1"), "/"),
        ("localhost", "/_function_url/nobody/"),
        ("localhost", "/_function_url/"),
    ]:
        status, headers, body = site.call("GET", path, host=host)
        assert (status, body) == (403, b'{"Message":null}')
        assert headers["x-amzn-errortype"] == "AccessDeniedException"
    assert site.invokes == 0


def test_a_url_ends_with_its_configuration(site: Site) -> None:
    site.publish()
    assert site.call()[0] == 200
    site.client.delete_function_url_config(FunctionName="hello")
    assert site.call()[0] == 403
    site.publish()
    assert site.call()[0] == 200


def test_an_id_belongs_to_what_the_url_invokes(site: Site) -> None:
    """So that it is the same at each start."""
    first = site.publish()
    site.client.publish_version(FunctionName="hello")
    site.client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    alias = site.publish(Qualifier="live")
    assert alias != first
    assert re.fullmatch(r"[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:\d+", first)
    site.client.delete_function_url_config(FunctionName="hello")
    assert site.publish() == first
    here = "arn:aws:lambda:us-east-1:000000000000:function:hello"
    assert first.startswith(url_id(here) + ".")
    assert alias.startswith(url_id(f"{here}:live") + ".")
    assert url_id(here.replace("us-east-1", "eu-west-1")) != url_id(here)


def test_the_url_of_an_alias(site: Site) -> None:
    site.client.publish_version(FunctionName="hello")
    site.client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    site.publish(Qualifier="live")
    assert site.call()[0] == 200
    assert site.driver.sandboxes[-1].spec.function_version == "1"


def test_iam(site: Site) -> None:
    site.publish(AuthType="AWS_IAM")
    status, headers, body = site.call()
    assert (status, body) == (403, b'{"Message":"Forbidden"}')
    assert headers["x-amzn-errortype"] == "AccessDeniedException"
    assert site.invokes == 0
    credential = "Credential=111122223333/20261123/us-east-1/lambda/aws4_request"
    signed = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=abc"
    assert site.call(headers={"Authorization": signed})[0] == 200
    context = site.event["requestContext"]
    assert context["accountId"] == "111122223333"
    assert context["authorizer"]["iam"]["accountId"] == "111122223333"
    assert context["authorizer"]["iam"]["userArn"] == "arn:aws:iam::111122223333:root"
    query = "X-Amz-Credential=111122223333%2F20261123%2Fus-east-1%2Flambda%2Faws4_request"
    assert site.call("GET", f"/?{query}&X-Amz-Signature=abc")[0] == 200


# --- responses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ({"hello": "world"}, b'{"hello":"world"}'),
        (["a", 1], b'["a",1]'),
        (b'{ "a\\" : b" : "c  d",\n"n": 1.50 }', b'{"a\\" : b":"c  d","n":1.50}'),
        ("hello", b"hello"),
        (3, b"3"),
        (b"null", b"null"),
    ],
)
def test_a_result_without_a_status_is_the_body(site: Site, reply: Any, body: bytes) -> None:
    site.publish()
    site.reply = reply
    status, headers, received = site.call()
    assert (status, received) == (200, body)
    assert headers["content-type"] == "application/json"


def test_a_result_with_a_status(site: Site) -> None:
    site.publish()
    site.reply = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html", "X-Number": 3, "Date": "never"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "<p>",
    }
    status, headers, body = site.call()
    assert (status, body) == (201, b"<p>")
    assert headers["content-type"] == "text/html"
    assert headers["x-number"] == "3"
    assert headers["x-amzn-remapped-date"] == "never"
    assert headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


def test_a_body_in_base64(site: Site) -> None:
    site.publish()
    site.reply = {"statusCode": "200", "body": "AP8=", "isBase64Encoded": True}
    status, headers, body = site.call()
    assert (status, body) == (200, b"\x00\xff")
    assert headers["content-type"] == "application/json"


def test_a_body_that_is_an_object_is_json(site: Site) -> None:
    site.publish()
    site.reply = {"statusCode": 200, "body": {"a": 1}}
    assert site.call()[2] == b'{"a":1}'


@pytest.mark.parametrize(
    "reply",
    [
        b"not json",
        b"[" * 50_000 + b"]" * 50_000,
        b"",
        {"statusCode": "abc"},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 1000},
        {"statusCode": True},
        {"statusCode": 1e999},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nx: y"}},
        {"statusCode": 200, "headers": {"a": {}}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_a_result_that_is_no_response(site: Site, reply: bytes | dict[str, Any]) -> None:
    site.publish()
    site.reply = reply
    status, _, body = site.call()
    assert (status, body) == (502, b"Internal Server Error")


def test_a_function_error(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await runtime.call("POST", f"invocation/{writer._id}/error", b'{"errorType":"Oops"}')

    site.publish()
    site.script = script
    status, _, body = site.call()
    assert (status, body) == (502, b"Internal Server Error")


def test_a_timeout(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await asyncio.Event().wait()

    site.client.update_function_configuration(FunctionName="hello", Timeout=1)
    site.publish()
    site.script = script
    assert site.call()[0] == 502


def test_throttled(site: Site) -> None:
    site.publish()
    site.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    status, headers, body = site.call()
    assert status == 429
    assert headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert json.loads(body)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_too_large(site: Site) -> None:
    site.publish()
    assert site.call("POST", body=b"x" * (6 * 1024 * 1024 + 1))[0] == 413
    # It fits, but not once it is base64.
    assert site.call("POST", body=b"x" * (5 * 1024 * 1024))[0] == 413
    site.reply = b'"' + b"x" * (6 * 1024 * 1024 + 200) + b'"'
    assert site.call()[0] == 502


@pytest.mark.parametrize("code", [204, 304])
def test_statuses_without_a_body(site: Site, code: int) -> None:
    site.publish()
    site.reply = {"statusCode": code, "body": "dropped"}
    connection = site.open()
    for _ in range(2):  # the connection goes on: nothing was left on it
        connection.request("GET", "/", headers={"Host": site.host})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (code, b"")
    connection.close()


def test_head_and_options(site: Site) -> None:
    site.publish()
    status, headers, body = site.call("HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    assert site.call("OPTIONS")[0] == 200
    assert site.event["requestContext"]["http"]["method"] == "OPTIONS"


@pytest.mark.parametrize(
    "target",
    ["/%ff%00?%ff=%zz&&=&a", "//a//../b?;", "/" + "x" * 20_000, "/?" + "a=b&" * 5_000, "/%5F?+=+"],
)
def test_strange_targets(site: Site, target: str) -> None:
    site.publish()
    status, _, body = site.call("GET", target)
    assert status == 200
    assert json.loads(body)["rawPath"] == target.partition("?")[0]
    assert json.loads(body)["rawQueryString"] == target.partition("?")[2]


def test_large_headers(site: Site) -> None:
    site.publish()
    assert site.call(headers={"X-Large": "x" * 1_000_000})[0] == 200
    assert len(site.event["headers"]["x-large"]) == 1_000_000


def test_bytes_that_are_no_text_in_headers_and_query(site: Site) -> None:
    site.publish()
    with socket.create_connection(("127.0.0.1", site.running.emulator.port)) as client:
        client.sendall(
            b"GET /\xff?\xff=\xfe HTTP/1.1\r\nHost: %s\r\nX-A: \xff\xfe\r\n"
            b"Connection: close\r\n\r\n" % site.host.encode()
        )
        answer = b""
        while data := client.recv(65536):
            answer += data
    assert int(answer.split()[1]) in (200, 400)


# --- CORS ----------------------------------------------------------------------------------------

ORIGIN = "https://app.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
CORS = {
    "AllowOrigins": [ORIGIN, "https://other.example"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["x-a", "x-b"],
    "ExposeHeaders": ["x-c"],
    "MaxAge": 300,
    "AllowCredentials": True,
}


def test_preflight(site: Site) -> None:
    site.publish(Cors=CORS)
    status, headers, body = site.call("OPTIONS", headers=PREFLIGHT)
    assert (status, body) == (200, b"")
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-allow-methods"] == "GET,PUT"
    assert headers["access-control-allow-headers"] == "x-a,x-b"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-max-age"] == "300"
    assert headers["vary"] == "Origin"
    assert site.invokes == 0


def test_preflight_of_a_signed_url_needs_no_signature(site: Site) -> None:
    site.publish(AuthType="AWS_IAM", Cors=CORS)
    assert site.call("OPTIONS", headers=PREFLIGHT)[0] == 200


def test_preflight_from_another_origin_has_no_headers(site: Site) -> None:
    site.publish(Cors=CORS)
    status, headers, _ = site.call("OPTIONS", headers={**PREFLIGHT, "Origin": "https://evil"})
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control")]


def test_preflight_without_cors_is_the_functions(site: Site) -> None:
    site.publish()
    assert site.call("OPTIONS", headers=PREFLIGHT)[0] == 200
    assert site.invokes == 1


def test_answers_carry_cors_headers(site: Site) -> None:
    site.publish(Cors=CORS)
    site.reply = {"statusCode": 200, "headers": {"Access-Control-Max-Age": "1"}, "body": ""}
    _, headers, _ = site.call(headers={"Origin": ORIGIN})
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-expose-headers"] == "x-c"
    assert headers["access-control-max-age"] == "1"
    assert "access-control-allow-methods" not in headers
    _, headers, _ = site.call()
    assert "access-control-allow-origin" not in headers


def test_any_origin(site: Site) -> None:
    site.publish(Cors={"AllowOrigins": ["*"]})
    _, headers, _ = site.call(headers={"Origin": ORIGIN})
    assert headers["access-control-allow-origin"] == "*"


def test_foreign_pages_reach_urls_and_nothing_else(site: Site) -> None:
    """The Host is still checked, and a URL's host opens no other door."""
    site.publish()
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert site.call(headers=foreign)[0] == 200
    assert site.call(host="evil.example", headers=foreign)[0] == 403
    assert site.call(host="abc.lambda-url.us-east-1.evil.example")[0] == 403
    assert site.call("GET", "/2015-03-31/functions/", host="localhost", headers=foreign)[0] == 403
    status, _, body = site.call("GET", "/2015-03-31/functions/")
    assert status == 200
    assert json.loads(body)["rawPath"] == "/2015-03-31/functions/"


# --- streams -------------------------------------------------------------------------------------


def _prelude(**members: Any) -> bytes:
    return json.dumps(members).encode() + NULS


def test_a_stream_with_a_prelude(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin(PRELUDE)
        head = _prelude(
            statusCode=202, headers={"Content-Type": "text/event-stream"}, cookies=["a=1"]
        )
        await writer.write(head[:5])
        await writer.write(head[5:-3])
        await writer.write(head[-3:] + b"first")
        await site.go.wait()
        await writer.write(b"second")
        await writer.end()

    site.publish(InvokeMode="RESPONSE_STREAM")
    site.script = script
    connection = site.open()
    connection.request("GET", "/", headers={"Host": site.host})
    answer = connection.getresponse()
    assert answer.status == 202
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["set-cookie"] == "a=1"
    # The handler goes on only once its first bytes are here.
    assert answer.read(5) == b"first"
    site.running.call(site.go.set)
    assert answer.read() == b"second"
    connection.close()


def test_a_stream_without_a_prelude(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin("text/plain")
        await writer.write(b"some")
        await writer.end()

    site.publish(InvokeMode="RESPONSE_STREAM")
    site.script = script
    status, headers, body = site.call()
    assert (status, headers["content-type"], body) == (200, "text/plain", b"some")


def test_a_function_that_does_not_stream_behind_a_streaming_url(site: Site) -> None:
    site.publish(InvokeMode="RESPONSE_STREAM")
    site.reply = {"statusCode": 201, "body": "x"}
    assert site.call()[2] == b'{"statusCode": 201, "body": "x"}'


def test_a_streaming_function_behind_a_buffering_url(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin(PRELUDE)
        await writer.write(_prelude(statusCode=202, headers={"x-a": "b"}) + b"some")
        await writer.write(b"thing")
        await writer.end()

    site.publish()
    site.script = script
    status, headers, body = site.call()
    assert (status, headers["x-a"], body) == (202, "b", b"something")


def test_a_stream_that_breaks_is_cut(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin(PRELUDE)
        await writer.write(_prelude(statusCode=200) + b"some")
        await writer.end("Oops", {"errorType": "Oops"})

    site.publish(InvokeMode="RESPONSE_STREAM")
    site.script = script
    with pytest.raises(http.client.IncompleteRead):
        site.call()


@pytest.mark.parametrize("beginning", [b"no prelude", b"[]" + NULS, b'{"statusCode":1}' + NULS])
def test_a_stream_with_a_bad_prelude(site: Site, beginning: bytes) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin(PRELUDE)
        await writer.write(beginning)
        await writer.write(b"x" * 100_000)
        await writer.end()

    site.publish(InvokeMode="RESPONSE_STREAM")
    site.script = script
    assert site.call()[0] == 502
    site.script = None
    assert site.call()[0] == 200


def test_an_error_before_the_stream_begins(site: Site) -> None:
    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await runtime.call("POST", f"invocation/{writer._id}/error", b'{"errorType":"Oops"}')

    site.publish(InvokeMode="RESPONSE_STREAM")
    site.script = script
    assert site.call()[0] == 502
    site.client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=0)
    assert site.call()[0] == 429
