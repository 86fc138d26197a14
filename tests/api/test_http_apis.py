"""HTTP APIs serve: routes, payloads, stages, CORS, authorizers, limits."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    ApiGatewayAuthorizerRequestV2,
    APIGatewayProxyEventModel,
    APIGatewayProxyEventV2Model,
)

from tests.api.http_site import ApiSite


@pytest.fixture(scope="module")
def site() -> Iterator[ApiSite]:
    site = ApiSite()
    site.function("echo")
    yield site
    site.stop()


@pytest.fixture(autouse=True)
def quiet(site: ApiSite) -> None:
    site.replies.clear()
    site.events.clear()


def arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


@pytest.fixture(scope="module")
def pets(site: ApiSite) -> str:
    """An API with a route of each kind, whose functions answer their event."""
    api_id = site.http_api("pets")
    for key in (
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /pets",
        "POST /pets",
        "ANY /{proxy+}",
        "$default",
    ):
        site.route(api_id, key, arn("echo"))
    site.stage(api_id)
    return api_id


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1", None),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST", "/pets/cat/1", "ANY /{proxy+}", {"proxy": "pets/cat/1"}),
        ("GET", "/pets", "ANY /pets", None),
        ("POST", "/pets", "POST /pets", None),
        ("GET", "/test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("GET", "/", "$default", None),
        ("GET", "/pets/dog/a%2Fb%20c", "GET /pets/dog/{id}", {"id": "a/b c"}),
    ],
)
def test_the_most_specific_route_is_taken(
    site: ApiSite, pets: str, method: str, path: str, key: str, parameters: Any
) -> None:
    event = site.call(pets, path, method).json
    assert event["routeKey"] == event["requestContext"]["routeKey"] == key
    assert event.get("pathParameters") == parameters


def test_the_event_in_format_2(site: ApiSite, pets: str) -> None:
    answer = site.call(
        pets,
        "/pets/a%20b?x=1&x=2&y=%2F",
        "POST",
        b'{"a": 1}',
        {"Content-Type": "application/json", "Cookie": "a=1; b=2", "X-Own": "One"},
    )
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    event = answer.json
    APIGatewayProxyEventV2Model.model_validate(event)
    assert event["rawPath"] == "/pets/a b"
    assert event["rawQueryString"] == "x=1&x=2&y=%2F"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "/"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-own"] == "One"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    context = event["requestContext"]
    assert context["accountId"] == "000000000000"
    assert context["apiId"] == context["domainPrefix"] == pets
    assert context["domainName"] == site.host(pets)
    assert context["stage"] == "$default"
    assert context["requestId"] == answer.headers["apigw-requestid"]
    assert "authorizer" not in context


def test_binary_bodies_come_in_base64(site: ApiSite, pets: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    event = site.call(pets, "/", "PUT", b"\x00\xff", headers).json
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\x00\xff"


def test_the_event_in_format_1(site: ApiSite) -> None:
    api_id = site.http_api("first")
    site.route(api_id, "GET /a/{id}", arn("echo"), "1.0")
    site.stage(api_id, "dev", StageVariables={"name": "value"})
    site.replies["echo"] = lambda event: {"statusCode": 200, "body": json.dumps(event)}
    headers = {"X-Own": "One", "User-Agent": "agent"}
    event = site.call(api_id, "/dev/a/1?x=1&x=2", headers=headers).json
    APIGatewayProxyEventModel.model_validate(event)
    assert event["version"] == "1.0"
    assert event["resource"] == "/a/{id}"
    assert event["path"] == "/dev/a/1"
    assert event["httpMethod"] == "GET"
    assert event["headers"]["User-Agent"] == "agent"
    assert event["multiValueHeaders"]["x-own"] == ["One"]
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["pathParameters"] == {"id": "1"}
    assert event["stageVariables"] == {"name": "value"}
    assert event["body"] is None
    assert event["requestContext"]["resourceId"] == "GET /a/{id}"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_what_functions_answer(site: ApiSite, pets: str) -> None:
    site.replies["echo"] = {
        "statusCode": "201",
        "headers": {"X-Own": "a", "Content-Length": "9"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "aGk=",
        "isBase64Encoded": True,
    }
    answer = site.call(pets)
    assert (answer.status, answer.body) == (201, b"hi")
    assert answer.headers["x-own"] == "a"
    assert answer.headers["content-type"] == "text/plain;charset=UTF-8"
    assert answer.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    site.replies["echo"] = {"message": "hi"}
    answer = site.call(pets)
    assert (answer.status, answer.body) == (200, b'{"message":"hi"}')
    assert answer.headers["content-type"] == "application/json"
    site.replies["echo"] = b'"text"'
    assert site.call(pets).body == b"text"


@pytest.mark.parametrize(
    "reply",
    [
        ValueError("broken"),
        {"statusCode": "many", "body": ""},
        {"statusCode": 200, "headers": ["a"], "body": ""},
        {"statusCode": 200, "isBase64Encoded": True, "body": "%"},
    ],
)
def test_what_functions_may_not_answer(site: ApiSite, pets: str, reply: Any) -> None:
    site.replies["echo"] = reply
    answer = site.call(pets)
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize(
    "reply",
    [{"body": "a"}, "text", {"statusCode": 200, "body": {"a": 1}}, {"statusCode": None}],
)
def test_format_1_infers_nothing(site: ApiSite, reply: Any) -> None:
    api_id = site.http_api("strict")
    site.route(api_id, "$default", arn("echo"), "1.0")
    site.stage(api_id)
    site.replies["echo"] = reply
    answer = site.call(api_id)
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    site.replies["echo"] = {"statusCode": 200, "multiValueHeaders": {"X-Own": ["a", "b"]}}
    assert site.call(api_id).headers.get_all("x-own") == ["a", "b"]


def test_what_mappings_make_is_fit_for_http(site: ApiSite, pets: str) -> None:
    api_id = site.http_api("proxy")
    there = f"http://127.0.0.1:{site.running.emulator.port}/_aws/execute-api/{pets}"
    integration = site.api.create_integration(
        ApiId=api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri=there + "/{name}",
        ResponseParameters={
            "200": {"append:header.path": "$response.body.rawPath", "overwrite:statuscode": "999"},
            "404": {"append:header.text": "$response.body"},
        },
    )["IntegrationId"]
    target = f"integrations/{integration}"
    site.api.create_route(ApiId=api_id, RouteKey="GET /{name}", Target=target)
    site.stage(api_id)
    answer = site.call(api_id, "/a%20b%0d%0ac%3Fd")
    assert (answer.status, answer.json["rawQueryString"]) == (200, "")
    assert answer.json["rawPath"].startswith("/a b\r\nc")
    assert answer.headers["path"] == "/a b c"
    site.replies["echo"] = {"statusCode": 404, "body": "/w==", "isBase64Encoded": True}
    assert (answer := site.call(api_id, "/bytes")).status == 404
    assert answer.body == b"\xff"


def test_nothing_is_found_without_a_route_a_stage_or_an_api(site: ApiSite) -> None:
    api_id = site.http_api("bare")
    site.route(api_id, "GET /a", arn("echo"))
    assert site.call(api_id, "/a").status == 404
    site.stage(api_id, "dev")
    assert site.call(api_id, "/dev/a").status == 200
    for path, method in (("/dev/b", "GET"), ("/dev/a", "POST"), ("/a", "GET"), ("/prod/a", "GET")):
        answer = site.call(api_id, path, method)
        assert (answer.status, answer.json) == (404, {"message": "Not Found"})
    unknown = site.call("nothere123", "/")
    assert (unknown.status, unknown.json) == (403, {"message": "Forbidden"})
    assert unknown.headers["x-amzn-errortype"] == "ForbiddenException"
    assert unknown.headers["x-localfaas-reason"] == "there is no API with the id nothere123"


def test_the_path_form_and_localstack_s_lead_to_the_api(site: ApiSite, pets: str) -> None:
    host = f"localhost:{site.running.emulator.port}"
    event = site.call(pets, f"/_aws/execute-api/{pets}/pets/dog/7?a=1", host=host).json
    assert event["rawPath"] == "/pets/dog/7"
    assert event["headers"]["host"] == host
    assert event["requestContext"]["domainName"] == f"{pets}.execute-api.us-east-1.localhost"
    public = f"{pets}.execute-api.localhost.localstack.cloud:{site.running.emulator.port}"
    assert site.call(pets, "/pets/dog/8", host=public).json["rawPath"] == "/pets/dog/8"


def test_a_deployment_holds_what_was_there(site: ApiSite) -> None:
    api_id = site.http_api("deployed")
    site.route(api_id, "GET /a", arn("echo"))
    site.api.create_stage(ApiId=api_id, StageName="dev")
    assert site.call(api_id, "/dev/a").status == 404
    first = site.api.create_deployment(ApiId=api_id, StageName="dev")["DeploymentId"]
    assert site.call(api_id, "/dev/a").status == 200
    site.route(api_id, "GET /b", arn("echo"))
    assert site.call(api_id, "/dev/b").status == 404
    site.api.create_deployment(ApiId=api_id, StageName="dev")
    assert site.call(api_id, "/dev/b").status == 200
    site.api.update_stage(ApiId=api_id, StageName="dev", DeploymentId=first)
    assert site.call(api_id, "/dev/b").status == 404


def test_stage_variables_choose_the_function(site: ApiSite) -> None:
    api_id = site.http_api("variables")
    site.route(api_id, "$default", arn("${stageVariables.which}"))
    site.stage(api_id, "dev", StageVariables={"which": "echo"})
    event = site.call(api_id, "/dev/x").json
    assert event["stageVariables"] == {"which": "echo"}
    assert event["rawPath"] == "/dev/x"


def test_cors(site: ApiSite) -> None:
    api_id = site.http_api(
        "cors",
        CorsConfiguration={
            "AllowOrigins": ["https://a.example"],
            "AllowMethods": ["GET", "POST"],
            "AllowHeaders": ["x-own"],
            "ExposeHeaders": ["x-shown"],
            "MaxAge": 60,
            "AllowCredentials": True,
        },
    )
    site.route(api_id, "GET /a", arn("echo"))
    site.stage(api_id)
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = site.call(api_id, "/a", "OPTIONS", headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-allow-headers"] == "x-own"
    assert answer.headers["access-control-max-age"] == "60"
    assert answer.headers["access-control-allow-credentials"] == "true"
    site.replies["echo"] = {
        "statusCode": 200,
        "headers": {"Access-Control-Allow-Origin": "https://own.example"},
    }
    answer = site.call(api_id, "/a", headers={"Origin": "https://a.example"})
    assert answer.headers.get_all("access-control-allow-origin") == ["https://a.example"]
    assert answer.headers["access-control-expose-headers"] == "x-shown"
    answer = site.call(api_id, "/a", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in answer.headers
    missing = site.call(api_id, "/b", headers={"Origin": "https://a.example"})
    assert (missing.status, missing.headers["access-control-allow-origin"]) == (
        404,
        "https://a.example",
    )


def test_without_cors_the_function_says_who_may(site: ApiSite, pets: str) -> None:
    site.replies["echo"] = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    answer = site.call(pets, "/", "OPTIONS", headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_throttles_act(site: ApiSite) -> None:
    api_id = site.http_api("throttled")
    site.route(api_id, "GET /a", arn("echo"))
    site.route(api_id, "GET /b", arn("echo"))
    site.stage(
        api_id,
        DefaultRouteSettings={"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.001},
        RouteSettings={"GET /b": {"ThrottlingBurstLimit": 3, "ThrottlingRateLimit": 0.001}},
    )
    assert [site.call(api_id, "/a").status for _ in range(3)] == [200, 200, 429]
    assert [site.call(api_id, "/b").status for _ in range(4)] == [200, 200, 200, 429]
    assert site.call(api_id, "/a").json == {"message": "Too Many Requests"}


def test_bodies_and_heads_have_limits(site: ApiSite, pets: str) -> None:
    large = b"x" * (10 * 1024 * 1024 + 1)
    answer = site.call(pets, "/", "POST", large)
    assert (answer.status, answer.json) == (413, {"message": "Request Entity Too Large"})
    answer = site.call(pets, "/", headers={"X-Long": "x" * 11_000})
    assert answer.status == 431


def test_access_logs(site: ApiSite) -> None:
    logs = site.running.client("logs")
    logs.create_log_group(logGroupName="/http")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/http"
    form = (
        '{"id":"$context.requestId","route":"$context.routeKey","status":$context.status,'
        '"ip":"$context.identity.sourceIp","error":"$context.integrationErrorMessage",'
        '"length":$context.responseLength,"stage":"$context.stage"}'
    )
    api_id = site.http_api("logged")
    site.route(api_id, "GET /a", arn("echo"))
    site.stage(api_id, "dev", AccessLogSettings={"DestinationArn": group, "Format": form})
    site.replies["echo"] = "hi"
    answer = site.call(api_id, "/dev/a")
    line = json.loads(logs.filter_log_events(logGroupName="/http")["events"][0]["message"])
    assert line == {
        "id": answer.headers["apigw-requestid"],
        "route": "GET /a",
        "status": 200,
        "ip": "127.0.0.1",
        "error": "-",
        "length": 2,
        "stage": "dev",
    }
    logs.close()


# --- authorizers -------------------------------------------------------------------------------


def lambda_authorizer(site: ApiSite, api_id: str, **fields: Any) -> str:
    made = site.api.create_authorizer(
        ApiId=api_id,
        Name="asked",
        AuthorizerType="REQUEST",
        AuthorizerUri=(
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
            f"{arn('authorizer')}/invocations"
        ),
        **{
            "AuthorizerPayloadFormatVersion": "2.0",
            "IdentitySource": ["$request.header.Authorization"],
            "EnableSimpleResponses": True,
            **fields,
        },
    )
    identifier: str = made["AuthorizerId"]
    return identifier


@pytest.fixture(scope="module")
def authorizer(site: ApiSite) -> None:
    """The function that authorizers ask."""
    site.function("authorizer")


@pytest.fixture(scope="module")
def asked(site: ApiSite, authorizer: None) -> str:
    """An API whose route asks a function, which is remembered for a minute."""
    api_id = site.http_api("asked")
    made = lambda_authorizer(site, api_id, AuthorizerResultTtlInSeconds=60)
    fields = {"AuthorizationType": "CUSTOM", "AuthorizerId": made}
    site.route(api_id, "GET /a/{id}", arn("echo"), **fields)
    site.stage(api_id)
    return api_id


def test_a_function_may_say_who_calls(site: ApiSite, asked: str) -> None:
    site.replies["authorizer"] = {"isAuthorized": True, "context": {"user": "me", "n": 1}}
    answer = site.call(asked, "/a/1", headers={"Authorization": "one"})
    assert answer.json["requestContext"]["authorizer"] == {"lambda": {"user": "me", "n": 1}}
    event = site.events["authorizer"][0]
    ApiGatewayAuthorizerRequestV2.model_validate(event)
    assert event["routeArn"] == (
        f"arn:aws:execute-api:us-east-1:000000000000:{asked}/$default/GET/a/1"
    )
    assert event["identitySource"] == ["one"]
    assert event["type"] == "REQUEST"
    site.call(asked, "/a/2", headers={"Authorization": "one"})
    assert len(site.events["authorizer"]) == 1, "the answer was not remembered"
    site.api.reset_authorizers_cache(ApiId=asked, StageName="$default")
    site.call(asked, "/a/2", headers={"Authorization": "one"})
    assert len(site.events["authorizer"]) == 2


def test_a_function_refuses(site: ApiSite, asked: str) -> None:
    site.replies["authorizer"] = {"isAuthorized": False}
    answer = site.call(asked, "/a/1", headers={"Authorization": "two"})
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    answer = site.call(asked, "/a/1")
    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    for reply in (ValueError("broken"), "text", {"isAuthorized": "yes"}):
        site.replies["authorizer"] = reply
        answer = site.call(asked, "/a/1", headers={"Authorization": str(reply)})
        assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    site.replies["authorizer"] = RuntimeError("Unauthorized")
    assert site.call(asked, "/a/1", headers={"Authorization": "three"}).status == 401
    assert "echo" not in site.events


def test_a_function_may_answer_with_a_policy(site: ApiSite, authorizer: None) -> None:
    api_id = site.http_api("policies")
    made = lambda_authorizer(
        site, api_id, AuthorizerPayloadFormatVersion="1.0", EnableSimpleResponses=False
    )
    fields = {"AuthorizationType": "CUSTOM", "AuthorizerId": made}
    site.route(api_id, "ANY /{proxy+}", arn("echo"), **fields)
    site.stage(api_id)
    place = f"arn:aws:execute-api:us-east-1:000000000000:{api_id}/$default"
    site.replies["authorizer"] = {
        "principalId": "me",
        "context": {"key": "value"},
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{place}/GET/*"},
                {"Effect": "Deny", "Action": "execute-api:*", "Resource": f"{place}/*/secret"},
            ],
        },
    }
    headers = {"Authorization": "me"}
    answer = site.call(api_id, "/open", headers=headers)
    assert answer.json["requestContext"]["authorizer"]["lambda"] == {
        "key": "value",
        "principalId": "me",
    }
    event = site.events["authorizer"][0]
    assert (event["methodArn"], event["identitySource"]) == (f"{place}/GET/open", "me")
    assert site.call(api_id, "/secret", headers=headers).status == 403
    assert site.call(api_id, "/open", "POST", headers=headers).status == 403


def test_signed_requests(site: ApiSite) -> None:
    api_id = site.http_api("signed")
    site.route(api_id, "GET /a", arn("echo"), AuthorizationType="AWS_IAM")
    site.stage(api_id)
    answer = site.call(api_id, "/a")
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    signature = (
        "AWS4-HMAC-SHA256 Credential=111122223333/20261128/us-east-1/execute-api/aws4_request, "
        "SignedHeaders=host, Signature=00"
    )
    event = site.call(api_id, "/a", headers={"Authorization": signature}).json
    assert event["requestContext"]["authorizer"]["iam"]["accountId"] == "111122223333"


# --- custom domain names -----------------------------------------------------------------------


def test_custom_domain_names_lead_to_stages(site: ApiSite) -> None:
    configuration = [{"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a"}]
    apis = {}
    for name in ("root", "deep"):
        apis[name] = site.http_api(f"domain-{name}")
        site.route(apis[name], "$default", arn("echo"))
        site.stage(apis[name], "dev", StageVariables={"which": name})
    for domain in ("api.example.com", "*.wild.example.com"):
        site.api.create_domain_name(DomainName=domain, DomainNameConfigurations=configuration)
        for name, key in (("root", ""), ("deep", "shop/v1")):
            site.api.create_api_mapping(
                DomainName=domain, ApiId=apis[name], Stage="dev", ApiMappingKey=key
            )
    for host in ("api.example.com:4566", "API.example.com", "a.wild.example.com"):
        found = {
            path: site.call("", path, host=host).json
            for path in ("/x", "/shop/v1/x", "/shop/v1", "/shop/v10", "/dev/x")
        }
        assert {path: event["stageVariables"]["which"] for path, event in found.items()} == {
            "/x": "root",
            "/shop/v1/x": "deep",
            "/shop/v1": "deep",
            "/shop/v10": "root",
            "/dev/x": "root",
        }
        assert found["/shop/v1/x"]["rawPath"] == "/dev/x"
        assert found["/x"]["requestContext"]["domainName"] == host.lower().partition(":")[0]
    for host in ("wild.example.com", "b.a.wild.example.com", "other.example.com"):
        assert site.call("", "/x", host=host).status == 403
    site.api.update_api(ApiId=apis["root"], DisableExecuteApiEndpoint=True)
    assert site.call(apis["root"], "/dev/x").status == 404
    assert site.call("", "/x", host="api.example.com").status == 200
    site.api.delete_domain_name(DomainName="api.example.com")
    assert site.call("", "/x", host="api.example.com").status == 403
