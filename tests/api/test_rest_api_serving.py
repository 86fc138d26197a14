"""REST APIs serve: routes, stages, mapping, validation, keys, authorizers, streams."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_streaming import PRELUDE, Writer

ACCOUNT = "000000000000"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:hello"
INVOKED = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
STREAMED = INVOKED.replace("2015-03-31", "2021-11-15").replace(
    "/invocations", "/response-streaming-invocations"
)


class Answer:
    """A response."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """An emulator with a function and REST APIs; ``reply`` is what the function returns."""

    def __init__(self, parts: Any = None, **settings: Any) -> None:
        self.driver = ScriptedDriver(self._serve)
        given = Settings(port=0, transition_seconds=0, **settings)
        self.running = Running(given, driver=self.driver, **(parts or {}))
        self.api = self.running.client("apigateway")
        self.event: Any = {}
        self.reply: Any = None
        self.error = False
        self.script: Callable[[Writer, RuntimeClient], Awaitable[Any]] | None = None
        self.invokes = 0
        create(self.running.client("lambda"), Runtime="nodejs22.x", Timeout=60)

    async def _serve(self, runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            self.invokes += 1
            self.event = json.loads(payload)
            if self.script is not None:
                await self.script(Writer(runtime, request_id), runtime)
                continue
            reply = self.reply(self.event) if callable(self.reply) else self.reply
            body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            kind = {"Content-Type": "application/json"}
            end = "error" if self.error else "response"
            await runtime.call("POST", f"invocation/{request_id}/{end}", body, kind)

    def build(self, paths: dict[str, Any], **more: Any) -> str:
        """Import and deploy an API; returns its id."""
        definition = {"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": paths}
        body = json.dumps({**definition, **more}).encode()
        api_id: str = self.api.import_rest_api(body=body)["id"]
        self.deploy(api_id)
        return api_id

    def deploy(self, api_id: str, **more: Any) -> str:
        deployed: str = self.api.create_deployment(restApiId=api_id, stageName="dev", **more)["id"]
        return deployed

    def call(
        self,
        api_id: str,
        path: str,
        method: str = "GET",
        body: bytes | str | None = None,
        host: str = "",
        **headers: str,
    ) -> Answer:
        """Send a request; underscores in names of headers are hyphens."""
        connection = http.client.HTTPConnection("localhost", self.running.emulator.port, timeout=20)
        host = host or f"{api_id}.execute-api.us-east-1.localhost"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {"Host": host, **sent})
            return Answer(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    site = Site()
    yield site
    site.running.stop()


@pytest.fixture
def site(shared: Site) -> Site:
    shared.reply = {"statusCode": 200, "body": "ok"}
    shared.error, shared.script, shared.invokes = False, None, 0
    return shared


def proxy(uri: str = INVOKED, **more: Any) -> dict[str, Any]:
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri, **more}
    return {"x-amazon-apigateway-integration": integration}


def mock(template: str = '{"statusCode": 200}', **responses: Any) -> dict[str, Any]:
    integration = {
        "type": "mock",
        "requestTemplates": {"application/json": template},
        "responses": responses or {"default": {"statusCode": "200"}},
    }
    return {
        "responses": {"200": {"description": "ok"}, "400": {"description": "bad"}},
        "x-amazon-apigateway-integration": integration,
    }


ANY = "x-amazon-apigateway-any-method"


def test_a_request_reaches_a_function_as_payload_1_0(site: Site) -> None:
    from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventModel

    api_id = site.build({"/orders/{id}": {ANY: proxy()}, "/{proxy+}": {ANY: proxy()}})
    answer = site.call(api_id, "/dev/orders/7?a=1&a=2&b=x+y%2B", user_agent="test")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "application/json"
    assert {"x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"} <= answer.headers.keys()
    event = site.event
    APIGatewayProxyEventModel.model_validate(event)
    assert event["resource"] == "/orders/{id}"
    assert event["pathParameters"] == {"id": "7"}
    assert event["queryStringParameters"] == {"a": "2", "b": "x y+"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y+"]}
    assert event["requestContext"]["stage"] == "dev"
    assert event["requestContext"]["path"] == "/dev/orders/7"
    assert event["headers"]["User-Agent"] == "test"
    assert (event["body"], event["isBase64Encoded"]) == (None, False)
    site.call(api_id, "/dev/a//b/", "POST", "text")
    assert site.event["pathParameters"] == {"proxy": "a//b"}
    assert (site.event["path"], site.event["body"]) == ("/a//b/", "text")
    # The path form, for who cannot resolve the host.
    answer = site.call(api_id, f"/_aws/execute-api/{api_id}/dev/orders/8", host="localhost")
    assert site.event["pathParameters"] == {"id": "8"}


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        ({"statusCode": "201", "body": "x"}, 201, b"x"),
        ({"headers": {"a": "b"}}, 200, b""),
        ({"statusCode": 200, "body": {"a": 1}}, 502, b'{"message": "Internal server error"}'),
        ({"statusCode": "none"}, 502, b'{"message": "Internal server error"}'),
        ({"statusCode": 200, "other": 1}, 502, b'{"message": "Internal server error"}'),
        ("text", 502, b'{"message": "Internal server error"}'),
    ],
)
def test_what_a_function_answers(site: Site, reply: Any, status: int, body: bytes) -> None:
    api_id = site.build({"/": {"get": proxy()}})
    site.reply = reply
    answer = site.call(api_id, "/dev")
    assert (answer.status, answer.body) == (status, body)
    if status == 502:
        assert answer.headers["x-amzn-errortype"] == "InternalServerErrorException"


def test_headers_of_a_function_are_passed_on_or_renamed(site: Site) -> None:
    api_id = site.build({"/": {"get": proxy()}})
    site.reply = {
        "headers": {"X-One": True, "Connection": "close", "Server": "mine"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
    }
    answer = site.call(api_id, "/dev/")
    assert answer.headers["x-one"] == "true"
    assert answer.headers["x-amzn-remapped-server"] == "mine"
    assert answer.headers["x-amzn-remapped-connection"] == "close"


def test_the_most_specific_route_wins(site: Site) -> None:
    named = {
        path: {"get": mock('{"statusCode": 200}', default={
            "statusCode": "200", "responseTemplates": {"application/json": f'"{path}"'}})}
        for path in ("/a", "/a/{x}", "/a/b", "/{proxy+}", "/a/{x}/c")
    }  # fmt: skip
    api_id = site.build(named)
    wanted = {
        "/a": "/a", "/a/b": "/a/b", "/a/q": "/a/{x}", "/a/q/c": "/a/{x}/c", "/z/y": "/{proxy+}",
        "/a/b/d": "/{proxy+}", "/a/": "/a",
    }  # fmt: skip
    assert {path: site.call(api_id, f"/dev{path}").json for path in wanted} == wanted


def test_what_is_not_there_is_refused_as_on_aws(site: Site) -> None:
    api_id = site.build({"/a": {"get": mock()}})
    answer = site.call(api_id, "/dev/b")
    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert site.call(api_id, "/dev/a", "DELETE").status == 403
    answer = site.call(api_id, "/prod/a")
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})


def test_a_deployment_is_a_snapshot(site: Site) -> None:
    api_id = site.build({"/a": {"get": mock()}})
    resources = site.api.get_resources(restApiId=api_id)["items"]
    one = next(each["id"] for each in resources if each["path"] == "/a")
    site.api.delete_method(restApiId=api_id, resourceId=one, httpMethod="GET")
    assert site.call(api_id, "/dev/a").status == 200
    at = {"restApiId": api_id, "resourceId": one, "httpMethod": "POST"}
    site.api.put_method(**at, authorizationType="NONE")
    site.api.put_integration(
        **at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
    )
    site.api.put_method_response(**at, statusCode="200")
    site.api.put_integration_response(**at, statusCode="200")
    site.deploy(api_id)
    assert site.call(api_id, "/dev/a").status == 403
    assert site.call(api_id, "/dev/a", "POST", "{}").status == 200


def test_templates_see_the_request_and_change_the_response(site: Site) -> None:
    template = """
#set($body = $input.path('$'))
#set($context.responseOverride.header.X-Made = "$body.name/$input.params('id')")
#if($body.bad)#set($context.responseOverride.status = 400)#end
{"statusCode": 200}
"""
    made = """{
 "all": $input.json('$'), "echo": "$context.responseOverride.header.X-Made",
 "id": "$input.params('id')", "q": "$input.params().querystring.q",
 "stage": "$context.stage", "var": "$stageVariables.v",
 "esc": "$util.escapeJavaScript('a"b')", "b64": "$util.base64Encode('x')",
 "list": [#foreach($n in [1..2])$n#if($foreach.hasNext),#end#end]
}"""
    answers = {"default": {"statusCode": "200", "responseTemplates": {"application/json": made}}}
    parameters = [{"name": "id", "in": "path", "required": True, "type": "string"}]
    method = {**mock(template, **answers), "parameters": parameters}
    api_id = site.build({"/x/{id}": {"post": method}})
    site.deploy(api_id, variables={"v": "1"})
    answer = site.call(api_id, "/dev/x/7?q=2", "POST", '{"name": "n", "n": [1, 2]}')
    assert answer.headers["x-made"] == "n/7"
    assert answer.json == {
        "all": {}, "echo": "n/7", "id": "7", "q": "2", "stage": "dev", "var": "1",
        "esc": 'a"b', "b64": "eA==", "list": [1, 2],
    }  # fmt: skip
    answer = site.call(api_id, "/dev/x/7", "POST", '{"bad": true}')
    assert answer.status == 400


def test_cors_by_a_mock(site: Site) -> None:
    headers = {"method.response.header.Access-Control-Allow-Origin": "'*'"}
    method = mock(default={"statusCode": "200", "responseParameters": headers})
    method["responses"]["200"]["headers"] = {"Access-Control-Allow-Origin": {"type": "string"}}
    api_id = site.build({"/": {"options": method}})
    answer = site.call(api_id, "/dev/", "OPTIONS", origin="https://page.example")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_requests_are_validated(site: Site) -> None:
    method = {
        **proxy(),
        "parameters": [
            {"name": "q", "in": "query", "required": True, "type": "string"},
            {"name": "x-h", "in": "header", "required": True, "type": "string"},
            {"in": "body", "name": "o", "schema": {"$ref": "#/definitions/Order"}},
        ],
        "x-amazon-apigateway-request-validator": "all",
    }
    order = {
        "type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}},
    }  # fmt: skip
    template = '{"m": $context.error.messageString, "d": "$context.error.validationErrorString"}'
    api_id = site.build(
        {"/": {"post": method}},
        definitions={"Order": order},
        **{
            "x-amazon-apigateway-request-validators": {
                "all": {"validateRequestBody": True, "validateRequestParameters": True}
            },
            "x-amazon-apigateway-gateway-responses": {
                "BAD_REQUEST_BODY": {
                    "statusCode": 422,
                    "responseTemplates": {"application/json": template},
                    "responseParameters": {"gatewayresponse.header.X-Why": "'body'"},
                }
            },
        },
    )
    answer = site.call(api_id, "/dev/", "POST", "{}")
    assert answer.status == 400
    assert answer.json == {"message": "Missing required request parameters: [x-h, q]"}
    good = {"content_type": "application/json", "x_h": "1"}
    answer = site.call(api_id, "/dev/?q=1", "POST", '{"n": "x"}', **good)
    assert (answer.status, answer.headers["x-why"]) == (422, "body")
    assert answer.json["m"] == "Invalid request body"
    assert site.call(api_id, "/dev/?q=1", "POST", "no json", **good).status == 422
    assert site.invokes == 0
    assert site.call(api_id, "/dev/?q=1", "POST", '{"n": 1}', **good).status == 200


def test_binary_types_are_passed_on_as_bytes(site: Site) -> None:
    api_id = site.build(
        {"/": {"post": proxy()}}, **{"x-amazon-apigateway-binary-media-types": ["image/png"]}
    )
    data = bytes(range(256))
    site.reply = {"body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    kind = {"content_type": "image/png", "accept": "image/png"}
    answer = site.call(api_id, "/dev/", "POST", data, **kind)
    assert answer.body == data
    assert base64.b64decode(site.event["body"]) == data
    assert site.event["isBase64Encoded"] is True
    answer = site.call(api_id, "/dev/", "POST", "x", accept="text/plain")
    assert answer.body == base64.b64encode(data)


def test_a_custom_integration_selects_its_response_by_the_error(site: Site) -> None:
    integration = {
        "type": "aws", "httpMethod": "POST", "uri": INVOKED,
        "requestTemplates": {"application/json": '{"n": $input.json("$.n")}'},
        "responses": {
            "default": {"statusCode": "200"},
            ".*bad.*": {
                "statusCode": "400",
                "responseTemplates": {
                    "application/json": '{"error": $input.json("$.errorMessage")}'
                },
            },
        },
    }  # fmt: skip
    declared = {"200": {"description": ""}, "400": {"description": ""}}
    method = {"responses": declared, "x-amazon-apigateway-integration": integration}
    api_id = site.build({"/": {"post": method}})
    site.reply = {"fine": 1}
    answer = site.call(api_id, "/dev/", "POST", '{"n": [1]}', content_type="application/json")
    assert (answer.status, answer.json, site.event) == (200, {"fine": 1}, {"n": [1]})
    site.reply, site.error = {"errorMessage": "it is bad", "errorType": "E"}, True
    answer = site.call(api_id, "/dev/", "POST", '{"n": 1}', content_type="application/json")
    assert (answer.status, answer.json) == (400, {"error": "it is bad"})


def test_an_event_is_accepted_without_waiting(site: Site) -> None:
    integration = {
        "type": "aws", "httpMethod": "POST", "uri": INVOKED,
        "requestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        "responses": {"default": {"statusCode": "202"}},
    }  # fmt: skip
    method = {
        "responses": {"202": {"description": ""}},
        "x-amazon-apigateway-integration": integration,
    }
    api_id = site.build({"/": {"post": method}})
    assert site.call(api_id, "/dev/", "POST", '{"a": 1}').status == 202


def test_other_services_are_called(site: Site) -> None:
    sqs = site.running.client("sqs")
    url = sqs.create_queue(QueueName="from-api")["QueueUrl"]
    action = {
        "type": "aws", "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/from-api",
        "requestParameters": {
            "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"
        },
        "requestTemplates": {
            "application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
        },
        "responses": {"default": {"statusCode": "200"}},
    }  # fmt: skip
    declared = {"responses": {"200": {"description": ""}}}
    topic = site.running.client("sns").create_topic(Name="from-api")["TopicArn"]
    publish = {
        "type": "aws", "httpMethod": "POST",
        "uri": "arn:aws:apigateway:us-east-1:sns:action/Publish",
        "requestParameters": {
            "integration.request.querystring.TopicArn": f"'{topic}'",
            "integration.request.querystring.Message": "'hello'",
        },
        "responses": {"default": {"statusCode": "200"}},
    }  # fmt: skip
    api_id = site.build({
        "/queue": {"post": {**declared, "x-amazon-apigateway-integration": action}},
        "/topic": {"post": {**declared, "x-amazon-apigateway-integration": publish}},
    })  # fmt: skip
    answer = site.call(api_id, "/dev/queue", "POST", '{"a": 1}')
    assert b"MessageId" in answer.body
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"a": 1}'
    assert b"MessageId" in site.call(api_id, "/dev/topic", "POST", "{}").body


def test_keys_and_plans_act(site: Site) -> None:
    api_id = site.build(
        {"/": {"get": {**mock(), "security": [{"key": []}]}}},
        securityDefinitions={"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
    )
    assert site.call(api_id, "/dev/").json == {"message": "Forbidden"}
    key = site.api.create_api_key(name="k", enabled=True)
    plan = site.api.create_usage_plan(
        name="p",
        apiStages=[{"apiId": api_id, "stage": "dev"}],
        quota={"limit": 2, "period": "DAY"},
    )["id"]
    assert site.call(api_id, "/dev/", x_api_key=key["value"]).status == 403
    site.api.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    statuses = [site.call(api_id, "/dev/", x_api_key=key["value"]).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = site.call(api_id, "/dev/", x_api_key=key["value"])
    assert answer.json == {"message": "Limit Exceeded"}
    assert site.call(api_id, "/dev/", x_api_key="other").status == 403


def policy(effect: str, **more: Any) -> Callable[[Any], Any]:
    def answer(event: Any) -> Any:
        if event.get("type") not in ("TOKEN", "REQUEST"):
            return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
        statement = {
            "Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]
        }  # fmt: skip
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "me", "policyDocument": document, **more}

    return answer


def guarded(site: Site, **authorizer: Any) -> str:
    given = {"type": "token", "authorizerUri": INVOKED, **authorizer}
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": given,
    }  # fmt: skip
    return site.build(
        {"/x": {"get": {**proxy(), "security": [{"mine": []}]}}},
        securityDefinitions={"mine": scheme},
    )


def test_an_authorizer_lets_callers_pass(site: Site) -> None:
    api_id = guarded(site)
    answer = site.call(api_id, "/dev/x")
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    site.reply = policy("Allow", context={"n": 1, "b": True})
    answer = site.call(api_id, "/dev/x", authorization="t1")
    assert answer.json == {"principalId": "me", "integrationLatency": 0, "n": "1", "b": "true"}
    before = site.invokes
    assert site.call(api_id, "/dev/x", authorization="t1").status == 200
    assert site.invokes == before + 1
    site.api.flush_stage_authorizers_cache(restApiId=api_id, stageName="dev")
    assert site.call(api_id, "/dev/x", authorization="t1").status == 200
    assert site.invokes == before + 3
    site.reply = policy("Deny")
    answer = site.call(api_id, "/dev/x", authorization="t2")
    assert answer.status == 403
    assert answer.json["Message"].startswith("User is not authorized to access this resource")
    site.reply, site.error = {"errorMessage": "Unauthorized"}, True
    assert site.call(api_id, "/dev/x", authorization="t3").status == 401
    site.reply, site.error = {"no": "policy"}, False
    answer = site.call(api_id, "/dev/x", authorization="t4")
    assert (answer.status, answer.json) == (500, {"message": None})


def test_a_request_authorizer_sees_the_request(site: Site) -> None:
    from aws_lambda_powertools.utilities.parser.models import (
        ApiGatewayAuthorizerRequest,
        APIGatewayProxyEventModel,
    )

    api_id = guarded(
        site, type="request", identitySource="method.request.querystring.who",
        authorizerResultTtlInSeconds=0,
    )  # fmt: skip
    seen = []
    allow = policy("Allow")

    def answer(event: Any) -> Any:
        seen.append(event)
        return allow(event)

    site.reply = answer
    assert site.call(api_id, "/dev/x").status == 401
    assert site.call(api_id, "/dev/x?who=me").status == 200
    assert seen[0]["type"] == "REQUEST"
    assert seen[0]["queryStringParameters"] == {"who": "me"}
    assert seen[0]["methodArn"].endswith(f":{api_id}/dev/GET/x")
    ApiGatewayAuthorizerRequest.model_validate(seen[0])
    APIGatewayProxyEventModel.model_validate(seen[1])


def test_a_token_authorizer_is_handed_the_token(site: Site) -> None:
    from aws_lambda_powertools.utilities.parser.models import ApiGatewayAuthorizerToken

    api_id = guarded(site, authorizerResultTtlInSeconds=0)
    seen = []
    allow = policy("Allow")

    def answer(event: Any) -> Any:
        seen.append(event)
        return allow(event)

    site.reply = answer
    assert site.call(api_id, "/dev/x", authorization="let me in").status == 200
    assert seen[0] == {
        "type": "TOKEN",
        "methodArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api_id}/dev/GET/x",
        "authorizationToken": "let me in",
    }
    ApiGatewayAuthorizerToken.model_validate(seen[0])


def test_a_signed_caller_is_known(site: Site) -> None:
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }  # fmt: skip
    api_id = site.build(
        {"/": {"get": {**proxy(), "security": [{"sigv4": []}]}}},
        securityDefinitions={"sigv4": scheme},
    )
    assert site.call(api_id, "/dev/").json == {"message": "Missing Authentication Token"}
    signed = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/execute-api/aws4_request"
    assert site.call(api_id, "/dev/", authorization=signed).status == 200
    assert site.event["requestContext"]["identity"]["accountId"] == "123456789012"


def test_a_canary_takes_its_share(site: Site) -> None:
    def versioned(text: str) -> dict[str, Any]:
        return mock(default={"statusCode": "200", "responseTemplates": {"application/json": text}})

    api_id = site.build({"/": {"get": versioned("1 $stageVariables.v")}})
    definition = {
        "swagger": "2.0", "info": {"title": "t"},
        "paths": {"/": {"get": versioned("2 $stageVariables.v")}},
    }  # fmt: skip
    site.api.put_rest_api(restApiId=api_id, mode="overwrite", body=json.dumps(definition).encode())
    site.deploy(
        api_id, canarySettings={"percentTraffic": 100.0, "stageVariableOverrides": {"v": "c"}}
    )
    assert site.call(api_id, "/dev/").body == b"2 c"
    change = [{"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0"}]
    site.api.update_stage(restApiId=api_id, stageName="dev", patchOperations=change)
    assert site.call(api_id, "/dev/").body == b"1 "


def test_a_custom_domain_name_leads_to_a_stage(site: Site) -> None:
    api_id = site.build({"/x": {"get": proxy()}})
    name = f"{api_id}.example.test"
    site.api.create_domain_name(domainName=name, endpointConfiguration={"types": ["REGIONAL"]})
    site.api.create_base_path_mapping(
        domainName=name, basePath="shop", restApiId=api_id, stage="dev"
    )
    assert site.call(api_id, "/shop/x", host=name).status == 200
    assert site.event["path"] == "/x"
    assert site.event["requestContext"]["path"] == "/shop/x"
    assert site.call(api_id, "/other/x", host=name).status == 403
    site.api.delete_base_path_mapping(domainName=name, basePath="shop")
    site.api.delete_domain_name(domainName=name)


def test_a_response_streams_as_it_is_written(site: Site) -> None:
    api_id = site.build({"/": {"get": proxy(STREAMED, responseTransferMode="STREAM")}})
    head = json.dumps({"statusCode": 201, "headers": {"Content-Type": "text/event-stream"}})

    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await writer.begin(PRELUDE)
        await writer.write(head.encode() + b"\0" * 8 + b"one")
        await writer.write(b"two")
        await writer.end()

    site.script = script
    answer = site.call(api_id, "/dev/")
    assert (answer.status, answer.body) == (201, b"onetwo")
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_body_over_10_mb_is_refused(site: Site) -> None:
    api_id = site.build({"/": {"post": proxy()}})
    answer = site.call(api_id, "/dev/", "POST", b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.json) == (413, {"message": "Request Too Long"})
    assert site.invokes == 0


def test_a_late_function_is_a_504(site: Site) -> None:
    api_id = site.build({"/": {"get": proxy(timeoutInMillis=50)}})
    go = asyncio.Event()

    async def script(writer: Writer, runtime: RuntimeClient) -> None:
        await go.wait()
        await runtime.call("POST", f"invocation/{writer._id}/response", b"{}")

    site.script = script
    answer = site.call(api_id, "/dev/")
    site.running.call(go.set)
    assert (answer.status, answer.json) == (504, {"message": "Endpoint request timed out"})


def test_a_method_is_tried_without_a_deployment(site: Site) -> None:
    api_id = site.build({"/x/{id}": {"get": proxy()}})
    resources = site.api.get_resources(restApiId=api_id)["items"]
    one = next(each["id"] for each in resources if each["path"] == "/x/{id}")
    tried = site.api.test_invoke_method(
        restApiId=api_id, resourceId=one, httpMethod="GET", pathWithQueryString="/x/7?a=b"
    )
    assert (tried["status"], tried["body"]) == (200, "ok")
    assert site.event["pathParameters"] == {"id": "7"}
    assert site.event["requestContext"]["stage"] == "test-invoke-stage"
    lines = tried["log"].splitlines()
    assert lines[0].startswith("Execution log for request ")
    assert lines[-1].endswith(": Method completed with status: 200")
    site.reply = "no response"
    tried = site.api.test_invoke_method(restApiId=api_id, resourceId=one, httpMethod="GET")
    assert tried["status"] == 502


def test_an_authorizer_is_tried(site: Site) -> None:
    api_id = guarded(site)
    (authorizer,) = site.api.get_authorizers(restApiId=api_id)["items"]
    site.reply = policy("Allow")
    named = {"restApiId": api_id, "authorizerId": authorizer["id"]}
    tried = site.api.test_invoke_authorizer(**named, headers={"Authorization": "t"})
    assert (tried["clientStatus"], tried["principalId"]) == (0, "me")
    assert site.event["authorizationToken"] == "t"


def test_an_api_is_exported(site: Site) -> None:
    api_id = site.build({"/x/{id}": {"get": proxy()}})
    for kind in ("swagger", "oas30"):
        exported = site.api.get_export(
            restApiId=api_id, stageName="dev", exportType=kind,
            parameters={"extensions": "apigateway"},
        )  # fmt: skip
        definition = json.loads(exported["body"].read())
        method = definition["paths"]["/x/{id}"]["get"]
        assert method["x-amazon-apigateway-integration"]["uri"] == INVOKED
        again = site.api.import_rest_api(body=json.dumps(definition).encode())
        assert len(site.api.get_resources(restApiId=again["id"])["items"]) == 3


class Backend:
    """An HTTP endpoint that answers with what it was sent."""

    def __init__(self) -> None:
        backend = self
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                said = {
                    "method": self.command, "path": self.path,
                    "body": self.rfile.read(length).decode(),
                    "headers": {k.lower(): v for k, v in self.headers.items()},
                }  # fmt: skip
                text = json.dumps(said).encode()
                self.send_response(backend.status)
                self.send_header("Content-Length", str(len(text)))
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Mine", "yes")
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PUT = do_GET

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    yield backend
    backend.close()


def test_http_proxies_pass_on_what_they_get(site: Site, backend: Backend) -> None:
    integration = {
        "type": "http_proxy", "httpMethod": "ANY", "uri": f"{backend.url}/base/{{proxy}}",
        "requestParameters": {
            "integration.request.path.proxy": "method.request.path.proxy",
            "integration.request.header.X-Added": "'added'",
        },
    }  # fmt: skip
    parameters = [{"name": "proxy", "in": "path", "required": True, "type": "string"}]
    method = {"parameters": parameters, "x-amazon-apigateway-integration": integration}
    api_id = site.build({"/{proxy+}": {ANY: method}})
    answer = site.call(api_id, "/dev/a/b?q=1&q=2", "POST", "hello", x_own="o")
    said = answer.json
    assert (said["method"], said["path"], said["body"]) == ("POST", "/base/a/b?q=1&q=2", "hello")
    assert said["headers"]["x-own"] == "o"
    assert said["headers"]["x-added"] == "added"
    assert said["headers"]["x-amzn-apigateway-api-id"] == api_id
    assert answer.headers["x-mine"] == "yes"
    assert "x-amzn-remapped-content-length" in answer.headers
    backend.status = 404
    assert site.call(api_id, "/dev/x").status == 404


def test_http_integrations_map_both_ways(site: Site, backend: Backend) -> None:
    integration = {
        "type": "http", "httpMethod": "PUT", "uri": f"{backend.url}/${{stageVariables.v}}",
        "requestParameters": {"integration.request.querystring.id": "method.request.path.id"},
        "requestTemplates": {"application/json": '{"made": $input.json("$.a")}'},
        "responses": {
            "default": {
                "statusCode": "200",
                "responseParameters": {
                    "method.response.header.X-From": "integration.response.header.X-Mine"
                },
            },
            "5\\d\\d": {
                "statusCode": "400",
                "responseTemplates": {"application/json": '{"p": $input.json("$.path")}'},
            },
        },
    }  # fmt: skip
    declared = {
        "200": {"description": "", "headers": {"X-From": {"type": "string"}}},
        "400": {"description": ""},
    }
    parameters = [{"name": "id", "in": "path", "required": True, "type": "string"}]
    method = {
        "parameters": parameters, "responses": declared,
        "x-amazon-apigateway-integration": integration,
    }  # fmt: skip
    api_id = site.build({"/{id}": {"post": method}})
    site.deploy(api_id, variables={"v": "there"})
    answer = site.call(api_id, "/dev/7", "POST", '{"a": [1]}')
    assert (answer.json["method"], answer.json["path"]) == ("PUT", "/there?id=7")
    assert (answer.json["body"], answer.headers["x-from"]) == ('{"made": [1]}', "yes")
    backend.status = 503
    answer = site.call(api_id, "/dev/7", "POST", "{}")
    assert (answer.status, answer.json) == (400, {"p": "/there?id=7"})


def test_an_endpoint_that_is_not_there_is_a_504(site: Site) -> None:
    integration = {"type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1:9/"}
    api_id = site.build({"/": {"get": {"x-amazon-apigateway-integration": integration}}})
    answer = site.call(api_id, "/dev/")
    assert answer.status == 504
    assert answer.json == {"message": "Network error communicating with endpoint"}


def service(uri: str, method: str = "POST", **more: Any) -> dict[str, Any]:
    """Return a method that calls another service."""
    integration = {
        "type": "aws", "httpMethod": method, "uri": f"arn:aws:apigateway:us-east-1:{uri}",
        "credentials": "arn:aws:iam::000000000000:role/r",
        "responses": {"default": {"statusCode": "200"}}, **more,
    }  # fmt: skip
    declared = {"responses": {"200": {"description": ""}}}
    return {**declared, "x-amazon-apigateway-integration": integration}


def test_tables_buckets_buses_and_workflows_are_called(site: Site) -> None:
    site.running.client("dynamodb").create_table(
        TableName="items", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    s3 = site.running.client("s3")
    s3.create_bucket(Bucket="from-api")
    item = '{"TableName": "items", "Item": {"id": {"S": "$input.params(\'id\')"}}}'
    get = '{"TableName": "items", "Key": {"id": {"S": "$input.params(\'id\')"}}}'
    entry = (
        '{"Entries": [{"Source": "api", "DetailType": "t", "Detail": '
        "\"$util.escapeJavaScript($input.json('$'))\"}]}"
    )
    key = {"integration.request.path.key": "method.request.path.id"}
    named = [{"name": "id", "in": "path", "required": True, "type": "string"}]

    def at(method: dict[str, Any]) -> dict[str, Any]:
        return {**method, "parameters": named}

    api_id = site.build({
        "/items/{id}": {
            "put": at(service("dynamodb:action/PutItem",
                              requestTemplates={"application/json": item})),
            "get": at(service("dynamodb:action/GetItem",
                              requestTemplates={"application/json": get})),
        },
        "/files/{id}": {
            "put": at(service("s3:path/from-api/{key}", "PUT", requestParameters=key)),
            "get": at(service("s3:path/from-api/{key}", "GET", requestParameters=key)),
        },
        "/events": {
            "post": service("events:action/PutEvents",
                            requestTemplates={"application/json": entry}),
        },
    })  # fmt: skip
    assert site.call(api_id, "/dev/items/7", "PUT", "{}").status == 200
    assert site.call(api_id, "/dev/items/7").json == {"Item": {"id": {"S": "7"}}}
    assert site.call(api_id, "/dev/files/f", "PUT", "content").status == 200
    assert s3.get_object(Bucket="from-api", Key="f")["Body"].read() == b"content"
    assert site.call(api_id, "/dev/files/f").body == b"content"
    answer = site.call(api_id, "/dev/events", "POST", '{"a": "b"}')
    assert answer.json["FailedEntryCount"] == 0


def test_a_token_of_a_user_pool_lets_callers_pass(site: Site) -> None:
    scheme = {
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "cognito_user_pools",
        "x-amazon-apigateway-authorizer": {
            "type": "cognito_user_pools",
            "providerARNs": ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_p"],
        },
    }  # fmt: skip
    api_id = site.build(
        {
            "/id": {"get": {**proxy(), "security": [{"pool": []}]}},
            "/scoped": {"get": {**proxy(), "security": [{"pool": ["read"]}]}},
        },
        securityDefinitions={"pool": scheme},
    )
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_p"

    def token(**claims: Any) -> str:
        from emulator.edge.http_fronts.authorizers.token_issuer import TokenIssuer

        signer = TokenIssuer(site.running.emulator.parts.folder)
        now = time.time()
        given = {"iss": issuer, "sub": "me", "iat": now - 5, "exp": now + 60, **claims}
        return str(site.running.call(lambda: signer.sign(given)))

    assert site.call(api_id, "/dev/id").json == {"message": "Unauthorized"}
    assert site.call(api_id, "/dev/id", authorization="garbage").status == 401
    assert site.call(api_id, "/dev/id", authorization=token()).status == 200
    assert site.event["requestContext"]["authorizer"]["claims"]["sub"] == "me"
    late = site.call(api_id, "/dev/id", authorization=token(exp=time.time() - 1))
    assert late.json == {"message": "The incoming token has expired"}
    assert site.call(api_id, "/dev/scoped", authorization=token()).status == 401
    scoped = token(scope="read write")
    assert site.call(api_id, "/dev/scoped", authorization=f"Bearer {scoped}").status == 200
