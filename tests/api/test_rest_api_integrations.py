"""What stands behind a method of a REST API: functions, services, other servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.api.rest_site import ACCOUNT, ANY, INVOKED, Site, service, shared, site

__all__ = ["shared", "site"]


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
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
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
