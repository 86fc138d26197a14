"""Functions idle for so long that they are Inactive."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator

import pytest

from emulator.invoke.idleness import is_idle
from emulator.model.clock import SystemClock
from emulator.model.errors import DriverFault
from emulator.model.function import Code, FunctionVersion
from emulator.model.sandbox import Exit
from emulator.pool.snap_start import SnapStartPool
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.messages import taken
from tests.patience import until

_DAY = 86400.0
_QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


class _Ahead(SystemClock):
    """A clock whose calendar can be moved on."""

    days = 0.0

    def now(self) -> float:
        return time.time() + self.days * _DAY


class _Driver(ScriptedDriver):
    """A driver that may be unable to get a runtime ready."""

    unready = ""

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        if self.unready:
            raise DriverFault(self.unready)
        await super().prepare(runtime, architecture, sizes_mb)


class _World:
    def __init__(self, transition_seconds: float) -> None:
        self.clock, self.driver = _Ahead(), _Driver()
        settings = Settings(
            port=0, transition_seconds=transition_seconds, async_retry_scale=0.01, drain_seconds=0
        )
        self.running = Running(settings, clock=self.clock, driver=self.driver)
        self.client = self.running.client("lambda")

    def active(self, name: str, **fields: object) -> None:
        create(self.client, name, **fields)
        self.client.get_waiter("function_active_v2").wait(FunctionName=name)

    def state(self, name: str, qualifier: str = "$LATEST") -> tuple[str, str | None]:
        shown = self.client.get_function_configuration(FunctionName=name, Qualifier=qualifier)
        return shown["State"], shown.get("StateReasonCode")

    def code(self, name: str, qualifier: str) -> dict[str, str]:
        return self.client.get_function(FunctionName=name, Qualifier=qualifier)["Code"]

    def refused(self, name: str) -> None:
        with pytest.raises(self.client.exceptions.CodeArtifactUserPendingException) as caught:
            self.client.invoke(FunctionName=name)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
        assert caught.value.response["Error"]["Message"] == (
            "Lambda is initializing your function. It will be ready to invoke shortly."
        )


@pytest.fixture
def world() -> Iterator[_World]:
    """Where a transition that nobody waits for lasts longer than a test."""
    world = _World(300)
    yield world
    world.running.stop()


@pytest.fixture
def quick() -> Iterator[_World]:
    """Where transitions end as soon as they can."""
    world = _World(0)
    yield world
    world.running.stop()


def test_an_idle_function_is_inactive_until_a_call_restores_it(world: _World) -> None:
    client = world.client
    world.active("idle", Publish=True)
    world.clock.days = 13.9
    client.invoke(FunctionName="idle", Qualifier="1")
    assert world.state("idle") == ("Active", None)
    world.clock.days = 14.1
    shown = client.get_function(FunctionName="idle")["Configuration"]
    assert (shown["State"], shown["StateReasonCode"]) == ("Inactive", "Idle")
    assert shown["StateReason"] == "The function is currently idle."
    assert shown["LastUpdateStatus"] == "Successful"
    # Each version has its own time.
    assert world.state("idle", "1") == ("Active", None)
    world.refused("idle")
    assert world.state("idle") == ("Pending", "Restoring")
    client.get_waiter("function_active_v2").wait(FunctionName="idle")
    assert world.state("idle") == ("Active", None)
    assert client.invoke(FunctionName="idle", Payload=b'"on"')["Payload"].read() == b'"on"'
    world.clock.days = 28.0
    assert world.state("idle", "1")[0] == "Inactive"
    assert world.state("idle")[0] == "Active"


def test_an_inactive_version_with_snapstart_has_its_snapshot_made_anew(world: _World) -> None:
    client = world.client
    world.active("snap", SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    client.get_waiter("published_version_active").wait(FunctionName="snap", Qualifier="1")
    client.invoke(FunctionName="snap", Qualifier="1")
    world.clock.days = 14.1
    assert world.state("snap", "1")[0] == "Inactive"
    with pytest.raises(client.exceptions.SnapStartNotReadyException) as caught:
        client.invoke(FunctionName="snap", Qualifier="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert world.state("snap", "1") == ("Pending", "Restoring")
    client.get_waiter("published_version_active").wait(FunctionName="snap", Qualifier="1")
    answer = client.invoke(FunctionName="snap", Qualifier="1", Payload=b"1")
    assert answer["Payload"].read() == b"1"


def test_a_snapshot_that_can_not_be_made_anew_is_awss_error(quick: _World) -> None:
    client = quick.client
    quick.active("snap", SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    client.get_waiter("published_version_active").wait(FunctionName="snap", Qualifier="1")
    client.invoke(FunctionName="snap", Qualifier="1")
    quick.clock.days = 14.1

    async def fails(runtime: RuntimeClient) -> Exit | None:
        kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.BeforeSnapshotError"}
        told = b'{"errorType": "ValueError", "errorMessage": "not today"}'
        await runtime.call("POST", "init/error", told, kind)
        return Exit(status=64)

    async def forget() -> None:
        # Idle for so long, the snapshot is not there any more.
        for pool in quick.running.emulator.pools:
            if isinstance(pool, SnapStartPool):
                pool.drop_snapshot()

    quick.driver.script = fails
    quick.running.call(forget)
    with pytest.raises(client.exceptions.SnapStartNotReadyException):
        client.invoke(FunctionName="snap", Qualifier="1")
    until(lambda: quick.state("snap", "1")[0] != "Pending")
    with pytest.raises(client.exceptions.SnapStartRegenerationFailureException) as caught:
        client.invoke(FunctionName="snap", Qualifier="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert "not today" in str(caught.value)


def test_the_call_after_the_refused_one_waits_for_the_function(world: _World) -> None:
    world.active("again")
    world.clock.days = 15
    world.refused("again")
    answer = world.client.invoke(FunctionName="again", Payload=b"1")
    assert answer["Payload"].read() == b"1"


def test_a_change_makes_an_inactive_function_active(world: _World) -> None:
    client = world.client
    world.active("changed")
    world.clock.days = 15
    assert world.state("changed")[0] == "Inactive"
    changed = client.update_function_configuration(FunctionName="changed", Timeout=5)
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    client.get_waiter("function_updated_v2").wait(FunctionName="changed")
    assert client.invoke(FunctionName="changed", Payload=b"2")["Payload"].read() == b"2"


def test_what_cannot_be_restored_is_inactive_still(quick: _World) -> None:
    quick.active("lost")
    quick.clock.days, quick.driver.unready = 15, "no interpreter"
    quick.refused("lost")
    until(lambda: quick.state("lost") == ("Inactive", "InternalError"))
    quick.driver.unready = ""
    quick.refused("lost")
    assert quick.client.invoke(FunctionName="lost", Payload=b"3")["Payload"].read() == b"3"


def test_a_restored_version_keeps_its_own_image(quick: _World) -> None:
    client = quick.client
    client.create_function(
        FunctionName="image",
        PackageType="Image",
        Role="arn:aws:iam::000000000000:role/role",
        Code={"ImageUri": "one:1"},
        Publish=True,
    )
    client.get_waiter("function_active_v2").wait(FunctionName="image")
    client.update_function_code(FunctionName="image", ImageUri="two:2")
    client.get_waiter("function_updated_v2").wait(FunctionName="image")
    before = quick.code("image", "1")
    assert before["ImageUri"] == "one:1"
    quick.clock.days = 15
    with pytest.raises(client.exceptions.CodeArtifactUserPendingException):
        client.invoke(FunctionName="image", Qualifier="1")
    client.get_waiter("published_version_active").wait(FunctionName="image", Qualifier="1")
    assert quick.state("image", "1") == ("Active", None)
    assert quick.code("image", "1") == before
    assert quick.code("image", "$LATEST")["ImageUri"] == "two:2"


def test_events_and_polled_messages_wait_for_an_inactive_function(quick: _World) -> None:
    client, sqs = quick.client, quick.running.client("sqs")
    told, source = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("told", "source"))
    for name in ("event", "polled"):
        quick.active(name)
    client.put_function_event_invoke_config(
        FunctionName="event",
        DestinationConfig={"OnSuccess": {"Destination": f"{_QUEUE}told"}},
    )
    client.create_event_source_mapping(FunctionName="polled", EventSourceArn=f"{_QUEUE}source")
    quick.clock.days = 15
    assert quick.state("event")[0] == quick.state("polled")[0] == "Inactive"
    client.invoke(FunctionName="event", InvocationType="Event", Payload=b'"kept"')
    message = taken(sqs, told)
    assert json.loads(message["Body"])["responsePayload"] == "kept"
    sqs.send_message(QueueUrl=source, MessageBody="kept")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    until(
        lambda: sqs.get_queue_attributes(QueueUrl=source, AttributeNames=names)["Attributes"],
        lambda counts: set(counts.values()) == {"0"},
    )
    assert quick.state("event")[0] == quick.state("polled")[0] == "Active"


def test_is_idle() -> None:
    version = FunctionVersion(
        account="000000000000",
        region="us-east-1",
        name="f",
        code=Code(sha256="", size=0),
        last_modified="1970-01-01T00:01:40.000+0000",
    )
    assert not is_idle(version, used_at=0, now=109, after_s=10)
    assert is_idle(version, used_at=0, now=110, after_s=10)
    assert not is_idle(version, used_at=105, now=114, after_s=10)
    assert not is_idle(version, used_at=0, now=1e12, after_s=float("inf"))
