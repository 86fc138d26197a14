"""REST APIs serve: routes, stages, mapping, validation, keys, authorizers, streams."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from emulator.testing import RuntimeClient
from tests.api.rest_site import ANY, INVOKED, STREAMED, Site, mock, proxy, shared, site
from tests.api.test_streaming import PRELUDE, Writer

__all__ = ["shared", "site"]


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
