"""A reset: everything that was made is gone, of all accounts or of one."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.store.database import Database
from emulator.testing import ScriptedDriver
from tests.api.conftest import ECHO, Running, create

_OWN, _OTHER = "000000000000", "111111111111"
_BUCKET = {_OWN: "own-things", _OTHER: "others-things"}
_TEMPLATE = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}


def _reset(running: Running, account: str | None = None) -> dict[str, Any]:
    query = f"?account={account}" if account else ""
    url = f"{running.url}/_emulator/reset{query}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60) as answer:
        return json.loads(answer.read())


def _fill(running: Running, account: str) -> None:
    """Make something in every service that keeps anything."""
    called: Callable[[str], Any] = lambda service: running.client(service, account=account)  # noqa: E731
    queue = called("sqs").create_queue(QueueName="q")["QueueUrl"]
    called("sqs").send_message(QueueUrl=queue, MessageBody="m")
    functions = called("lambda")
    create(functions, "f", Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    functions.publish_layer_version(LayerName="l", Content={"ZipFile": ECHO})
    functions.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:q", FunctionName="f", Enabled=False
    )
    functions.invoke(FunctionName="f", Payload=b"{}")
    called("s3").create_bucket(Bucket=_BUCKET[account])
    called("s3").put_object(Bucket=_BUCKET[account], Key="k", Body=b"x" * 300_000)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    role = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    called("iam").create_role(RoleName="r", AssumeRolePolicyDocument=role)
    called("ssm").put_parameter(Name="p", Value="v", Type="String")
    called("secretsmanager").create_secret(Name="s", SecretString="v")
    called("logs").create_log_group(logGroupName="g")
    called("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(_TEMPLATE))
    called("cloudformation").get_waiter("stack_create_complete").wait(
        StackName="s", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )


def _held(running: Running, account: str) -> dict[str, int]:
    """Count what an account has."""
    called: Callable[[str], Any] = lambda service: running.client(service, account=account)  # noqa: E731
    functions = called("lambda")
    return {
        "queues": len(called("sqs").list_queues().get("QueueUrls", [])),
        "functions": len(functions.list_functions()["Functions"]),
        "layers": len(functions.list_layers()["Layers"]),
        "mappings": len(functions.list_event_source_mappings()["EventSourceMappings"]),
        "buckets": len(called("s3").list_buckets()["Buckets"]),
        "roles": len(called("iam").list_roles()["Roles"]),
        "parameters": len(called("ssm").describe_parameters()["Parameters"]),
        "secrets": len(called("secretsmanager").list_secrets()["SecretList"]),
        "groups": len(called("logs").describe_log_groups()["logGroups"]),
        "stacks": len(called("cloudformation").describe_stacks()["Stacks"]),
    }


def _is_empty(held: dict[str, int]) -> bool:
    return set(held.values()) == {0}


@pytest.fixture(params=["temporary", "lasting"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    state = tmp_path / "state" if request.param == "lasting" else None
    settings = Settings(port=0, state=state, transition_seconds=0)
    running = Running(settings, driver=ScriptedDriver())
    yield running
    running.stop()


def test_one_account_or_all(running: Running, tmp_path: Path) -> None:
    for account in (_OWN, _OTHER):
        _fill(running, account)
        assert min(_held(running, account).values()) > 0
    told = _reset(running, _OTHER)
    assert told["account"] == _OTHER
    assert _is_empty(_held(running, _OTHER))
    assert min(_held(running, _OWN).values()) > 0
    # The names are free.
    _fill(running, _OTHER)
    assert _reset(running)["account"] is None
    for account in (_OWN, _OTHER):
        assert _is_empty(_held(running, account))
    limits = running.client("lambda").get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == limits["ConcurrentExecutions"]
    assert not list((running.emulator.state / "objects").glob("??/*"))
    if (tmp_path / "state").is_dir():
        assert _rows(tmp_path / "state", "documents", "queues", "buckets", "objects") == {
            "documents": 0,
            "queues": 0,
            "buckets": 0,
            "objects": 0,
        }


def _rows(state: Path, *tables: str) -> dict[str, int]:
    """Count the rows of tables, but for the queues of asynchronous events and of outboxes."""
    found = {}
    for database in state.glob("*.db"):
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            there = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for table in {name for (name,) in there} & set(tables):
                rows = connection.execute(f"SELECT * FROM {table}").fetchall()
                own = ("async", "outbox")
                found[table] = sum(not any(word in str(row) for word in own) for row in rows)
    return found


def test_what_was_kept_before_a_start_goes_as_well(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    running = Running(settings, driver=ScriptedDriver())
    try:
        _fill(running, _OWN)
    finally:
        running.stop()
    running = Running(settings, driver=ScriptedDriver())
    try:
        _reset(running)  # before any service was called
        assert _is_empty(_held(running, _OWN))
    finally:
        running.stop()
    running = Running(settings, driver=ScriptedDriver())
    try:
        assert _is_empty(_held(running, _OWN))
    finally:
        running.stop()


def test_it_writes_a_few_times_however_much_there_is(
    scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions, sqs = scripted.client("lambda"), scripted.client("sqs")
    for number in range(60):
        create(functions, f"f{number}")
        sqs.create_queue(QueueName=f"q{number}")
    written, hand_in = [], Database._hand_in

    def counted(self: Database) -> None:
        written.append(len(self._submitted))
        hand_in(self)

    monkeypatch.setattr(Database, "_hand_in", counted)
    _reset(scripted)
    assert sum(written) >= 120
    assert len(written) < 10


def test_what_the_folder_declares_is_made_anew(tmp_path: Path) -> None:
    source = tmp_path / "project" / "src"
    source.mkdir(parents=True)
    (source / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "project" / "template.yaml").write_text(
        """
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: declared}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: declared
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src
      Events: {Each: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}
"""
    )
    settings = Settings(port=0, functions=(tmp_path / "project",), watch=False)
    running = Running(settings, driver=ScriptedDriver())
    try:
        functions, sqs = running.client("lambda"), running.client("sqs")
        functions.tag_resource(
            Resource=f"arn:aws:lambda:us-east-1:{_OWN}:function:declared", Tags={"a": "b"}
        )
        create(functions, "mine")
        sqs.create_queue(QueueName="mine")
        _reset(running, _OTHER)
        assert len(functions.list_functions()["Functions"]) == 2
        _reset(running)
        found = functions.list_functions()["Functions"]
        assert [each["FunctionName"] for each in found] == ["declared"]
        assert "a" not in functions.get_function(FunctionName="declared").get("Tags", {})
        assert [url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]] == ["declared"]
        assert len(functions.list_event_source_mappings()["EventSourceMappings"]) == 1
        assert functions.invoke(FunctionName="declared", Payload=b"1")["Payload"].read() == b"1"
    finally:
        running.stop()


def test_an_account_is_twelve_digits(scripted: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        _reset(scripted, "me")
    assert caught.value.code == 422
    caught.value.close()


def test_a_function_of_the_same_name_starts_cold_and_without_events(scripted: Running) -> None:
    functions = scripted.client("lambda")
    create(functions, "f")
    functions.invoke(FunctionName="f", Payload=b"1")
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    functions.invoke(FunctionName="f", Payload=b"1", InvocationType="Event")
    _reset(scripted)
    with pytest.raises(ClientError, match="Function not found"):
        functions.invoke(FunctionName="f")
    create(functions, "f")
    made = scripted.call(lambda: len(scripted.scripted_driver.sandboxes))
    functions.invoke(FunctionName="f", Payload=b"1")
    assert scripted.call(lambda: len(scripted.scripted_driver.sandboxes)) >= made
    assert scripted.call(lambda: scripted.emulator.asynchronous.failed()) == []


def test_versions_are_numbered_from_one_again(scripted: Running) -> None:
    functions = {each: scripted.client("lambda", account=each) for each in (_OWN, _OTHER)}
    for client in functions.values():
        create(client, "kept", Publish=True)
        create(client, "deleted", Publish=True)
        client.delete_function(FunctionName="deleted")
    _reset(scripted, _OWN)
    for name in ("kept", "deleted"):
        assert create(functions[_OWN], name, Publish=True)["Version"] == "1"
    assert create(functions[_OTHER], "deleted", Publish=True)["Version"] == "2"
