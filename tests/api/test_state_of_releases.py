"""State folders of earlier releases are opened, and all that was kept in them is there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from emulator.model.clock import SystemClock
from emulator.settings import Settings
from emulator.store import schema
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

_FIXTURES = Path(__file__).parents[1] / "fixtures"
#: A moment after the databases were made, before their messages expire.
_MADE_AT = 1795867049 + 60
RELEASES = sorted(path.name for path in _FIXTURES.glob("release_*"))


class _ClockOfThen(SystemClock):
    def __init__(self) -> None:
        self._started = time.monotonic()

    def now(self) -> float:
        return _MADE_AT + time.monotonic() - self._started


@pytest.fixture(params=RELEASES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state folder as a release left it."""
    for source in (_FIXTURES / request.param).glob("*.sql"):
        with closing(sqlite3.connect(tmp_path / f"{source.stem}.db")) as connection:
            connection.executescript(source.read_text())
    return tmp_path


@pytest.fixture
def running(state: Path) -> Iterator[Running]:
    settings = Settings(port=0, state=state, transition_seconds=0.0)
    running = Running(settings, driver=ScriptedDriver(), clock=_ClockOfThen())
    yield running
    running.stop()


def test_there_is_a_release_to_test() -> None:
    assert RELEASES


def test_functions_with_all_that_hangs_on_them(running: Running) -> None:
    client = running.client("lambda")
    found = client.get_function(FunctionName="orders")
    assert found["Configuration"]["Description"] == "second"
    assert found["Configuration"]["MemorySize"] == 256
    assert found["Configuration"]["Environment"]["Variables"] == {"STAGE": "test"}
    assert found["Configuration"]["Layers"][0]["Arn"].endswith(":layer:tools:1")
    assert found["Tags"] == {"team": "blue"}
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    versions = client.list_versions_by_function(FunctionName="orders")["Versions"]
    described = [(each["Version"], each["Description"]) for each in versions]
    assert described == [("$LATEST", "second"), ("1", "first"), ("2", "second")]
    alias = client.get_alias(FunctionName="orders", Name="live")
    assert alias["FunctionVersion"] == "1"
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    assert "123456789012" in client.get_policy(FunctionName="orders")["Policy"]
    url = client.get_function_url_config(FunctionName="orders", Qualifier="live")
    assert (url["AuthType"], url["Cors"]) == ("NONE", {"AllowOrigins": ["*"]})
    config = client.get_function_event_invoke_config(FunctionName="orders")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    provisioned = client.get_provisioned_concurrency_config(FunctionName="orders", Qualifier="2")
    assert provisioned["RequestedProvisionedConcurrentExecutions"] == 1
    recursion = client.get_function_recursion_config(FunctionName="orders")
    assert recursion["RecursiveLoop"] == "Allow"
    management = client.get_runtime_management_config(FunctionName="orders")
    assert management["UpdateRuntimeOn"] == "Auto"
    signing = client.get_function_code_signing_config(FunctionName="orders")
    configs = client.list_code_signing_configs()["CodeSigningConfigs"]
    assert [each["CodeSigningConfigArn"] for each in configs] == [signing["CodeSigningConfigArn"]]
    mapping = client.list_event_source_mappings(FunctionName="orders")["EventSourceMappings"][0]
    assert (mapping["BatchSize"], mapping["State"]) == (7, "Disabled")


def test_queues_with_their_messages(running: Running) -> None:
    client = running.client("sqs")
    url = client.get_queue_url(QueueName="plain")["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    # One is in flight still.
    assert attributes["ApproximateNumberOfMessages"] == "2"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    received = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    for message in received:
        number = message["MessageAttributes"]["n"]["StringValue"]
        assert message["Body"] == f"message {number}"
    assert len(received) == 2
    fifo = client.get_queue_url(QueueName="line.fifo")["QueueUrl"]
    assert client.list_queue_tags(QueueUrl=fifo)["Tags"] == {"kind": "fifo"}
    # What was sent before is remembered: not sent twice.
    client.send_message(QueueUrl=fifo, MessageBody="0", MessageGroupId="g")
    received = client.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["0", "1"]


def test_logs(running: Running) -> None:
    client = running.client("logs")
    running.call(lambda: running.emulator.logs.loaded())
    groups = client.describe_log_groups()["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/aws/lambda/orders", "/mine"]
    assert groups[1]["retentionInDays"] == 3653
    assert client.list_tags_for_resource(resourceArn=groups[1]["arn"].removesuffix(":*"))[
        "tags"
    ] == {"a": "b"}
    events = client.filter_log_events(logGroupName="/mine")["events"]
    assert [each["message"] for each in events] == [f"line {n} – ä" for n in range(20)]
    lines = client.filter_log_events(logGroupName="/aws/lambda/orders")["events"]
    assert any(each["message"].startswith("REPORT") for each in lines)


def test_they_are_brought_to_this_release_and_closed_to_others(state: Path) -> None:
    settings = Settings(port=0, state=state, transition_seconds=0.0)
    Running(settings, driver=ScriptedDriver(), clock=_ClockOfThen()).stop()
    for name in ("state", "logs"):
        path = state / f"{name}.db"
        with closing(sqlite3.connect(path)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        assert version == len(schema.own(name))
        assert path.stat().st_mode & 0o777 == 0o600
