"""Load balancers in front of functions: events, answers, health."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import AlbModel

from emulator.edge.http_fronts.alb.balancer import Balancer, parse_balancer
from emulator.testing import FakeClock
from tests.api.conftest import Running
from tests.api.http_site import ApiSite
from tests.patience import until


class Balanced(ApiSite):
    """An emulator with a load balancer for each form of headers."""

    def __init__(self, *more: str, **fields: Any) -> None:
        super().__init__(alb=("0=plain", "0=many,multi-value", *more), **fields)
        for name in ("plain", "many"):
            self.function(name)
        found = self.running.emulator.load_balancers.by_port.items()
        self.ports = {balancer.function: port for port, balancer in found}

    def ask(
        self, name: str, path: str = "/", body: bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=60)
        try:
            sent = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request("GET" if body is None else "POST", path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Balanced]:
    site = Balanced()
    yield site
    site.stop()


@pytest.fixture(autouse=True)
def quiet(site: Balanced) -> None:
    site.replies.clear()
    site.events.clear()


def test_the_event(site: Balanced) -> None:
    site.replies["plain"] = {"statusCode": 200, "body": "hi"}
    status, headers, body = site.ask(
        "plain", "/a%20b?x=1&x=%2F&y", b"{}", Content_Type="application/json", X_Own="1"
    )
    assert (status, body, headers["server"]) == (200, b"hi", "awselb/2.0")
    assert headers["content-type"] == "application/octet-stream"
    (event,) = site.events["plain"]
    AlbModel.model_validate(event)
    assert event["path"] == "/a%20b"
    assert event["queryStringParameters"] == {"x": "%2F", "y": ""}
    assert event["headers"]["x-own"] == "1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    arn = event["requestContext"]["elb"]["targetGroupArn"]
    assert arn.startswith("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/plain/")
    site.ask("plain", "/", b"\x00\xff")
    assert (site.events["plain"][1]["body"], site.events["plain"][1]["isBase64Encoded"]) == (
        "AP8=",
        True,
    )


def test_all_values_of_headers(site: Balanced) -> None:
    site.replies["many"] = {
        "statusCode": 201,
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "Content-Type": ["text/plain"]},
        "body": "aGk=",
        "isBase64Encoded": True,
    }
    status, headers, body = site.ask("many", "/?x=1&x=2", X_Own="1")
    assert (status, body) == (201, b"hi")
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]
    (event,) = site.events["many"]
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["multiValueHeaders"]["x-own"] == ["1"]
    assert not {"headers", "queryStringParameters"} & event.keys()


@pytest.mark.parametrize(
    "reply",
    [
        ValueError("broken"),
        "text",
        {"body": "a"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"statusCode": 200, "body": "x" * (1024 * 1024)},
    ],
)
def test_what_functions_may_not_answer(site: Balanced, reply: Any) -> None:
    site.replies["plain"] = reply
    status, headers, body = site.ask("plain")
    assert (status, headers["content-type"]) == (502, "text/html")
    assert b"<h1>502 Bad Gateway</h1>" in body


def test_bodies_have_a_limit(site: Balanced) -> None:
    status, _, body = site.ask("plain", "/", b"x" * (1024 * 1024 + 1))
    assert (status, b"413" in body) == (413, True)


def test_foreign_hosts_are_refused(site: Balanced) -> None:
    assert site.ask("plain", Host="evil.example")[0] == 403


def test_what_the_option_means() -> None:
    assert parse_balancer("80=f") == Balancer(80, "f", None, False, "")
    whole = parse_balancer("80=f:live,multi-value,health=/up")
    assert whole == Balancer(80, "f", "live", True, "/up")
    for text in ("80", "x=f", "80=", "80=f,other", "80=f,health=up", "99999=f"):
        assert parse_balancer(text) is None


def test_health_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(Running, "run_loop", staticmethod(asyncio.run))
    site = Balanced("0=checked,health=/up", parts={"clock": clock})
    try:
        site.function("checked")
        site.replies["checked"] = {"statusCode": 500}
        site.running.call(lambda: clock.advance(36))
        until(lambda: len(site.running.console.warnings) > 0)
        (event,) = site.events["checked"]
        assert (event["path"], event["headers"]) == (
            "/up",
            {"user-agent": "ELB-HealthChecker/2.0"},
        )
        told = [text for text in site.running.console.warnings if "unhealthy" in text]
        assert len(told) == 1
    finally:
        site.stop()
