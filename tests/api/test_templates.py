"""Queues and mappings of a template are there when the emulator is up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.greeting import greet
from emulator.project.project import Project
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

TEMPLATE = """
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: .
      Events:
        Orders:
          Type: SQS
          Properties: {Queue: !GetAtt Orders.Arn, BatchSize: 5, Enabled: false}
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
"""


def _project(running: Running) -> Project:
    project = running.emulator.project
    assert project is not None
    return project


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    begun: list[Running] = []

    def start(text: str = TEMPLATE, watch: bool = False) -> Running:
        for running in begun:
            running.stop()
        begun.clear()
        (tmp_path / "template.yaml").write_text(text)
        (tmp_path / "app.py").write_text("def handler(event, context): pass\n")
        settings = Settings(port=0, functions=tmp_path, state=tmp_path / "state", watch=watch)
        begun.append(Running(settings, driver=ScriptedDriver()))
        return begun[-1]

    yield start
    for running in begun:
        running.stop()


def _mappings(running: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.client("lambda").list_event_source_mappings()[
        "EventSourceMappings"
    ]
    return found


def test_queues_and_mappings_are_made(start: Callable[..., Running]) -> None:
    running = start()
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "60"
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(":Dead")
    (mapping,) = _mappings(running)
    assert (mapping["State"], mapping["BatchSize"]) == ("Disabled", 5)
    assert mapping["FunctionArn"].endswith(":function:Worker")


def test_another_start_finds_what_is_there(start: Callable[..., Running]) -> None:
    running = start()
    before = _mappings(running)
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    running = start(TEMPLATE.replace("BatchSize: 5", "BatchSize: 6").replace("60", "61"))
    (after,) = _mappings(running)
    assert (after["UUID"], after["BatchSize"]) == (before[0]["UUID"], 6)
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"
    # Declared no more, the mapping goes; a mapping that came through the API stays.
    running.client("lambda").create_event_source_mapping(
        FunctionName="Worker",
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:Dead",
        Enabled=False,
    )
    running = start(TEMPLATE.replace("Type: SQS", "Type: Other"))
    (left,) = _mappings(running)
    assert left["EventSourceArn"].endswith(":Dead")


def test_the_declarations_are_followed(start: Callable[..., Running]) -> None:
    running = start()
    folder = _project(running).folder
    assert folder is not None
    (before,) = _mappings(running)
    running.client("lambda").update_event_source_mapping(UUID=before["UUID"], BatchSize=7)
    apply = _project(running).resources.apply
    running.call(lambda: apply(folder.read()))
    assert _mappings(running)[0]["BatchSize"] == 7, "only a changed declaration is applied"
    (folder.path / "template.yaml").write_text(
        TEMPLATE.replace("BatchSize: 5", "BatchSize: 8") + "  New: {Type: AWS::SQS::Queue}\n"
    )
    running.call(lambda: apply(folder.read()))
    assert _mappings(running)[0]["BatchSize"] == 8
    running.client("sqs").get_queue_url(QueueName="New")


def test_a_changed_template_takes_effect_by_itself(start: Callable[..., Running]) -> None:
    running = start(watch=True)
    folder = _project(running).folder
    assert folder is not None
    (folder.path / "template.yaml").write_text(TEMPLATE.replace("BatchSize: 5", "BatchSize: 8"))
    deadline = time.monotonic() + 20
    while _mappings(running)[0]["BatchSize"] != 8:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("VisibilityTimeout: 60", "VisibilityTimeout: 50000", "Orders: Invalid value"),
        ("maxReceiveCount: 3", "maxReceiveCount: 0", "Orders: Value"),
        ("BatchSize: 5", "BatchSize: many", "Worker.Events.Orders: "),
        ("BatchSize: 5", "BatchSize: 0", "Worker.Events.Orders: 1 validation error"),
    ],
)
def test_what_aws_would_refuse_is_told(
    start: Callable[..., Running], before: str, after: str, says: str
) -> None:
    running = start()
    folder = _project(running).folder
    assert folder is not None
    (folder.path / "template.yaml").write_text(TEMPLATE.replace(before, after))
    with pytest.raises(Exception, match=says):
        running.call(lambda: _project(running).resources.apply(folder.read()))


def test_a_function_url_follows_its_declaration(
    start: Callable[..., Running], tmp_path: Path, capsys: Any
) -> None:
    def declare(config: str) -> str:
        return TEMPLATE.replace("      CodeUri: .\n", "      CodeUri: .\n" + config)

    config = "      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['*'], MaxAge: 5}}\n"
    running = start(declare(config), True)
    found = running.client("lambda").get_function_url_config(FunctionName="Worker")
    assert (found["AuthType"], found["InvokeMode"]) == ("NONE", "BUFFERED")
    assert found["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 5}
    greet(running.emulator)
    assert found["FunctionUrl"] in capsys.readouterr().out
    function = running.emulator.registry.all()[0]
    assert function.ignored == ()

    def urls() -> list[dict[str, Any]]:
        client = running.client("lambda")
        listed: list[dict[str, Any]] = client.list_function_url_configs(FunctionName="Worker")[
            "FunctionUrlConfigs"
        ]
        return listed

    template = tmp_path / "template.yaml"
    template.write_text(declare(config.replace("NONE", "AWS_IAM")))
    until = time.monotonic() + 20
    while urls()[0]["AuthType"] != "AWS_IAM":
        assert time.monotonic() < until, "a changed declaration is applied"
        time.sleep(0.02)
    assert urls()[0]["FunctionUrl"] == found["FunctionUrl"]
    template.write_text(TEMPLATE)
    while urls():
        assert time.monotonic() < until, "declared no more, it goes"
        time.sleep(0.02)
