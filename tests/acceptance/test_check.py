"""``localfaas check``: what leaks from call to call, on real functions."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from tests.acceptance.drivers import settings
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create
from tests.patience import until

SAMPLES = Path(__file__).parents[2] / "sample_functions"
#: Those of a folder with a template of its own want other programs.
_NAMES = sorted(
    each.name
    for each in SAMPLES.iterdir()
    if each.is_dir() and not (each / "template.yaml").exists()
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(settings("process", functions=(SAMPLES / "template.yaml",), watch=False))
    yield running
    running.stop()


class Checked:
    """What the command said of a function."""

    def __init__(self, running: Running, capsys: pytest.CaptureFixture[str]) -> None:
        self._running, self._capsys = running, capsys

    def sample(self, name: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Return the exit status of the command, and its answer."""
        status = run(["check", name, *words, "--json", "--endpoint", self._running.url])
        captured = self._capsys.readouterr()
        return status, json.loads(captured.out)

    def code(self, code: str, *words: str, **fields: Any) -> tuple[list[str], list[str]]:
        """Return the leaks and the notes of a function with this code."""
        name = f"checked-{uuid.uuid4().hex[:8]}"
        client = self._running.client("lambda")
        create(
            client,
            name,
            Code={"ZipFile": archive({"app.py": code})},
            Handler="app.handler",
            Runtime="python3.12",
            **{"Timeout": 60, "MemorySize": 1769, **fields},
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        status, found = self.sample(name, *words)
        leaks = [each["what"] for each in found["findings"] if each["severity"] == "leak"]
        assert status == bool(leaks)
        assert found["looks_inside"]
        return leaks, [each["what"] for each in found["findings"] if each["severity"] == "note"]


@pytest.fixture
def checked(running: Running, capsys: pytest.CaptureFixture[str]) -> Checked:
    return Checked(running, capsys)


def test_the_sample_that_keeps_state_is_caught(checked: Checked) -> None:
    status, found = checked.sample("keeps-state", "-e", '[{"item": "a"}, {"item": "b"}]')
    assert status == 1
    leaks = [each["what"] for each in found["findings"] if each["severity"] == "leak"]
    assert "event 2: .cart of its answer is ['a', 'b'] instead of ['b'] in an environment" in (
        leaks[0].partition(" that was")[0] + leaks[1].partition(" that was")[0]
    )
    assert any(each.startswith("app.cart changes with each call: [] → ") for each in leaks)


#: What each sample is there to show, where that is state: the others keep none.
_STATEFUL = {
    "keeps-state": "app.cart changes with each call",
    "slow-init": "app.calls changes with each call",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", _NAMES)
def test_the_verdict_on_each_sample_is_right(checked: Checked, name: str) -> None:
    status, found = checked.sample(name, "-e", "{}", "--twice")
    leaks = [each["what"] for each in found["findings"] if each["severity"] == "leak"]
    if name in _STATEFUL:
        assert status == 1
        assert any(each.startswith(_STATEFUL[name]) for each in leaks), leaks
    else:
        assert (status, leaks) == (0, [])


def test_what_is_kept_and_does_no_harm_is_a_note(checked: Checked) -> None:
    leaks, notes = checked.code(
        """
import functools, os
client = None
@functools.lru_cache
def table(): return {'a': 1}
def handler(event, context):
    global client
    if client is None:
        client = object()
    os.environ.setdefault('SET_ONCE', 'x')
    return [table()['a'], context.aws_request_id]
"""
    )
    assert leaks == []
    assert notes == [
        "app.client stays after a call: None → object",
        "environment variable SET_ONCE stays after a call: nothing → x",
        "the cache of app.table() stays after a call: 0 entries → 1 entries",
    ]


@pytest.mark.slow
def test_what_leaks_is_named(checked: Checked) -> None:
    leaks, _ = checked.code(
        """
import os, threading, time, uuid
class Counter:
    total = 0
seen = {}
def remember(value, all=[]):
    all.append(value)
def handler(event, context):
    Counter.total += 1
    remember(event)
    seen[uuid.uuid4().hex] = 1
    os.environ['CALL'] = str(Counter.total)
    open(f'/tmp/{uuid.uuid4().hex}', 'w').close()
    os.open('/dev/null', os.O_RDONLY)
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return 1
"""
    )
    for each in (
        "app.Counter.total changes with each call: 0 → 3",
        "a default of app.remember() changes with each call: [] → [{}, {}, {}]",
        "environment variable CALL changes with each call: nothing → 3",
        "each call leaves threads: 1 after the first, 3 after the last",
        "each call leaves files: 1 after the first, 3 after the last",
    ):
        assert each in leaks, (each, leaks)
    assert any(each.startswith("app.seen changes with each call: {} → ") for each in leaks)
    assert any(each.startswith("each call leaves open descriptors") for each in leaks)


@pytest.mark.slow
def test_work_after_the_answer_and_trust_in_what_is_found_are_leaks(checked: Checked) -> None:
    leaks, _ = checked.code(
        """
import os, threading
done = []
def handler(event, context):
    threading.Timer(0.01, done.append, ['late']).start()
    if not os.path.exists('/tmp/rates'):
        open('/tmp/rates', 'w').write('1.5')
    return open('/tmp/rates').read()
"""
    )
    assert "app.done changes between two calls: the function works on after its answer" in leaks
    assert (
        "event 1: its answer is localfaas poison instead of 1.5 when what earlier calls have left "
        "was spoiled: it trusts what it finds" in leaks
    )


@pytest.mark.slow
def test_a_second_delivery_that_does_it_again_is_caught(checked: Checked, running: Running) -> None:
    queue = running.client("sqs").create_queue(QueueName="effects")["QueueUrl"]
    running.client("s3").create_bucket(Bucket="effects")
    code = f"""
import boto3
sqs, s3 = boto3.client('sqs'), boto3.client('s3')
def handler(event, context):
    s3.put_object(Bucket='effects', Key=str(event['id']), Body=b'done')
    if event['id'] == 2:
        sqs.send_message(QueueUrl='{queue}', MessageBody='mail')
    return 1
"""
    events = '[{"id": 1}, {"id": 2}]'
    assert checked.code(code, "-e", events, "--twice")[0] == [
        "event 2 delivered twice: sqs.SendMessage is done twice"
    ]


_REMEMBERS = """
import boto3, json
sqs, s3 = boto3.client('sqs'), boto3.client('s3')
seen = set()
def handler(event, context):
    for record in event['Records']:
        order = json.loads(record['body'])
        if order['id'] in seen:
            continue
        seen.add(order['id'])
        s3.put_object(Bucket='orders-done', Key=str(order['id']), Body=b'done')
        if order.get('mail'):
            sqs.send_message(QueueUrl='{queue}', MessageBody='mail')
"""


@pytest.mark.slow
def test_messages_come_twice_by_the_queue_that_feeds_the_function(
    checked: Checked, running: Running
) -> None:
    """What an environment remembers is no protection: the second delivery finds another one."""
    sqs, client = running.client("sqs"), running.client("lambda")
    mails = sqs.create_queue(QueueName="mails")["QueueUrl"]
    fed = sqs.create_queue(QueueName="fed")["QueueUrl"]
    running.client("s3").create_bucket(Bucket="orders-done")
    create(
        client,
        "fed",
        Code={"ZipFile": archive({"app.py": _REMEMBERS.replace("{queue}", mails)})},
        Handler="app.handler",
        Runtime="python3.12",
        Timeout=30,
        MemorySize=1769,
    )
    client.get_waiter("function_active_v2").wait(FunctionName="fed")
    arn = "arn:aws:sqs:us-east-1:000000000000:fed"
    key = client.create_event_source_mapping(FunctionName="fed", EventSourceArn=arn, BatchSize=1)
    until(lambda: client.get_event_source_mapping(UUID=key["UUID"])["State"] == "Enabled")

    def record(body: object) -> dict[str, str]:
        return {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(body)}

    events = [
        {"Records": [record({"id": 1})]},
        {"Records": [record({"id": 2, "mail": True}), record({"id": 3})]},
    ]
    status, found = checked.sample("fed", "-e", json.dumps(events), "--twice", "--seed", "5")
    leaks = [each["what"] for each in found["findings"] if each["severity"] == "leak"]
    assert "event 2 delivered twice: sqs.SendMessage is done twice" in leaks
    assert not any(each.startswith("event 1") and "SendMessage" in each for each in leaks)
    assert status == 1
    assert found["delivered_twice"] == {"fed": 2}
    # Nothing of the check is left in the queue, and its own calls are none of the function's.
    counts = sqs.get_queue_attributes(QueueUrl=fed, AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert [counts[name] for name in names] == ["0", "0"]
    client.delete_event_source_mapping(UUID=key["UUID"])


#: Counts each record on, unless it has a mark that it sets: idempotent for those of groups "good".
_COUNTS = """
import base64, boto3, json
sqs, s3 = boto3.client('sqs'), boto3.client('s3')
def handler(event, context):
    for record in event['Records']:
        if 'kinesis' in record:
            body = base64.b64decode(record['kinesis']['data']).decode()
        elif 'dynamodb' in record:
            body = record['dynamodb']['Keys']['id']['S']
        else:
            body = record['body']
        s3.put_object(Bucket='{bucket}', Key=f'{body}-{context.aws_request_id}', Body=b'done')
        if body.startswith('mail'):
            sqs.send_message(QueueUrl='{queue}', MessageBody=body)
"""


def _fed(running: Running, name: str, arn: str, **mapping: Any) -> str:
    """Make a function that is fed by ``arn``; returns the mapping's id once it polls."""
    client = running.client("lambda")
    mails = running.client("sqs").create_queue(QueueName=f"mails-of-{name}")["QueueUrl"]
    running.client("s3").create_bucket(Bucket=f"done-{name}")
    code = _COUNTS.replace("{queue}", mails).replace("{bucket}", f"done-{name}")
    create(
        client,
        name,
        Code={"ZipFile": archive({"app.py": code})},
        Handler="app.handler",
        Runtime="python3.12",
        Timeout=30,
        MemorySize=1769,
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **mapping)
    until(lambda: client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled")
    return str(made["UUID"])


@pytest.mark.slow
def test_messages_of_a_fifo_queue_come_twice_within_their_group(
    checked: Checked, running: Running
) -> None:
    sqs = running.client("sqs")
    fed = sqs.create_queue(QueueName="fed.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    key = _fed(running, "fed-fifo", "arn:aws:sqs:us-east-1:000000000000:fed.fifo", BatchSize=2)

    def record(body: str, group: str) -> dict[str, Any]:
        attributes = {"MessageGroupId": group}
        return {"eventSource": "aws:sqs", "body": body, "attributes": attributes}

    events = [
        {"Records": [record(f"a{n}", "a") for n in range(3)]},
        {"Records": [record("b0", "b"), record("mail", "b")]},
        {"Records": [record("a3", "a")]},
    ]
    status, found = checked.sample("fed-fifo", "-e", json.dumps(events), "--twice")
    leaks = [each["what"] for each in found["findings"] if "SendMessage" in each["what"]]
    assert leaks
    assert all("event 2" in each or "and 2" in each or "2 and" in each for each in leaks)
    assert status == 1
    assert found["delivered_twice"] == {"fed.fifo": 3}
    assert not any("not delivered" in each["what"] for each in found["findings"])
    counts = sqs.get_queue_attributes(QueueUrl=fed, AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert [counts[name] for name in names] == ["0", "0"]
    running.client("lambda").delete_event_source_mapping(UUID=key)


@pytest.mark.slow
def test_batches_of_a_stream_come_twice(checked: Checked, running: Running) -> None:
    kinesis = running.client("kinesis")
    kinesis.create_stream(StreamName="fed", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="fed")
    arn = kinesis.describe_stream_summary(StreamName="fed")["StreamDescriptionSummary"]["StreamARN"]
    key = _fed(running, "fed-stream", arn, StartingPosition="TRIM_HORIZON", BatchSize=10)

    def record(body: str, at: str) -> dict[str, Any]:
        data = base64.b64encode(body.encode()).decode()
        return {"eventSource": "aws:kinesis", "kinesis": {"data": data, "partitionKey": at}}

    events = [
        {"Records": [record(f"a{n}", f"key-{n}") for n in range(6)]},
        {"Records": [record("mail", "key-1")]},
        {"Records": [record("b", "key-2")]},
    ]
    status, found = checked.sample("fed-stream", "-e", json.dumps(events), "--twice")
    assert [each["what"] for each in found["findings"] if each["severity"] == "leak"] == [
        "event 2 delivered twice: sqs.SendMessage is done twice"
    ]
    assert status == 1
    assert found["delivered_twice"] == {"stream/fed": 3}
    assert not any("not delivered" in each["what"] for each in found["findings"])
    running.client("lambda").delete_event_source_mapping(UUID=key)


@pytest.mark.slow
def test_changes_of_a_table_come_twice_and_leave_the_table_alone(
    checked: Checked, running: Running
) -> None:
    dynamodb = running.client("dynamodb")
    made = dynamodb.create_table(
        TableName="fed",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    arn = made["TableDescription"]["LatestStreamArn"]
    key = _fed(running, "fed-table", arn, StartingPosition="TRIM_HORIZON")

    def record(id: str) -> dict[str, Any]:
        keys = {"id": {"S": id}}
        change = {"Keys": keys, "NewImage": {**keys, "n": {"N": "1"}}, "SequenceNumber": "1"}
        return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": change}

    events = [{"Records": [record("mail")]}, {"Records": [record("a"), record("b")]}]
    status, found = checked.sample("fed-table", "-e", json.dumps(events), "--twice")
    assert [each["what"] for each in found["findings"] if each["severity"] == "leak"] == [
        "event 1 delivered twice: sqs.SendMessage is done twice"
    ]
    assert status == 1
    assert found["delivered_twice"] == {"table/fed": 2}
    assert dynamodb.scan(TableName="fed")["Count"] == 0
    running.client("lambda").delete_event_source_mapping(UUID=key)


def test_recorded_events_are_taken_where_none_are_given(checked: Checked, running: Running) -> None:
    client = running.client("lambda")
    # One that no other test has called.
    create(
        client,
        "recorded",
        Code={"ZipFile": archive({"app.py": "def handler(event, context):\n    return event\n"})},
        Handler="app.handler",
        Runtime="python3.12",
    )
    client.get_waiter("function_active_v2").wait(FunctionName="recorded")
    for payload in (b'{"n": 1}', b'{"n": 2}', b'{"n": 2}'):
        client.invoke(FunctionName="recorded", Payload=payload)["Payload"].read()
    assert checked.sample("recorded")[1]["events"] == 2


def test_bad_input_is_said(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    for words, text in (
        (("nobody", "-e", "{}"), "Function not found"),
        (("echo:9", "-e", "{}"), "Function not found"),
        (("echo", "-e", "[]"), "a JSON array of 1 to 50"),
        (("echo", "-e", "{nothing"), "not valid JSON"),
    ):
        assert run(["check", *words, "--endpoint", running.url]) == 1
        assert text in capsys.readouterr().err
