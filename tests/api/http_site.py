"""An emulator with functions behind APIs, for tests: what functions answer is scripted."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from typing import Any, NamedTuple

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create


class Answer(NamedTuple):
    """What a client gets."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ApiSite:
    """An emulator whose functions answer what ``replies`` says, by name; else their event.

    Attributes:
        events: What each function got, by name.
    """

    def __init__(self, parts: Any = None, **settings: Any) -> None:
        self.driver = ScriptedDriver(self._serve)
        made = Settings(**{"port": 0, "transition_seconds": 0, **settings})
        self.running = Running(made, driver=self.driver, **(parts or {}))
        self.api = self.running.client("apigatewayv2")
        self.functions = self.running.client("lambda")
        self.replies: dict[str, Any] = {}
        self.events: dict[str, list[Any]] = {}
        #: By name: set when a function has begun, and what it waits for.
        self.hold: dict[str, tuple[threading.Event, threading.Event]] = {}

    async def _serve(self, runtime: RuntimeClient) -> None:
        name = runtime.environ["AWS_LAMBDA_FUNCTION_NAME"]
        while True:
            request_id, payload = await runtime.next()
            event = json.loads(payload)
            self.events.setdefault(name, []).append(event)
            if name in self.hold:
                begun, go = self.hold[name]
                begun.set()
                await asyncio.to_thread(go.wait)
            reply = self.replies.get(name)
            if isinstance(reply, Exception):
                error = {"errorMessage": str(reply), "errorType": type(reply).__name__}
                await runtime.call(
                    "POST", f"invocation/{request_id}/error", json.dumps(error).encode()
                )
                continue
            if callable(reply):
                reply = reply(event)
            body = payload if reply is None else reply
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            await runtime.respond(request_id, body)

    def function(self, name: str, **fields: Any) -> str:
        """Create a function and return its ARN."""
        arn: str = create(self.functions, name, Timeout=30, **fields)["FunctionArn"]
        return arn

    def http_api(self, name: str, **fields: Any) -> str:
        """Create an HTTP API and return its id."""
        api_id: str = self.api.create_api(Name=name, ProtocolType="HTTP", **fields)["ApiId"]
        return api_id

    def route(self, api_id: str, key: str, arn: str, version: str = "2.0", **fields: Any) -> str:
        """Let a route lead to a function, and return the integration's id."""
        integration: str = self.api.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=arn,
            PayloadFormatVersion=version,
        )["IntegrationId"]
        target = f"integrations/{integration}"
        self.api.create_route(ApiId=api_id, RouteKey=key, Target=target, **fields)
        return integration

    def stage(self, api_id: str, name: str = "$default", **fields: Any) -> None:
        """Create a stage that deploys itself."""
        self.api.create_stage(ApiId=api_id, StageName=name, AutoDeploy=True, **fields)

    def host(self, api_id: str) -> str:
        return f"{api_id}.execute-api.us-east-1.localhost:{self.running.emulator.port}"

    def call(
        self,
        api_id: str,
        path: str = "/",
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        host: str | None = None,
    ) -> Answer:
        """Send a request to an API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.running.emulator.port, timeout=60)
        try:
            sent = {"Host": host or self.host(api_id), **(headers or {})}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def stop(self) -> None:
        for client in (self.api, self.functions):
            client.close()
        self.running.stop()
