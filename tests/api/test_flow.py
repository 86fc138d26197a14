"""What is wired to what, and events that are sent by hand: admin API, commands, page."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from emulator.cli.application import run
from emulator.services.wiring import title_of
from tests.api.conftest import Running, create
from tests.messages import taken
from tests.patience import PATIENCE_S

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{name}"


@pytest.fixture
def scripted(emptied: Running) -> Running:
    return emptied


@pytest.fixture
def wired(scripted: Running) -> Running:
    """An emulator with a wire of each kind; nothing flows by itself."""
    sqs, sns = scripted.client("sqs"), scripted.client("sns")
    sqs.create_queue(QueueName="dead")
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "dead"), "maxReceiveCount": 3})
    sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": redrive})
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "orders"))
    function = create(scripted.client("lambda"), "work")["FunctionArn"]
    scripted.client("lambda").create_event_source_mapping(
        FunctionName="work", EventSourceArn=arn("sqs", "orders"), Enabled=False
    )
    events = scripted.client("events")
    events.put_rule(Name="sold", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="sold", Targets=[{"Id": "1", "Arn": topic}])
    scripted.client("scheduler").create_schedule(
        Name="nightly",
        ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": topic, "RoleArn": ROLE, "Input": "good night"},
    )
    s3 = scripted.client("s3")
    s3.create_bucket(Bucket="pictures")
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="pictures", NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    sqs.create_queue(QueueName="copies")
    scripted.client("pipes").create_pipe(
        Name="copy",
        RoleArn=ROLE,
        Source=arn("sqs", "copies"),
        Target=arn("sqs", "dead"),
        DesiredState="STOPPED",
    )
    return scripted


def receive(running: Running, queue: str) -> str:
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    body: str = taken(sqs, url)["Body"]
    return body


def test_the_flow_has_every_wire_with_counts(wired: Running) -> None:
    sqs = wired.client("sqs")
    for name, count in (("dead", 2), ("copies", 1)):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        for _ in range(count):
            sqs.send_message(QueueUrl=url, MessageBody="x")
    found = requests.get(f"{wired.url}/_emulator/flow", timeout=60).json()
    wires = {(each["source"], each["by"], each["target"]) for each in found["wires"]}
    orders, dead = arn("sqs", "orders"), arn("sqs", "dead")
    function = arn("lambda", "function:work")
    topic, pipe = arn("sns", "news"), arn("pipes", "pipe/copy")
    assert wires == {
        (topic, "subscription", orders),
        (orders, "mapping", function),
        (orders, "dead letters", dead),
        (arn("events", "event-bus/default"), "rule", topic),
        (arn("scheduler", "schedule/default/nightly"), "schedule", topic),
        ("arn:aws:s3:::pictures", "notification", function),
        (arn("sqs", "copies"), "pipe", pipe),
        (pipe, "target", dead),
    }
    nodes = {each["arn"]: each for each in found["nodes"]}
    assert (nodes[dead]["dead"], nodes[dead]["waiting"]) == (2, 0)
    assert nodes[arn("sqs", "copies")]["waiting"] == 1
    assert (found["waiting"], found["retrying"], found["dead"]) == (1, 0, 2)
    other = requests.get(f"{wired.url}/_emulator/flow?account=111111111111", timeout=60).json()
    assert {each["source"] for each in other["wires"]} <= {"arn:aws:s3:::pictures"}


def test_the_command_draws_a_tree(wired: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["flow", "--endpoint", wired.url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "bus default",
        "└─ rule sold → topic news",
        "   └─ subscription → queue orders",
        "      ├─ dead letters (after 3 receives) → queue dead",
        "      └─ mapping, off → function work",
        "bucket pictures",
        "└─ notification (s3:ObjectCreated:*) → function work",
        "schedule nightly",
        "└─ schedule (cron(0 3 * * ? *)) → topic news (see above)",
        "queue copies",
        "└─ pipe, off → pipe copy",
        "   └─ target, off → queue dead",
    ]


def test_events_are_sent_by_hand(
    wired: Running, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--endpoint", wired.url]
    assert run(["send", "sns", "news", "hello", "--subject", "s", *at]) == 0
    message = json.loads(receive(wired, "orders"))
    assert (message["Message"], message["Subject"]) == ("hello", "s")
    assert capsys.readouterr().out.strip() == message["MessageId"]
    assert run(["send", "events", '{"id": 7}', "--source", "shop", *at]) == 0
    event = json.loads(json.loads(receive(wired, "orders"))["Message"])
    assert event["detail"] == {"id": 7}
    assert run(["send", "schedule", "nightly", *at]) == 0
    assert json.loads(receive(wired, "orders"))["Message"] == "good night"
    wired.client("sqs").create_queue(QueueName="told")
    entry = {"QueueArn": arn("sqs", "told"), "Events": ["s3:ObjectCreated:*"]}
    wired.client("s3").put_bucket_notification_configuration(
        Bucket="pictures", NotificationConfiguration={"QueueConfigurations": [entry]}
    )
    assert "s3:TestEvent" in receive(wired, "told")
    file = tmp_path / "cat.jpg"
    file.write_bytes(b"miau")
    for command in (["cat.jpg", str(file)], ["cat.jpg"]):
        assert run(["send", "s3", "pictures", *command, *at]) == 0
        (record,) = json.loads(receive(wired, "told"))["Records"]
        assert record["s3"]["object"]["size"] == 4


@pytest.mark.parametrize(
    ("service", "resource", "title"),
    [
        ("states", "stateMachine:orders", ("state machine", "orders")),
        ("dynamodb", "table/orders/stream/2026-01-01", ("table", "orders")),
        ("kinesis", "stream/clicks", ("stream", "clicks")),
        ("logs", "log-group:/aws/orders:*", ("log group", "/aws/orders")),
        ("mail", "orders", ("mail", "orders")),
    ],
)
def test_resources_without_wires_have_titles_too(
    service: str, resource: str, title: tuple[str, str]
) -> None:
    assert title_of(service, resource) == title


def test_the_page_draws_the_flow(wired: Running) -> None:
    text = requests.get(f"{wired.url}/_emulator/ui/flow", timeout=60).text
    assert "<svg" in text
    for name in ("nightly", "news", "orders", "pictures", "work", "cron(0 3 * * ? *)"):
        assert name in text
    part = requests.get(
        f"{wired.url}/_emulator/ui/flow", headers={"HX-Request": "true"}, timeout=PATIENCE_S
    ).text
    assert "<svg" in part
    assert "<html" not in part


def test_the_page_says_how_to_begin(scripted: Running) -> None:
    text = requests.get(f"{scripted.url}/_emulator/ui/flow", timeout=60).text
    assert "Nothing is wired yet" in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sns", "none", "hello"], "NotFound: Topic does not exist"),
        (["events", "[]"], "Detail"),
        (["s3", "pictures", "none"], "There is no object none in pictures."),
        (["s3", "nowhere", "none"], "NoSuchBucket"),
        (["schedule", "none"], "There is no schedule none in default."),
    ],
)
def test_what_can_not_be_sent_says_why(
    wired: Running, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["send", *arguments, "--endpoint", wired.url]) == 1
    assert text in capsys.readouterr().err
