"""Buses of events for tests: with rules and targets, queues that are read, and an endpoint."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.events import authorizing, calling
from tests.api.conftest import Running
from tests.patience import PATIENCE_S, until

ACCOUNT = "000000000000"
ARN = "arn:aws:{}:us-east-1:" + ACCOUNT + ":{}"
_numbers = itertools.count(1)


@pytest.fixture
def events(running: Running) -> Any:
    client = running.client("events")
    yield client
    client.close()


def new(kind: str) -> str:
    """Return a name that nobody has; names sort as they were given."""
    return f"{kind}-{next(_numbers):04}"


def refused(call: Callable[..., Any], code: str, text: str, **request: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert (error["Code"], text in error["Message"]) == (code, True), error


class Queue:
    """A queue that rules send to."""

    def __init__(self, running: Running, name: str = "", region: str = "", **attributes: str):
        name = name or new("queue")
        self.sqs = running.client("sqs", region=region or "us-east-1")
        # What was received stays hidden for longer than any test lasts.
        given = {"VisibilityTimeout": "600", **attributes}
        self.url = self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{region or 'us-east-1'}:{ACCOUNT}:{name}"

    def received(self, count: int = 1, wait_s: int = 5) -> list[Any]:
        found: list[Any] = []
        for _ in range(10):
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=wait_s,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            found += answer.get("Messages", [])
            if len(found) >= count:
                break
        return found

    def bodies(self, count: int = 1) -> list[Any]:
        return [json.loads(each["Body"]) for each in self.received(count)]


def bus_with(events: Any, *targets: dict[str, Any], pattern: Any = None, bus: str = "") -> str:
    """Return the name of a new bus that has a rule with these targets."""
    name = bus or new("bus")
    if not bus:
        events.create_event_bus(Name=name)
    rule = new("rule")
    text = json.dumps(pattern or {"source": ["shop"]})
    events.put_rule(Name=rule, EventBusName=name, EventPattern=text)
    numbered = [{"Id": str(number), **each} for number, each in enumerate(targets)]
    answer = events.put_targets(Rule=rule, EventBusName=name, Targets=numbered)
    assert answer["FailedEntryCount"] == 0
    return name


def entry(bus: str, detail: Any = None, **members: Any) -> dict[str, Any]:
    return {
        "Source": "shop",
        "DetailType": "ordered",
        "Detail": json.dumps(detail or {"id": 7}),
        "EventBusName": bus,
        **members,
    }


class Endpoint:
    """An HTTP endpoint that remembers what it was sent, and gives tokens."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.status = 200
        self._arrived = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                with endpoint._arrived:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    endpoint.seen.append((self.command, self.path, headers, text))
                    endpoint._arrived.notify_all()
                answer = b'{"access_token": "t0ken", "token_type": "bearer", "expires_in": 60}'
                self.send_response(200 if self.path == "/token" else endpoint.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def wait(self, path: str, count: int = 1) -> list[tuple[str, str, dict[str, str], str]]:
        def found() -> list[tuple[str, str, dict[str, str], str]]:
            return [each for each in self.seen if each[1].startswith(path)]

        with self._arrived:
            assert self._arrived.wait_for(lambda: len(found()) >= count, 60), self.seen
        return found()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine, an endpoint may take longer than EventBridge waits for one.
        for module in (authorizing, calling):
            patch.setattr(module, "_PATIENCE_S", PATIENCE_S)
        yield endpoint
    endpoint.close()


def connection(events: Any, kind: str, **parameters: Any) -> dict[str, Any]:
    """Create a connection, and return it once it is authorized."""
    name = new("connection")
    events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)
    return until(
        lambda: events.describe_connection(Name=name),
        lambda seen: seen["ConnectionState"] == "AUTHORIZED",
    )


def destination(events: Any, connection: dict[str, Any], url: str, **members: Any) -> str:
    given = {
        "Name": new("destination"),
        "ConnectionArn": connection["ConnectionArn"],
        "InvocationEndpoint": url,
        "HttpMethod": "POST",
        **members,
    }
    made = events.create_api_destination(**given)
    assert made["ApiDestinationState"] == "ACTIVE"
    return str(made["ApiDestinationArn"])
