"""WebSocket APIs serve: connect, routes by content, answers, @connections, limits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayWebSocketConnectEventModel,
    APIGatewayWebSocketDisconnectEventModel,
    APIGatewayWebSocketMessageEventModel,
)
from botocore.exceptions import ClientError

from emulator.testing import FakeClock
from tests.api.conftest import Running
from tests.api.http_site import ApiSite
from tests.api.websocket_client import WebSocketClient
from tests.patience import until


class Chat(ApiSite):
    """An emulator with WebSocket APIs."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.function("chat")
        self.came = threading.Condition()

    def make(self, *keys: str, name: str = "chat", **fields: Any) -> str:
        """Create an API whose routes lead to the function, and return its id."""
        api_id: str = self.api.create_api(
            Name=name,
            ProtocolType="WEBSOCKET",
            RouteSelectionExpression="$request.body.action",
        )["ApiId"]
        integration = self.api.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri="arn:aws:lambda:us-east-1:000000000000:function:chat",
        )["IntegrationId"]
        for key in keys:
            self.api.create_route(
                ApiId=api_id,
                RouteKey=key,
                Target=f"integrations/{integration}",
                **(fields if key == "$connect" else {}),
            )
        self.api.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True)
        return api_id

    def answer(self, api_id: str, key: str) -> None:
        """Let the results of a route go back to the client."""
        for route in self.api.get_routes(ApiId=api_id)["Items"]:
            if route["RouteKey"] == key:
                named = {"ApiId": api_id, "RouteId": route["RouteId"]}
                self.api.update_route(**named, RouteResponseSelectionExpression="$default")
                self.api.create_route_response(**named, RouteResponseKey="$default")

    def connect(self, api_id: str, target: str = "/dev", **more: Any) -> WebSocketClient:
        host = self.host(api_id)
        return WebSocketClient(self.running.emulator.port, host, target, **more)

    def management(self, api_id: str) -> Any:
        return boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=f"{self.running.url}/_aws/execute-api/{api_id}/dev",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
        )

    def event(self, kind: str, connection: str = "") -> dict[str, Any]:
        """Return the last event of a kind (and of a connection), once it has come."""
        found: list[dict[str, Any]] = until(
            lambda: [
                each
                for each in self.events.get("chat", [])
                if each["requestContext"]["eventType"] == kind
                and connection in ("", each["requestContext"]["connectionId"])
            ]
        )
        return found[-1]


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    chat = Chat()
    yield chat
    chat.stop()


@pytest.fixture(autouse=True)
def quiet(chat: Chat) -> None:
    chat.replies.clear()
    chat.events.clear()


@pytest.fixture(scope="module")
def all_routes(chat: Chat) -> str:
    api_id = chat.make("$connect", "$disconnect", "$default", "send", "quiet")
    for key in ("send", "$default"):
        chat.answer(api_id, key)
    return api_id


def body_and_key(event: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps([event["requestContext"]["routeKey"], event.get("body")])
    return {"statusCode": 200, "body": text}


def test_messages_go_by_their_content(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = body_and_key
    client = chat.connect(all_routes)
    assert client.status == 101
    for message, key in (
        ({"action": "send", "text": "hi"}, "send"),
        ({"action": "nothing"}, "$default"),
        ({"action": "$connect"}, "$default"),
        ("no JSON", "$default"),
        ("[1]", "$default"),
    ):
        client.send(message)
        sent = message if isinstance(message, str) else json.dumps(message)
        assert json.loads(client.receive()) == [key, sent]
    client.end()


def test_the_events(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = {"statusCode": 200}
    client = chat.connect(all_routes, "/dev?user=me&user=you", headers={"X-Own": "1"})
    client.send({"action": "quiet"})
    connect, message = chat.event("CONNECT"), chat.event("MESSAGE")
    client.end(1000)
    disconnect = chat.event("DISCONNECT", message["requestContext"]["connectionId"])
    APIGatewayWebSocketConnectEventModel.model_validate(connect)
    APIGatewayWebSocketMessageEventModel.model_validate(message)
    APIGatewayWebSocketDisconnectEventModel.model_validate(disconnect)
    assert connect["queryStringParameters"] == {"user": "you"}
    assert connect["multiValueQueryStringParameters"] == {"user": ["me", "you"]}
    assert connect["headers"]["Host"] == chat.host(all_routes)
    assert connect["headers"]["Sec-WebSocket-Version"] == "13"
    assert connect["headers"]["x-own"] == "1"
    assert connect["requestContext"]["stage"] == "dev"
    assert connect["requestContext"]["apiId"] == all_routes
    assert message["body"] == '{"action": "quiet"}'
    ids = {each["requestContext"]["connectionId"] for each in (connect, message, disconnect)}
    assert len(ids) == 1
    assert disconnect["requestContext"]["disconnectStatusCode"] == 1000


def test_a_client_may_be_refused(chat: Chat, all_routes: str) -> None:
    for reply, status in (
        ({"statusCode": 401}, 401),
        ({"statusCode": 500}, 500),
        (ValueError("broken"), 502),
    ):
        chat.replies["chat"] = reply
        assert chat.connect(all_routes).status == status
    assert chat.connect(all_routes, "/nowhere").status == 403


def test_a_subprotocol_is_agreed_on(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "two"}}
    client = chat.connect(all_routes, subprotocols=["one", "two"])
    assert (client.status, client.subprotocol) == (101, "two")
    client.end()


def test_what_goes_wrong_is_told(chat: Chat, all_routes: str) -> None:
    bare = chat.make("send", name="bare")
    client = chat.connect(bare)
    client.send("to nobody")
    answer = json.loads(client.receive())
    assert answer["message"] == "Forbidden"
    assert set(answer) == {"message", "connectionId", "requestId"}
    chat.replies["chat"] = ValueError("broken")
    client.send({"action": "send"})
    assert json.loads(client.receive())["message"] == "Internal server error"
    client.end()


def test_a_message_that_fails_here_is_told_too(
    chat: Chat, all_routes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*given: Any) -> None:
        raise ValueError("a fault of ours")

    client = chat.connect(all_routes)
    with monkeypatch.context() as patched:
        patched.setattr("emulator.edge.http_fronts.websockets.integrations.call", fails)
        client.send({"action": "send"})
        assert json.loads(client.receive())["message"] == "Internal server error"
    client.end()


def test_functions_speak_to_clients(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = {"statusCode": 200}
    client = chat.connect(all_routes, headers={"User-Agent": "agent"})
    connection = chat.event("CONNECT")["requestContext"]["connectionId"]
    until(lambda: chat.running.call(lambda: known(chat, connection)))
    management = chat.management(all_routes)
    management.post_to_connection(ConnectionId=connection, Data=b"hi there")
    assert client.receive() == "hi there"
    found = management.get_connection(ConnectionId=connection)
    assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "agent"}
    assert found["LastActiveAt"] >= found["ConnectedAt"]
    with pytest.raises(ClientError) as refused:
        management.post_to_connection(ConnectionId=connection, Data=b"x" * (128 * 1024 + 1))
    assert refused.value.response["Error"]["Code"] == "PayloadTooLargeException"
    management.delete_connection(ConnectionId=connection)
    assert client.closed() == 1000
    client.close()
    chat.event("DISCONNECT", connection)
    for call in (management.get_connection, management.delete_connection):
        with pytest.raises(ClientError) as refused:
            call(ConnectionId=connection)
        assert refused.value.response["Error"]["Code"] == "GoneException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410
    management.close()


async def known(chat: Chat, connection: str) -> bool:
    state = await chat.running.emulator.table.state("apigatewayv2")
    return state.connections.find(connection) is not None


def test_the_caller_of_connections_may_name_the_host(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = {"statusCode": 200}
    client = chat.connect(all_routes)
    connection = chat.event("CONNECT")["requestContext"]["connectionId"]
    until(lambda: chat.running.call(lambda: known(chat, connection)))
    for quoted in (connection, connection.replace("=", "%3D")):
        answer = chat.call(all_routes, f"/dev/@connections/{quoted}", "POST", b"hi")
        assert (answer.status, answer.body) == (200, b"")
        assert client.receive() == "hi"
    client.end()


def test_an_authorizer_decides_who_connects(chat: Chat) -> None:
    chat.function("authorizer")
    api_id = chat.make("send", name="guarded")
    authorizer = chat.api.create_authorizer(
        ApiId=api_id,
        Name="asked",
        AuthorizerType="REQUEST",
        AuthorizerUri="arn:aws:lambda:us-east-1:000000000000:function:authorizer",
        IdentitySource=["route.request.querystring.token"],
    )["AuthorizerId"]
    target = chat.api.get_routes(ApiId=api_id)["Items"][0]["Target"]
    chat.api.create_route(
        ApiId=api_id,
        RouteKey="$connect",
        Target=target,
        AuthorizationType="CUSTOM",
        AuthorizerId=authorizer,
    )

    def decide(event: dict[str, Any]) -> dict[str, Any]:
        effect = "Allow" if event["queryStringParameters"]["token"] == "right" else "Deny"
        statement = {
            "Action": "execute-api:Invoke",
            "Effect": effect,
            "Resource": event["methodArn"],
        }
        return {
            "principalId": "me",
            "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"team": "red"},
        }

    chat.replies.update(authorizer=decide, chat={"statusCode": 200})
    assert chat.connect(api_id).status == 401
    assert chat.connect(api_id, "/dev?token=wrong").status == 403
    client = chat.connect(api_id, "/dev?token=right")
    client.send({"action": "send"})
    shown = chat.event("MESSAGE")["requestContext"]["authorizer"]
    assert (shown["principalId"], shown["team"]) == ("me", "red")
    client.end()


def test_a_key_lets_clients_in(chat: Chat) -> None:
    api_id = chat.make("$connect", "$default", name="keyed", ApiKeyRequired=True)
    rest = chat.running.client("apigateway")
    key = rest.create_api_key(name="chatter", enabled=True)
    other = rest.create_api_key(name="other", enabled=True)
    plan = rest.create_usage_plan(
        name="chatters",
        apiStages=[{"apiId": api_id, "stage": "dev"}],
        quota={"limit": 1, "period": "DAY"},
    )["id"]
    rest.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    for headers in ({}, {"x-api-key": "made-up"}, {"x-api-key": other["value"]}):
        refused = chat.connect(api_id, headers=headers)
        assert (refused.status, json.loads(refused.body)["message"]) == (403, "Forbidden")
    client = chat.connect(api_id, headers={"x-api-key": key["value"]})
    assert client.status == 101
    identity = chat.event("CONNECT")["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (key["value"], key["id"])
    client.end()
    spent = chat.connect(api_id, headers={"x-api-key": key["value"]})
    assert (spent.status, json.loads(spent.body)["message"]) == (429, "Limit Exceeded")


def test_messages_have_a_limit(chat: Chat, all_routes: str) -> None:
    chat.replies["chat"] = {"statusCode": 200}
    client = chat.connect(all_routes)
    connection = chat.event("CONNECT")["requestContext"]["connectionId"]
    client.send("x" * (128 * 1024 + 1))
    assert client.closed() == 1009
    client.close()
    ended = chat.event("DISCONNECT", connection)["requestContext"]
    assert ended["disconnectStatusCode"] == 1009


def test_a_mock_may_let_clients_in(chat: Chat) -> None:
    api_id = chat.make("send", name="mocked")
    mock = chat.api.create_integration(
        ApiId=api_id, IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode": 200}'}
    )["IntegrationId"]
    chat.api.create_route(ApiId=api_id, RouteKey="$connect", Target=f"integrations/{mock}")
    client = chat.connect(api_id)
    assert client.status == 101
    client.end()


def test_templates_make_requests_and_answers(chat: Chat) -> None:
    api_id = chat.make("other", name="templates")
    made = chat.api.create_integration(
        ApiId=api_id,
        IntegrationType="AWS",
        IntegrationUri="arn:aws:lambda:us-east-1:000000000000:function:chat",
        RequestTemplates={
            "$default": '{"said": $input.json(\'$.text\'), "by": "$context.connectionId"}'
        },
        TemplateSelectionExpression="$default",
    )["IntegrationId"]
    chat.api.create_integration_response(
        ApiId=api_id,
        IntegrationId=made,
        IntegrationResponseKey="$default",
        ResponseTemplates={"$default": "heard $input.path('$.heard')"},
    )
    chat.api.create_route(ApiId=api_id, RouteKey="say", Target=f"integrations/{made}")
    chat.answer(api_id, "say")
    chat.replies["chat"] = lambda event: {"heard": event["said"].upper()}
    client = chat.connect(api_id)
    client.send({"action": "say", "text": "hi"})
    assert client.receive() == "heard HI"
    assert len(chat.events["chat"][0]["by"]) == 16
    client.end()


def test_an_api_that_goes_takes_its_connections_along(chat: Chat) -> None:
    api_id = chat.make("send", name="going")
    client = chat.connect(api_id)
    until(lambda: chat.running.call(lambda: count(chat, api_id)) == 1)
    chat.api.delete_api(ApiId=api_id)
    assert client.closed() == 1001
    client.close()


async def count(chat: Chat, api_id: str) -> int:
    state = await chat.running.emulator.table.state("apigatewayv2")
    return int(state.connections.count(api_id))


def test_silent_and_long_connections_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(Running, "run_loop", staticmethod(asyncio.run))
    chat = Chat(parts={"clock": clock}, idle_timeout=100_000)
    try:
        api_id = chat.make("$disconnect", "quiet", name="long")
        chat.replies["chat"] = {"statusCode": 200}

        def advance(seconds: float) -> None:
            chat.running.call(lambda: clock.advance(seconds))

        silent, talking = chat.connect(api_id), chat.connect(api_id)
        until(lambda: chat.running.call(lambda: count(chat, api_id)) == 2)
        advance(500)
        talking.send({"action": "quiet"})
        chat.event("MESSAGE")
        advance(101)
        assert silent.closed() == 1001
        assert chat.event("DISCONNECT")["requestContext"]["disconnectReason"] == "Going away"
        for _ in range(16):
            chat.events.clear()
            advance(400)
            talking.send({"action": "quiet"})
            chat.event("MESSAGE")
        advance(300)
        assert talking.closed() == 1001
        silent.close()
        talking.close()
    finally:
        chat.stop()
