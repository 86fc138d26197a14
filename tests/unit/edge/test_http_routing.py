"""Which route a request means; and that many routes cost no more than few."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from emulator.access.policy import InvalidPolicy, evaluate
from emulator.edge.http_fronts.http_apis.routing import Router
from emulator.edge.http_fronts.websockets.selection import route_key


def keys(*found: str) -> Router:
    return Router({"RouteKey": key} for key in found)


def test_what_matches_deeper_is_found_behind_what_does_not() -> None:
    router = keys("GET /a/{x}/c", "GET /a/b/d", "ANY /a/{rest+}", "POST /{one}")
    found = {
        path: match.route["RouteKey"] if (match := router.find("GET", path)) else None
        for path in ("/a/b/c", "/a/b/d", "/a/b/e", "/a/b", "/a", "/a/", "/x", "//", "")
    }
    assert found == {
        "/a/b/c": "GET /a/{x}/c",
        "/a/b/d": "GET /a/b/d",
        "/a/b/e": "ANY /a/{rest+}",
        "/a/b": "ANY /a/{rest+}",
        "/a": None,
        "/a/": None,
        "/x": None,
        "//": None,
        "": None,
    }


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e", "/a/%00", "/\\..\\"])
def test_paths_are_only_compared(path: str) -> None:
    match = keys("GET /{all+}").find("GET", path)
    assert match is not None
    assert list(match.parameters) == ["all"]


def test_a_thousand_routes_route_like_ten() -> None:
    def lines_run(count: int) -> int:
        router = keys(*(f"GET /things{n}/{{id}}/parts/{{part}}" for n in range(count)))
        found = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal found
            found += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            match = router.find("GET", f"/things{count - 1}/1/parts/2")
        finally:
            sys.settrace(before)
        assert match is not None
        return found

    assert lines_run(1000) == lines_run(10) > 0


@pytest.mark.parametrize(
    ("expression", "body", "key"),
    [
        ("$request.body.action", '{"action": "a"}', "a"),
        ("${request.body.a.b}", '{"a": {"b": 1}}', "1"),
        ("$request.body.kind/${request.body.name}", '{"kind": "k", "name": "n"}', "k/n"),
        ("$request.body.action", "no JSON", ""),
        ("$request.body.action", "[" * 100_000, ""),
        ("$request.body.action", '{"action": {}}', ""),
    ],
)
def test_what_a_selection_expression_gives(expression: str, body: str, key: str) -> None:
    assert route_key(expression, body) == key


ARN = "arn:aws:execute-api:us-east-1:000000000000:api/dev/GET/pets/1"


def policy(effect: str, resource: Any, **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource, **more}
    return {"Statement": [statement]}


@pytest.mark.parametrize(
    ("document", "effect"),
    [
        (policy("Allow", ARN), "Allow"),
        (policy("Allow", "arn:aws:execute-api:*:*:*/*/GET/*"), "Allow"),
        (policy("Allow", "*"), "Allow"),
        (policy("Allow", "execute-api:/dev/GET/*"), "Allow"),
        (policy("Allow", ARN.replace("GET", "POST")), None),
        (policy("Allow", "arn:aws:execute-api:us-east-1:000000000000:other/*"), None),
        (
            {"Statement": policy("Allow", ARN)["Statement"] + policy("Deny", "*")["Statement"]},
            "Deny",
        ),
        (policy("Allow", "*", Action="EXECUTE-API:invoke"), "Allow"),
        (policy("Allow", "*", Action="lambda:*"), None),
        (policy("Allow", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "Allow"),
        (policy("Allow", "*", Condition={"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8"]}}), None),
        (policy("Deny", "*", Condition={"Bool": {"aws:SecureTransport": "false"}}), None),
        (policy("Allow", "*", Condition={"StringNotEquals": {"aws:x": "y"}}), "Allow"),
        (policy("Allow", ["a", ARN[:-1] + "?"]), "Allow"),
    ],
)
def test_what_a_policy_says(document: dict[str, Any], effect: str | None) -> None:
    assert evaluate(document, ARN, context={"aws:sourceip": "10.1.2.3"}) == effect


@pytest.mark.parametrize(
    "document",
    [{}, {"Statement": "x"}, {"Statement": [{"Effect": "Maybe"}]}, {"Statement": [1]}],
)
def test_what_is_no_policy(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidPolicy):
        evaluate(document, ARN)


def test_stars_take_no_time() -> None:
    resource = "*a" * 20
    assert evaluate(policy("Allow", "*" * 1000 + "x"), ARN) is None
    # Who tries every way to read it is at it for years.
    assert evaluate(policy("Allow", resource), "a" * 60 + "b") is None
