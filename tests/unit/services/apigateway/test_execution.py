"""What a method does with a request: paths, templates, expressions, time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.services.apigateway.execution import jsonpath, method, payload, remapping
from emulator.services.apigateway.execution.call import Answer, GatewayFailure, MethodCall
from emulator.services.apigateway.execution.expressions import of_request
from emulator.services.apigateway.execution.templates import Given, TemplateFailure, render_here
from emulator.testing import FakeClock, until_idle

BOOKS = {
    "store": {
        "book": [
            {"title": "a", "price": 8.95, "isbn": "1"},
            {"title": "b", "price": 12.99},
            {"title": "c", "price": 22.99, "isbn": "2"},
        ],
        "open": True,
    }
}


def call(**more: Any) -> MethodCall:
    given: dict[str, Any] = {
        "parts": None, "account": "1", "region": "r", "api_id": "a", "snapshot": {},
        "resource": {"path": "/"}, "method": {}, "http_method": "GET", "path": "/",
        "path_parameters": {"id": "7"}, "query": [("q", "1"), ("q", "2")],
        "headers": [("X-One", "h")], "body": b'{"a": {"b": [1, 2]}}', "is_binary": False,
        "stage_variables": {"v": "s"}, "context": {"stage": "dev", "identity": {"user": None}},
        "trace_id": "t", "request_id": "i",
    }  # fmt: skip
    return MethodCall(**{**given, **more})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.store.open", True),
        ("$.store.book[0].title", "a"),
        ("$['store']['book'][-1].title", "c"),
        ("$.store.book[*].title", ["a", "b", "c"]),
        ("$..title", ["a", "b", "c"]),
        ("$.store.book[0:2].title", ["a", "b"]),
        ("$.store.book[?(@.isbn)].title", ["a", "c"]),
        ("$.store.book[?(@.price < 10)].title", ["a"]),
        ("$.nothing.there", None),
        ("store.open", True),
        ("$", BOOKS),
    ],
)
def test_paths(path: str, found: Any) -> None:
    assert jsonpath.find(BOOKS, path) == found


@pytest.mark.parametrize("path", ["$[", "$.a[?(", "$.a b(", "$['a"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(jsonpath.InvalidPath):
        jsonpath.find(BOOKS, path)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("$input.json('$.a.b')", "[1,2]"),
        ("{\"x\": $input.json('$.nothing')}", '{"x": ""}'),
        ("$input.path('$.a')", "{b=[1, 2]}"),
        ("$input.path('$.a.b').size()", "2"),
        ("$input.params('id')/$input.params('q')/$input.params('x-one')", "7/2/h"),
        ("$input.params().path.id", "7"),
        ("#foreach($k in $input.params().keySet())$k,#end", "path,querystring,header,"),
        ("$context.stage $stageVariables.v $context.nothing", "dev s "),
        ("$util.urlEncode('a b&c') $util.urlDecode('a+b')", "a+b%26c a b"),
        ("$util.base64Decode($util.base64Encode('x'))", "x"),
        ("$util.parseJson('{\"a\": 1}').a", "1"),
        ("[$util.escapeJavaScript($context.identity)]", "[]"),
        ("#set($x = 1)#if($x == 1)one#{else}two#end", "one"),
        ("#set($m = {'a': 1, 'b': ['x', {'c': 'd'}]})$m $m.keySet()", "{a=1, b=[x, {c=d}]} [a, b]"),
        ("#set($l = [])#set($x = $l.add('a'))$l", "[a]"),
    ],
)
def test_templates(template: str, made: str) -> None:
    body = '{"a": {"b": [1, 2]}}'
    assert render_here(template, body, Given.of(call())) == made


def test_a_template_overrides_request_and_response() -> None:
    one = Given.of(call())
    template = (
        '#set($context.requestOverride.header.h = "v")#set($context.responseOverride.status = 5)'
    )
    render_here(template, "", one)
    assert one.request_override["header"] == {"h": "v"}
    assert one.response_override["status"] == 5


@pytest.mark.parametrize("template", ["#if($a", "$util.parseJson('{')", "$input.__class__.x"])
def test_a_template_that_fails(template: str) -> None:
    with pytest.raises(TemplateFailure):
        render_here(template, "", Given.of(call()))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("method.request.path.id", "7"),
        ("method.request.querystring.q", "2"),
        ("method.request.multivaluequerystring.q", ["1", "2"]),
        ("method.request.header.x-one", "h"),
        ("method.request.body.a.b", "[1,2]"),
        ("method.request.body", '{"a": {"b": [1, 2]}}'),
        ("context.stage", "dev"),
        ("stageVariables.v", "s"),
        ("'static'", "static"),
        ("method.request.header.none", None),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    assert of_request(expression, call()) == value


def test_headers_of_answers_are_joined() -> None:
    answer = payload.answer_of(
        b'{"headers": {"tesT-Multi": "solo"}, "multiValueHeaders": {"test-multi": ["multi"]}}',
        wants_binary=False,
    )
    assert answer.headers == [("tesT-Multi", "multi"), ("tesT-Multi", "solo")]
    assert remapping.of_response([("Date", "d"), ("Via", "v")]) == [
        ("x-amzn-Remapped-Date", "d"),
        ("Via", "v"),
    ]


async def test_a_function_has_29_seconds() -> None:
    clock = FakeClock()
    late = asyncio.Event()

    async def work() -> Answer:
        await late.wait()
        return Answer(status=200, headers=[])

    one = call(parts=SimpleNamespace(clock=clock))
    waiting = asyncio.create_task(method._within(one, 29.0, work()))
    await clock.advance(28.9)
    assert not waiting.done()
    await clock.advance(0.2)
    with pytest.raises(GatewayFailure, match="Endpoint request timed out") as caught:
        await waiting
    assert caught.value.kind == "INTEGRATION_TIMEOUT"
    late.set()
    await until_idle()
