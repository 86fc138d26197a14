"""The commands about queues and asynchronous events, as a user types them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.patience import PATIENCE_S

from .test_cli import Session, write


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    session = Session(write(tmp_path_factory.mktemp("functions")))
    yield session
    session.end()


def client(session: Session, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://localhost:{session.port}",
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="test",
    )


def done(session: Session, *words: str, **options: Any) -> str:
    """Run a command that succeeds; return what it printed."""
    ran = session.run(*words, **options)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def refused(session: Session, *words: str) -> str:
    """Run a command that fails; return what it said."""
    ran = session.run(*words)
    assert ran.returncode == 1
    assert ran.stdout == ""
    return ran.stderr


def test_send_peek_receive(session: Session) -> None:
    sqs = client(session, "sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    first = done(
        session, "queue", "send", "orders", "one\ntwo", "--text", "--attribute", "kind=a=b"
    ).strip()
    done(session, "queue", "send", url, "-", stdin='{"n": 2}')
    done(
        session, "queue", "send", "arn:aws:sqs:us-east-1:000000000000:orders", "3", "--delay", "900"
    )

    for _ in range(2):
        one, two, three = json.loads(done(session, "queue", "peek", "orders", "--json"))
        assert (one["message_id"], one["body"], one["state"]) == (first, "one\ntwo", "ready")
        assert two["body"] == '{"n": 2}'
        assert three["state"] == "delayed"
        assert one["receive_count"] == 0
    assert "one two" in done(session, "queue", "peek", "orders")

    (received,) = json.loads(
        done(session, "queue", "receive", "orders", "--visibility", "900", "--json")
    )
    assert received["MessageId"] == first
    assert received["MessageAttributes"]["kind"]["StringValue"] == "a=b"
    assert json.loads(done(session, "queue", "peek", url, "-n", "1", "--json"))[0]["state"] == (
        "in flight"
    )
    assert done(session, "queue", "receive", "orders", "--delete") == '{"n": 2}\n'
    listed = json.loads(done(session, "queue", "list", "ord", "--json"))
    (shown,) = [each for each in listed if each["url"].endswith("/orders")]
    assert shown["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert shown["ApproximateNumberOfMessagesDelayed"] == "1"
    done(session, "queue", "purge", "orders")
    assert json.loads(done(session, "queue", "peek", "orders", "--json")) == []
    assert "60 seconds" in refused(session, "queue", "purge", "orders")


def test_redrive_takes_dead_letters_back(session: Session) -> None:
    sqs = client(session, "sqs")
    sqs.create_queue(QueueName="dead")
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="again")
    for _ in range(2):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    dead = json.loads(
        done(session, "queue", "receive", "dead", "--wait", "5", "--visibility", "0", "--json")
    )
    assert dead[0]["Attributes"]["DeadLetterQueueSourceArn"].endswith(":work")
    assert re.search(r"work +0 +0 +0 +dead, after 1 receives", done(session, "queue", "list"))
    assert "moved 1 of 1" in session.run("queue", "redrive", "dead").stderr
    assert done(session, "queue", "receive", "work", "--wait", "5") == "again\n"


def test_errors_say_what_is_wrong(session: Session) -> None:
    assert "QueueDoesNotExist: The specified queue" in refused(session, "queue", "peek", "lost")
    assert "QueueDoesNotExist" in refused(session, "queue", "send", "lost", "[]")
    assert "NAME=VALUE" in refused(session, "queue", "send", "lost", "x", "--attribute", "y")
    assert "no failed event" in refused(session, "events", "replay", "lost").lower()


def until_events(session: Session, **counts: int) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE_S
    while True:
        found = json.loads(done(session, "events", "--function", "fails", "--json"))
        if counts.items() <= found.items():
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def test_events_are_shown_and_replayed(session: Session) -> None:
    client(session, "lambda").put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=0
    )
    assert session.run("invoke", "fails", "-e", '{"n": 1}', "--async").returncode == 0
    (failed,) = until_events(session, failed=1)["events"]
    assert failed["condition"] == "RetriesExhausted"
    assert failed["error"] == "no"
    assert failed["attempts"] == 1
    assert failed["payload"] == '{"n": 1}'
    shown = session.run("events")
    assert "1 failed" in shown.stderr
    assert "RetriesExhausted: no" in shown.stdout

    # Now it is to be tried again a minute later: until then it waits.
    client(session, "lambda").put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=2
    )
    assert done(session, "events", "replay", failed["request_id"]).strip() == failed["request_id"]
    (retrying,) = until_events(session, retrying=1)["events"]
    assert (retrying["request_id"], retrying["state"]) == (failed["request_id"], "retrying")
    assert re.search(r"retrying +1 +\d+s +in \d+", done(session, "events"))
    assert "no event has failed" in refused(session, "events", "replay", "--all")
