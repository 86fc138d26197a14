"""Bad input for API Gateway and the APIs it serves: AWS's kind of answer, never ours of a 500."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.services.apigateway.operations import OPERATIONS
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.codecs import codec
from tests.reliability.fuzz import FuzzedRequest, Fuzzer
from tests.reliability.test_fuzz_lambda import send_to

pytestmark = pytest.mark.thorough

MODEL = codec("apigateway").model
_CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/apigateway/aws4_request, x=y"
)
_FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:hello"
_INVOKED = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{_FUNCTION}/invocations"
_PATHS = [
    "/name", "/description", "/variables/a", "/requestParameters/method.request.header.x",
    "/requestTemplates/application~1json", "/responseParameters/method.response.header.x",
    "/binaryMediaTypes/image~1png", "/*/*/logging/loglevel", "/~1a/GET/throttling/rateLimit",
    "/canarySettings/percentTraffic", "/deploymentId", "/timeoutInMillis", "/type", "/uri",
    "/quota/limit", "/apiStages", "/throttle/rateLimit", "/endpointConfiguration/types/0", "/", "",
    "/pathPart", "/parentId", "/schema", "/remaining", "/stages", "/basePath", "/restapiId",
]  # fmt: skip


async def answer(runtime: RuntimeClient) -> None:
    """Answer each event with a response, or an authorizer's policy."""
    while True:
        request_id, payload = await runtime.next()
        event = json.loads(payload)
        reply: Any = {"statusCode": 200, "body": "ok"}
        if event.get("type") == "REQUEST":
            statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
            reply = {"principalId": "p", "policyDocument": {"Statement": [statement]}}
        await runtime.respond(request_id, json.dumps(reply).encode())


def definition() -> dict[str, Any]:
    proxy = {"type": "aws_proxy", "httpMethod": "POST", "uri": _INVOKED}
    template = (
        '#set($all = $input.path("$"))#foreach($k in $input.params().keySet())$k#end '
        '{"statusCode": 200, "a": "$util.escapeJavaScript($input.body)"}'
    )
    shown = '{"q": "$input.params("q")", "all": $input.json("$.a.b[0]"), "c": "$context.path"}'
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": template},
        "responses": {
            "default": {"statusCode": "200", "responseTemplates": {"application/json": shown}}
        },
    }
    extension = "x-amazon-apigateway-integration"
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    guard = {
        "type": "request", "authorizerUri": _INVOKED,
        "identitySource": "method.request.header.x-who",
    }  # fmt: skip
    declared = {"200": {"description": "ok"}}
    checked = {
        "responses": declared, extension: proxy,
        "parameters": [{"in": "body", "name": "b", "schema": schema}],
        "x-amazon-apigateway-request-validator": "all",
    }  # fmt: skip
    return {
        "swagger": "2.0",
        "info": {"title": "fuzzed", "version": "1"},
        "paths": {
            "/proxy/{proxy+}": {"x-amazon-apigateway-any-method": {extension: proxy}},
            "/mock/{id}": {"post": {"responses": declared, extension: mock}},
            "/checked": {"post": checked},
            "/guarded": {"get": {extension: proxy, "security": [{"guard": []}]}},
        },
        "securityDefinitions": {
            "guard": {
                "type": "apiKey", "name": "x-who", "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": guard,
            }
        },
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True}},
    }  # fmt: skip


class Fuzzed:
    """An emulator that is asked without HTTP."""

    async def open(self) -> None:
        driver = ScriptedDriver(answer)
        settings = Settings(port=0, drain_seconds=0, transition_seconds=0)
        self.emulator = Emulator(settings, driver=driver)
        ready = asyncio.Event()
        self._running = asyncio.create_task(self.emulator.run(on_ready=ready.set))
        await ready.wait()
        import io
        import zipfile

        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", "def handler(event, context): return event\n")
        await self.call(
            "lambda", "CreateFunction", FunctionName="hello", Runtime="python3.12",
            Handler="app.handler", Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": buffer.getvalue()},
        )  # fmt: skip

    async def call(self, service: str, operation: str, **request: Any) -> Any:
        return await self.emulator.parts.table.call(service, operation, request)

    async def api(self) -> str:
        """Make and deploy an API; returns its id."""
        body = json.dumps(definition()).encode()
        made = await self.call("apigateway", "ImportRestApi", body=body)
        await self.call("apigateway", "CreateDeployment", restApiId=made["id"], stageName="dev")
        return str(made["id"])

    async def close(self) -> None:
        self.emulator.stop()
        await self._running


async def known(fuzzed: Fuzzed) -> dict[str, list[Any]]:
    """Return values that mean something to the service."""
    api_id = await fuzzed.api()
    resources = await fuzzed.call("apigateway", "GetResources", restApiId=api_id)
    key = await fuzzed.call("apigateway", "CreateApiKey", name="k")
    plan = await fuzzed.call("apigateway", "CreateUsagePlan", name="p")
    api = fuzzed.emulator.parts.table
    authorizers = await api.call("apigateway", "GetAuthorizers", {"restApiId": api_id})
    ids = [each["id"] for each in resources["items"]]
    return {
        "restApiId": [api_id, api_id, "missing"],
        "resourceId": [*ids, "missing"],
        "parentId": ids,
        "httpMethod": ["GET", "POST", "ANY", "get", "NOTHING"],
        "statusCode": ["200", "400", "x"],
        "stageName": ["dev", "dev", "prod"],
        "deploymentId": ["missing"],
        "apiKey": [key["id"], "missing"],
        "keyId": [key["id"]],
        "keyType": ["API_KEY", "OTHER"],
        "usagePlanId": [plan["id"], "missing"],
        "authorizerId": [each["id"] for each in authorizers["items"]],
        "authorizationType": ["NONE", "AWS_IAM", "CUSTOM", "x"],
        "type": ["MOCK", "AWS", "HTTP", "AWS_PROXY", "TOKEN", "REQUEST", "API"],
        "uri": [_INVOKED, "http://127.0.0.1:1/", "arn:aws:apigateway:us-east-1:sqs:path/q", "x"],
        "pathPart": ["a", "{id}", "{proxy+}", "a/b", "{", ""],
        "patchOperations": [
            [{"op": op, "path": path, "value": value}]
            for path in _PATHS
            for op, value in (("replace", "1"), ("add", "x"), ("remove", None), ("copy", "true"))
        ],
        "body": [json.dumps(definition()), "swagger: '2.0'", "[1", "{}", '{"openapi": "3.0"}'],
        "exportType": ["swagger", "oas30", "x"],
        "startDate": ["2026-01-01", "x"],
        "endDate": ["2026-01-02", "2030-01-01"],
        "responseType": ["THROTTLED", "DEFAULT_4XX", "x"],
        "modelName": ["Empty", "x"],
        "schema": ["{}", "[", '{"type": "object"}'],
        "position": [None, "cG9zaXRpb246MQ==", "x"],
        "domainName": ["a.example.com", "x", ""],
        "pathWithQueryString": ["/mock/1?q=1", "/", ""],
        "embed": [["methods"], ["apisummary"], ["x"]],
        "resourceArn": [f"arn:aws:apigateway:us-east-1::/restapis/{api_id}", "arn:x"],
    }


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_500, 1), pytest.param(12_000, 2, marks=pytest.mark.slow)],
)
async def test_fuzzed_management(count: int, seed: int) -> None:
    fuzzed = Fuzzed()
    await fuzzed.open()
    fuzzer = Fuzzer(MODEL, await known(fuzzed), seed, OPERATIONS)
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    try:
        for number in range(count):
            made = fuzzer.request()
            if made.operation == "DeleteRestApi":
                continue
            headers = {**made.headers, "authorization": _CREDENTIAL}
            sent = FuzzedRequest(
                made.operation, made.method, made.path, made.query, headers, made.body
            )
            try:
                async with asyncio.timeout(60):
                    status, _, body = await send_to(fuzzed.emulator.router, sent)
                wrong = f"status {status}: {body[:200]!r}" if not 200 <= status < 500 else ""
            except Exception as error:  # noqa: BLE001 (each is a finding)
                status, wrong = 0, f"{type(error).__name__}: {error}"
            statuses[status] += 1
            if wrong:
                complaints.append(
                    f"{number} {made.operation} {made.path} {made.body[:200]!r}: {wrong}"
                )
    finally:
        await fuzzed.close()
    assert complaints == []
    assert statuses[200] + statuses[201] > count / 20, statuses


_PIECES = (
    "proxy", "mock", "checked", "guarded", "1", "", "..", "%2e%2e", "%00", "%ff", "%", "{id}",
    "a" * 999,
    "é", "a b", "//", ";", "?", "+", "$default",
)  # fmt: skip
_BODIES = (
    b"", b"{}", b'{"a": "x"}', b'{"a": {"b": [1]}}', b"[" * 5000, b"\xff\xfe", b"null", b'"text"',
    b"a=b&c=d", b"\x00" * 100, b'{"a": 1e999}', b"<a/>", b"#set($x = 1)", b'{"a": "\\ud800"}',
)  # fmt: skip
_QUERIES = ("", "q=1", "q=%ff&q", "&&==", "q=" + "x" * 999)
_TYPES = ("application/json", "image/png", "text/plain", "", "x/y; a=b", "multipart/form-data")


@pytest.mark.parametrize(
    ("count", "seed"),
    [(1_000, 3), pytest.param(10_000, 4, marks=pytest.mark.slow)],
)
async def test_fuzzed_calls(count: int, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    fuzzed = Fuzzed()
    await fuzzed.open()
    api_id = await fuzzed.api()
    draw = random.Random(seed)
    complaints: list[str] = []
    statuses: Counter[int] = Counter()
    try:
        for number in range(count):
            parts = [draw.choice(_PIECES) for _ in range(draw.randint(0, 4))]
            stage = draw.choice(["dev", "dev", "dev", "prod", "", "/dev"])
            path = "/".join(["", stage, *parts]).encode().decode("latin-1")
            headers = {
                "host": f"{api_id}.execute-api.us-east-1.localhost",
                "content-type": draw.choice(_TYPES),
                "accept": draw.choice(["*/*", "image/png", "", "a" * 50, ";;,,"]),
                "x-who": draw.choice(["me", "", "\u00e9"]),
                "x-amzn-trace-id": draw.choice(["", "garbage", "Root=1-2-3"]),
            }
            made = FuzzedRequest(
                "call", draw.choice(["GET", "POST", "OPTIONS", "BREW", "HEAD"]),
                path.replace("?", "%3f"), draw.choice(_QUERIES),
                headers, draw.choice(_BODIES),
            )  # fmt: skip
            try:
                async with asyncio.timeout(60):
                    status, answers, body = await send_to(fuzzed.emulator.router, made)
                wrong = ""
                names = {name.lower() for name in answers}
                if status >= 500 and "x-amzn-errortype" not in names:
                    wrong = f"status {status}: {body[:200]!r}"
            except Exception as error:  # noqa: BLE001 (each is a finding)
                status, wrong = 0, f"{type(error).__name__}: {error}"
            statuses[status] += 1
            if wrong:
                complaints.append(f"{number} {made}: {wrong}"[:600])
    finally:
        await fuzzed.close()
    complaints += [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert complaints == []
    assert statuses[200] > count / 50, statuses
