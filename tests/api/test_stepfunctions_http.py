"""HTTP tasks and API Gateway tasks, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.services.stepfunctions.tasks import http as http_tasks
from tests.api.state_machines import ROLE, chain, machine, start, types, until_over
from tests.patience import until

from .http_site import ApiSite

REGION, ACCOUNT = "us-east-1", "000000000000"


class Echo:
    """An endpoint that answers what it was sent; ``/status/404`` answers so; ``/token`` tokens."""

    def __init__(self) -> None:
        self.tokens = 0
        self.hold = threading.Event()
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                status = 200
                answer: Any = {
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": body,
                }
                if self.path.startswith("/status/"):
                    status = int(self.path.rpartition("/")[2])
                elif self.path == "/token":
                    echo.tokens += 1
                    answer = {"access_token": f"token-{echo.tokens}", "token_type": "bearer"}
                elif self.path == "/once" and answer["headers"]["authorization"].endswith("-1"):
                    status = 401
                elif self.path == "/slow":
                    echo.hold.wait(60)
                text = b"plain" if self.path == "/text" else json.dumps(answer).encode()
                self.send_response(status)
                kind = "text/plain" if self.path == "/text" else "application/json; charset=utf-8"
                self.send_header("Content-Type", kind)
                self.send_header("Set-Cookie", "a=1")
                self.send_header("Set-Cookie", "b=2")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site() -> Iterator[ApiSite]:
    made = ApiSite()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(site: ApiSite) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
        client = site.running.client("stepfunctions")
    yield client
    client.close()


def connection(site: ApiSite, name: str, kind: str, **parameters: Any) -> str:
    events = site.running.client("events")
    made = events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)
    events.close()
    arn: str = made["ConnectionArn"]
    return arn


@pytest.fixture(scope="module")
def key(site: ApiSite) -> str:
    given = {"ApiKeyName": "X-Key", "ApiKeyValue": "hush-key"}
    return connection(site, "key", "API_KEY", ApiKeyAuthParameters=given)


def task(arn: str, url: str, **more: Any) -> dict[str, Any]:
    given = {"ApiEndpoint": url, "Method": "GET", "InvocationConfig": {"ConnectionArn": arn}}
    parameters = {**given, **more}
    return {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters}


def run(client: Any, state: dict[str, Any], status: str = "SUCCEEDED", value: Any = None) -> Any:
    found = until_over(client, start(client, machine(client, chain(state)), value), status)
    return json.loads(found["output"]) if status == "SUCCEEDED" else found


# -- what is sent and what comes back --------------------------------------------------------------


def test_an_answer_is_the_result(client: Any, echo: Echo, key: str) -> None:
    found = run(client, task(key, f"{echo.url}/a?b=1", QueryParameters={"c": ["2", 3], "d": True}))
    assert (found["StatusCode"], found["StatusText"]) == (200, "OK")
    assert found["Headers"]["set-cookie"] == ["a=1", "b=2"]
    sent = found["ResponseBody"]
    assert sent["path"] == "/a?b=1&c=2&c=3&d=true"
    assert sent["headers"]["x-key"] == "hush-key"
    assert sent["headers"]["user-agent"] == f"Amazon|StepFunctions|HttpInvoke|{REGION}"
    assert run(client, task(key, f"{echo.url}/text"))["ResponseBody"] == "plain"
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        found = run(client, task(key, f"{echo.url}/", Method=method))
        assert method == "HEAD" or found["ResponseBody"]["method"] == method


@pytest.mark.parametrize(
    ("more", "kind", "body"),
    [
        ({"RequestBody": {"a": [1]}}, "application/json", '{"a":[1]}'),
        ({"RequestBody": "text"}, "application/json", '"text"'),
        ({"RequestBody": "a,b", "Headers": {"content-type": "text/csv"}}, "text/csv", "a,b"),
        (
            {
                "RequestBody": {"a": {"b": 1}, "c": [1, 2]},
                "Transform": {"RequestBodyEncoding": "URL_ENCODED"},
                "Headers": {"Content-Type": "application/x-www-form-urlencoded"},
            },
            "application/x-www-form-urlencoded",
            "a%5Bb%5D=1&c%5B0%5D=1&c%5B1%5D=2",
        ),
        (
            {
                "RequestBody": {"c": [1, 2]},
                "Transform": {
                    "RequestBodyEncoding": "URL_ENCODED",
                    "RequestEncodingOptions": {"ArrayFormat": "COMMAS"},
                },
            },
            "application/x-www-form-urlencoded",
            "c=1%2C2",
        ),
    ],
)
def test_a_body_is_written_in_its_encoding(
    client: Any, echo: Echo, key: str, more: dict[str, Any], kind: str, body: str
) -> None:
    sent = run(client, task(key, f"{echo.url}/", Method="POST", **more))["ResponseBody"]
    assert (sent["headers"]["content-type"], sent["body"]) == (kind, body)


# -- connections -----------------------------------------------------------------------------------


def test_a_connection_has_the_last_word(client: Any, echo: Echo, site: ApiSite) -> None:
    arn = connection(
        site,
        "basic",
        "BASIC",
        BasicAuthParameters={"Username": "ann", "Password": "hush"},
        InvocationHttpParameters={
            "HeaderParameters": [{"Key": "X-Shop", "Value": "7"}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
            "BodyParameters": [{"Key": "extra", "Value": "e"}],
        },
    )
    given = {
        "Method": "POST",
        "Headers": {"x-shop": "8", "X-Own": "o"},
        "QueryParameters": {"q": "mine", "r": "s"},
        "RequestBody": {"extra": "mine", "own": 1},
    }
    sent = run(client, task(arn, f"{echo.url}/", **given))["ResponseBody"]
    assert sent["headers"]["authorization"] == "Basic YW5uOmh1c2g="
    assert (sent["headers"]["x-shop"], sent["headers"]["x-own"]) == ("7", "o")
    assert sent["path"] == "/?r=s&q=a+b"
    assert json.loads(sent["body"]) == {"extra": "e", "own": 1}


def test_a_token_that_is_refused_is_fetched_anew(client: Any, echo: Echo, site: ApiSite) -> None:
    arn = connection(
        site,
        "oauth",
        "OAUTH_CLIENT_CREDENTIALS",
        OAuthParameters={
            "ClientParameters": {"ClientID": "me", "ClientSecret": "hush"},
            "AuthorizationEndpoint": f"{echo.url}/token",
            "HttpMethod": "POST",
        },
    )
    state = task(arn, f"{echo.url}/once")
    wanted = {"ErrorEquals": ["States.Http.StatusCode.401"], "IntervalSeconds": 1}
    found = run(client, {**state, "Retry": [wanted]})
    assert found["ResponseBody"]["headers"]["authorization"] == "Bearer token-2"


def test_a_connection_that_is_none_fails_the_task(client: Any, echo: Echo, site: ApiSite) -> None:
    absent = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/absent/00000000"
    found = run(client, task(absent, echo.url), "FAILED")
    assert found["error"] == "Events.ResourceNotFoundException"
    given = {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    arn = connection(site, "revoked", "API_KEY", ApiKeyAuthParameters=given)
    events = site.running.client("events")
    events.deauthorize_connection(Name="revoked")
    events.close()
    found = run(client, task(arn, echo.url), "FAILED")
    assert found["error"] == "Events.ConnectionResource.InvalidConnectionState"


# -- failures --------------------------------------------------------------------------------------


def test_a_status_of_an_error_is_an_error(client: Any, echo: Echo, key: str) -> None:
    for status in (302, 404, 429, 500):
        name = f"States.Http.StatusCode.{status}"
        found = run(client, task(key, f"{echo.url}/status/{status}"), "FAILED")
        assert found["error"] == name
    caught = {"ErrorEquals": ["States.Http.StatusCode.503"], "Next": "B"}
    state = {**task(key, f"{echo.url}/status/503"), "Catch": [caught]}
    arn = start(client, machine(client, chain(state, {"Type": "Pass"})))
    until_over(client, arn, "SUCCEEDED")
    assert "TaskFailed" in types(client, arn)


def test_an_endpoint_that_does_not_answer_is_an_error(
    client: Any, echo: Echo, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(client, task(key, "http://127.0.0.1:1/"), "FAILED")["error"] == "States.Http.Socket"
    assert run(client, task(key, "ftp://x/"), "FAILED")["error"] == "States.Http.Socket"
    monkeypatch.setattr(http_tasks, "_PATIENCE_S", 0.1)
    found = run(client, task(key, f"{echo.url}/slow"), "FAILED")
    assert (found["error"], found["cause"]) == ("States.Http.Socket", "no answer within 0.1 s")
    echo.hold.set()


@pytest.mark.parametrize("name", ["ApiEndpoint", "Method"])
def test_what_is_missing_is_named(client: Any, echo: Echo, key: str, name: str) -> None:
    state = task(key, echo.url)
    del state["Parameters"][name]
    found = run(client, state, "FAILED")
    assert found["error"] == "States.Runtime"
    assert name in found["cause"]


# -- on trial --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reveals", [False, True])
def test_a_trial_shows_request_and_answer(client: Any, echo: Echo, key: str, reveals: bool) -> None:
    state = task(key, f"{echo.url}/t", Method="POST", RequestBody={"a": 1})
    answer = client.test_state(
        definition=json.dumps({**state, "End": True}),
        roleArn=ROLE,
        input="{}",
        inspectionLevel="TRACE",
        revealSecrets=reveals,
    )
    assert answer["status"] == "SUCCEEDED"
    request, response = (answer["inspectionData"][name] for name in ("request", "response"))
    assert (request["protocol"], request["method"]) == ("http", "POST")
    assert (request["url"], request["body"]) == (f"{echo.url}/t", '{"a":1}')
    assert ("hush-key" in request["headers"]) == reveals
    assert ("X-Key: REDACTED" in request["headers"]) != reveals
    assert (response["statusCode"], response["statusMessage"]) == ("200", "OK")
    assert json.loads(response["body"])["path"] == "/t"
    quiet = client.test_state(
        definition=json.dumps({**state, "End": True}), roleArn=ROLE, inspectionLevel="DEBUG"
    )
    assert "request" not in quiet["inspectionData"]


def test_a_trial_that_fails_shows_the_answer(client: Any, echo: Echo, key: str) -> None:
    state = {**task(key, f"{echo.url}/status/404"), "End": True}
    answer = client.test_state(definition=json.dumps(state), roleArn=ROLE, inspectionLevel="TRACE")
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Http.StatusCode.404")
    assert answer["inspectionData"]["response"]["statusMessage"] == "Not Found"


# -- API Gateway -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api(site: ApiSite) -> str:
    """The endpoint of a REST API: /orders takes all, /signed only what is signed."""
    function = site.function("orders")
    apis = site.running.client("apigateway")
    api = apis.create_rest_api(name="orders")["id"]
    (root,) = apis.get_resources(restApiId=api)["items"]
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    for name, kind in (("orders", "NONE"), ("signed", "AWS_IAM")):
        made = apis.create_resource(restApiId=api, parentId=root["id"], pathPart=name)
        place = {"restApiId": api, "resourceId": made["id"], "httpMethod": "ANY"}
        apis.put_method(**place, authorizationType=kind)
        apis.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    apis.create_deployment(restApiId=api, stageName="prod")
    apis.close()
    return f"{api}.execute-api.{REGION}.amazonaws.com"


def call(api: str, path: str = "orders", **more: Any) -> dict[str, Any]:
    parameters = {"ApiEndpoint": api, "Method": "GET", "Stage": "prod", "Path": path, **more}
    resource = "arn:aws:states:::apigateway:invoke"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters}


def test_an_api_is_called(client: Any, site: ApiSite, api: str) -> None:
    site.replies["orders"] = {"statusCode": 201, "body": '{"id": 7}'}
    given: dict[str, Any] = {
        "Method": "POST",
        "Headers": {"X-Id": ["1", "2"]},
        "QueryParameters": {"q": ["a", "b"]},
        "RequestBody": {"item": "book"},
    }
    found = run(client, call(api, **given))
    assert (found["StatusCode"], found["StatusText"]) == (201, "Created")
    assert found["ResponseBody"] in ({"id": 7}, '{"id": 7}')
    assert found["Headers"]["Content-Type"] == ["application/json"]
    (event,) = site.events["orders"][-1:]
    assert (event["httpMethod"], event["path"]) == ("POST", "/orders")
    assert event["multiValueQueryStringParameters"] == {"q": ["a", "b"]}
    assert event["headers"]["X-Id"] == "1, 2"
    assert json.loads(event["body"]) == {"item": "book"}


def test_a_status_of_an_api_is_an_error(client: Any, site: ApiSite, api: str) -> None:
    site.replies["orders"] = {"statusCode": 404, "body": '{"no": "order"}'}
    found = run(client, call(api), "FAILED")
    assert (found["error"], found["cause"]) == ("ApiGateway.404", '{"no": "order"}')
    assert run(client, call("127.0.0.1:1"), "FAILED")["error"] == ("ApiGateway.SdkClientException")


def test_a_call_is_signed_where_the_api_wants_it(client: Any, site: ApiSite, api: str) -> None:
    site.replies["orders"] = {"statusCode": 200, "body": "{}"}
    assert run(client, call(api, "signed"), "FAILED")["error"] == "ApiGateway.403"
    found = run(client, call(api, "signed", AuthType="IAM_ROLE"))
    assert found["StatusCode"] == 200
    identity = site.events["orders"][-1]["requestContext"]["identity"]
    assert identity["accountId"] == ACCOUNT


def test_an_api_answers_by_a_token(client: Any, site: ApiSite, api: str) -> None:
    site.replies["orders"] = {"statusCode": 200, "body": "{}"}
    state = call(api, Method="POST")
    state["Resource"] += ".waitForTaskToken"
    state["Parameters"]["Headers"] = {"TaskToken.$": "States.Array($$.Task.Token)"}
    execution = start(client, machine(client, chain(state)))
    until(lambda: "TaskSubmitted" in types(client, execution))
    token = site.events["orders"][-1]["headers"]["Tasktoken"]
    client.send_task_success(taskToken=token, output='"ok"')
    assert until_over(client, execution, "SUCCEEDED")["output"] == '"ok"'
