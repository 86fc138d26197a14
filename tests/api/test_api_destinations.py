"""API destinations through boto3: connections, their secrets, endpoints that refuse or hang."""

from __future__ import annotations

import json
import socket
from typing import Any

from tests.api.buses import (
    ARN,
    Endpoint,
    Queue,
    bus_with,
    connection,
    destination,
    endpoint,
    entry,
    events,
    new,
    refused,
)
from tests.api.conftest import Running

__all__ = ["endpoint", "events"]


def test_an_api_destination_is_called_with_the_connections_secrets(
    running: Running, events: Any, endpoint: Endpoint
) -> None:
    basic = connection(
        events,
        "BASIC",
        BasicAuthParameters={"Username": "ann", "Password": "secret"},
        InvocationHttpParameters={
            "HeaderParameters": [{"Key": "X-Shop", "Value": "7", "IsValueSecret": True}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
            "BodyParameters": [{"Key": "extra", "Value": "e"}],
        },
    )
    assert basic["AuthParameters"]["BasicAuthParameters"] == {"Username": "ann"}
    (header,) = basic["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"]
    assert header == {"Key": "X-Shop", "IsValueSecret": True}
    arn = destination(events, basic, f"{endpoint.url}/basic/*/end")
    http = {
        "PathParameterValues": ["$.detail.id"],
        "HeaderParameters": {"X-Type": "$.detail-type"},
        "QueryStringParameters": {"r": "s"},
    }
    bus = bus_with(events, {"Arn": arn, "HttpParameters": http, "InputPath": "$.detail"})
    events.put_events(Entries=[entry(bus)])
    ((method, path, headers, text),) = endpoint.wait("/basic")
    assert (method, path) == ("POST", "/basic/7/end?r=s&q=a+b")
    assert headers["authorization"] == "Basic YW5uOnNlY3JldA=="
    assert (headers["x-shop"], headers["x-type"]) == ("7", "ordered")
    assert headers["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert json.loads(text) == {"id": 7, "extra": "e"}
    name = basic["Name"]
    secrets = running.client("secretsmanager")
    kept = json.loads(secrets.get_secret_value(SecretId=basic["SecretArn"])["SecretString"])
    assert (kept["username"], kept["password"]) == ("ann", "secret")
    events.update_connection(
        Name=name, AuthParameters={"BasicAuthParameters": {"Username": "ann", "Password": "new"}}
    )
    events.put_events(Entries=[entry(bus)])
    assert endpoint.wait("/basic", 2)[1][2]["authorization"] == "Basic YW5uOm5ldw=="
    assert name in {each["Name"] for each in events.list_connections()["Connections"]}
    events.deauthorize_connection(Name=name)
    assert events.describe_connection(Name=name)["ConnectionState"] == "DEAUTHORIZED"
    assert events.delete_connection(Name=name)["ConnectionState"] == "DELETING"
    refused(events.describe_connection, "ResourceNotFoundException",
            f"Failed to describe the connection(s). Connection '{name}' does not exist.",
            Name=name)  # fmt: skip


def test_oauth_and_api_keys(events: Any, endpoint: Endpoint) -> None:
    oauth = connection(
        events,
        "OAUTH_CLIENT_CREDENTIALS",
        OAuthParameters={
            "ClientParameters": {"ClientID": "me", "ClientSecret": "hush"},
            "AuthorizationEndpoint": f"{endpoint.url}/token",
            "HttpMethod": "POST",
            "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
        },
    )
    ((_, _, _, form),) = endpoint.wait("/token")
    assert "grant_type=client_credentials" in form
    assert "scope=all" in form
    key = connection(
        events, "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    )
    bus = bus_with(
        events,
        {"Arn": destination(events, oauth, f"{endpoint.url}/oauth")},
        {"Arn": destination(events, key, f"{endpoint.url}/key", HttpMethod="PUT")},
    )
    events.put_events(Entries=[entry(bus)])
    ((_, _, headers, _),) = endpoint.wait("/oauth")
    assert headers["authorization"] == "Bearer t0ken"
    ((method, _, headers, _),) = endpoint.wait("/key")
    assert (method, headers["x-key"]) == ("PUT", "k")


def test_an_endpoint_that_refuses_ends_in_the_dead_letter_queue(
    running: Running, events: Any, endpoint: Endpoint
) -> None:
    dead = Queue(running)
    key = connection(
        events, "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    )
    arn = destination(events, key, f"{endpoint.url}/refuses")
    name = arn.split("/")[1]
    assert events.describe_api_destination(Name=name)["HttpMethod"] == "POST"
    events.update_api_destination(Name=name, InvocationRateLimitPerSecond=100)
    listed = events.list_api_destinations(ConnectionArn=key["ConnectionArn"])["ApiDestinations"]
    assert [each["InvocationRateLimitPerSecond"] for each in listed] == [100]
    bus = bus_with(events, {"Arn": arn, "DeadLetterConfig": {"Arn": dead.arn}})
    endpoint.status = 400
    events.put_events(Entries=[entry(bus)])
    (message,) = dead.received()
    endpoint.status = 200
    said = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["TARGET_ARN"]) == ("ERROR_FROM_TARGET", arn)
    events.delete_api_destination(Name=name)
    refused(events.describe_api_destination, "ResourceNotFoundException", "does not exist",
            Name=name)  # fmt: skip


def test_an_endpoint_that_never_answers_holds_up_nobody(running: Running, events: Any) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    key = connection(
        events, "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    )
    topic, queue = running.client("sns").create_topic(Name=new("topic"))["TopicArn"], Queue(running)
    running.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    dead = destination(events, key, url)
    bus = bus_with(events, {"Arn": dead}, {"Arn": queue.arn})
    other = new("bus")
    events.create_event_bus(Name=other)
    second = Queue(running)
    bus_with(events, {"Arn": ARN.format("events", f"event-bus/{other}")}, bus=bus)
    bus_with(events, {"Arn": second.arn}, bus=other)
    for start in range(0, 60, 10):
        events.put_events(Entries=[entry(bus, {"id": start + each}) for each in range(10)])
    for each in (queue, second):
        assert {body["detail"]["id"] for body in each.bodies(60)} == set(range(60))
    silent.close()


def test_parameters_of_another_kind_of_authorization_are_refused(events: Any) -> None:
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}}
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    said = "ApiKeyAuthParameters must be specified for AuthorizationType API_KEY."
    named = {"Name": new("connection")}
    refused(events.create_connection, "ValidationException", said, **named,
            AuthorizationType="API_KEY", AuthParameters=basic)  # fmt: skip
    events.create_connection(**named, AuthorizationType="API_KEY", AuthParameters=key)
    refused(events.update_connection, "ValidationException", said, **named, AuthParameters=basic)
    shown = events.describe_connection(**named)["AuthParameters"]
    assert shown == {"ApiKeyAuthParameters": {"ApiKeyName": "a"}}
