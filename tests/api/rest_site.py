"""A REST API that is called: made of a definition, with scripted functions behind it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_streaming import Writer

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
        connection = http.client.HTTPConnection("localhost", self.running.emulator.port, timeout=60)
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


def service(uri: str, method: str = "POST", **more: Any) -> dict[str, Any]:
    """Return a method that calls another service."""
    integration = {
        "type": "aws", "httpMethod": method, "uri": f"arn:aws:apigateway:us-east-1:{uri}",
        "credentials": "arn:aws:iam::000000000000:role/r",
        "responses": {"default": {"statusCode": "200"}}, **more,
    }  # fmt: skip
    declared = {"responses": {"200": {"description": ""}}}
    return {**declared, "x-amazon-apigateway-integration": integration}
