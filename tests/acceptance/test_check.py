"""``localfaas check``: what leaks from call to call, on real functions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.application import run
from tests.acceptance.drivers import settings
from tests.acceptance.test_python_start import archive
from tests.api.conftest import Running, create

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
            **{"Timeout": 10, "MemorySize": 1769, **fields},
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
        Timeout=10,
        MemorySize=1769,
    )
    client.get_waiter("function_active_v2").wait(FunctionName="fed")
    arn = "arn:aws:sqs:us-east-1:000000000000:fed"
    key = client.create_event_source_mapping(FunctionName="fed", EventSourceArn=arn, BatchSize=1)
    for _ in range(500):
        if client.get_event_source_mapping(UUID=key["UUID"])["State"] == "Enabled":
            break
        time.sleep(0.01)

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
