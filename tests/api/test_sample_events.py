"""Sample events have the shape of what the sources here really send."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from emulator import sample_events
from emulator.cli.application import run
from emulator.testing import RuntimeClient
from tests.api.conftest import Running, create


def shape(value: Any) -> Any:
    """Return the members of an event and their types, without its values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def sample(kind: str) -> Any:
    return json.loads(sample_events.read(kind))


@pytest.fixture
def seen(scripted: Running) -> Callable[[], Any]:
    """Return the next event that the function ``hello`` gets."""
    events: list[Any] = []
    there = threading.Event()

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            events.append(json.loads(payload))
            there.set()
            await runtime.respond(request_id, b"null")

    scripted.scripted_driver.script = script
    create(scripted.client("lambda"), "hello")

    def next_event() -> Any:
        assert there.wait(60), "no event came"
        return events[0]

    return next_event


def test_sqs(scripted: Running, seen: Callable[[], Any]) -> None:
    sqs = scripted.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:orders"
    scripted.client("lambda").create_event_source_mapping(FunctionName="hello", EventSourceArn=arn)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert shape(seen()) == shape(sample("sqs"))


def test_function_url(scripted: Running, seen: Callable[[], Any]) -> None:
    made = scripted.client("lambda").create_function_url_config(
        FunctionName="hello", AuthType="NONE"
    )
    host = made["FunctionUrl"].removeprefix("http://").rstrip("/")
    request = urllib.request.Request(
        f"{scripted.url}/hello?name=you", headers={"Host": host, "Accept": "*/*"}
    )
    urllib.request.urlopen(request, timeout=60).close()
    found, expected = shape(seen()), shape(sample("function-url"))
    # Headers are the client's own.
    found.pop("headers"), expected.pop("headers")
    assert found == expected


def test_destination(scripted: Running, seen: Callable[[], Any]) -> None:
    from emulator.invoke.destinations import record
    from emulator.invoke.events import Event
    from emulator.model.invocation import InvocationResult

    event = Event(
        request_id="1",
        payload=b'{"order_id": "A-1"}',
        qualifier="$LATEST",
        invoked_arn="",
        trace_id="",
        accepted=0.0,
    )
    error = b'{"errorMessage": "", "errorType": "", "requestId": "", "stackTrace": []}'
    result = InvocationResult(payload=error, function_error="Unhandled")
    made = record(event, "arn", "RetriesExhausted", result, "$LATEST", 0.0)
    assert shape(made) == shape(sample("destination"))


def test_logs_are_packed_as_subscriptions_pack_them() -> None:
    packed = base64.b64decode(sample("logs")["awslogs"]["data"])
    assert json.loads(gzip.decompress(packed))["messageType"] == "DATA_MESSAGE"


@pytest.mark.parametrize("kind", sample_events.kinds())
def test_the_command_prints_each(kind: str, capsys: Any) -> None:
    assert run(["event", kind]) == 0
    assert json.loads(capsys.readouterr().out) == sample(kind)


def test_members_can_be_changed(capsys: Any) -> None:
    words = ["--set", "Records.0.attributes=[1]", "--set", "Records.0.new=text"]
    assert run(["event", "sqs", *words, "--set", "more=null"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["Records"][0]["attributes"] == [1]
    assert (found["Records"][0]["new"], found["more"]) == ("text", None)


@pytest.mark.parametrize("body", ['{"id": 7}', "7", "null", "text"])
def test_text_stays_text(body: str, capsys: Any) -> None:
    """A message's body is text on AWS, also where it reads as JSON."""
    assert run(["event", "sqs", "--set", f"Records.0.body={body}"]) == 0
    assert json.loads(capsys.readouterr().out)["Records"][0]["body"] == body


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sqz"], 1, "there is no sample event sqz: did you mean sqs?"),
        (["nonsense"], 1, "`localfaas event` lists them"),
        (["sqs", "--set", "body"], 2, "'body' is not PATH=VALUE"),
        (["sqs", "--set", "Records.7.body=1"], 1, "there is no Records.7.body in this event"),
        (["sqs", "--set", "Records.x=1"], 1, "there is no Records.x in this event"),
    ],
)
def test_what_can_not_be_printed_is_said(
    words: list[str], code: int, said: str, capsys: Any
) -> None:
    assert run(["event", *words]) == code
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_without_a_kind_they_are_listed(capsys: Any) -> None:
    assert run(["event"]) == 0
    assert capsys.readouterr().out.split() == sample_events.kinds()
