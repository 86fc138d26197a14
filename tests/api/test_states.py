"""States of functions on their way: shown as on AWS, refused changes meanwhile, waiters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from emulator.model.errors import DriverFault, StorageFull
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import ECHO, Running, create
from tests.patience import until

ROLE = "arn:aws:iam::000000000000:role/role"
_SNAP = {"SnapStart": {"ApplyOn": "PublishedVersions"}}


@pytest.fixture(scope="module")
def slow() -> Iterator[Running]:
    """Where a transition that nobody waits for lasts longer than a test."""
    running = Running(Settings(port=0, transition_seconds=300), driver=ScriptedDriver())
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(slow: Running) -> Any:
    return slow.client("lambda")


def _refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError, match="ResourceConflictException") as caught:
        call(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert caught.value.response["Type"] == "User"
    return caught.value.response["Error"]["Message"]


def test_f16_no_change_while_one_is_under_way(client: Any) -> None:
    arn = create(client, "f16")["FunctionArn"]
    text = (
        "The operation cannot be performed at this time. An update is in progress for "
        f"resource: {arn}"
    )
    update = client.update_function_configuration
    assert _refused(update, FunctionName="f16", Timeout=5) == text
    assert _refused(client.update_function_code, FunctionName="f16", ZipFile=ECHO) == text
    assert _refused(client.publish_version, FunctionName="f16") == text
    client.get_waiter("function_active_v2").wait(FunctionName="f16")
    changed = update(FunctionName="f16", Timeout=5)
    assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
    assert changed["LastUpdateStatusReasonCode"] == "Creating"
    assert _refused(update, FunctionName="f16", Timeout=6) == text
    client.get_waiter("function_updated_v2").wait(FunctionName="f16")
    assert update(FunctionName="f16", Timeout=6)["Timeout"] == 6


def test_a_transition_is_shown_once_and_then_it_ends(client: Any) -> None:
    created = create(client, "shown", Publish=True)
    assert created["State"] == "Pending"
    for qualifier in ("$LATEST", "1"):
        shown = client.get_function(FunctionName="shown", Qualifier=qualifier)["Configuration"]
        assert shown["State"] == "Pending"
        assert shown["StateReason"] == "The function is being created."
        assert shown["StateReasonCode"] == "Creating"
        assert "LastUpdateStatus" not in shown
    for qualifier in ("$LATEST", "1"):
        shown = client.get_function_configuration(FunctionName="shown", Qualifier=qualifier)
        assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
        assert "StateReason" not in shown


def test_waiters_of_the_sdk_wait_no_second_too_long(client: Any) -> None:
    # A waiter that sees Pending once sleeps for a second or five: this one fails instead.
    config = {"Delay": 1, "MaxAttempts": 1}
    create(client, "waited")
    for name in ("function_active_v2", "function_active", "function_exists"):
        client.get_waiter(name).wait(FunctionName="waited", WaiterConfig=config)
    client.update_function_code(FunctionName="waited", ZipFile=ECHO, Publish=True)
    for name in ("function_updated_v2", "function_updated"):
        client.get_waiter(name).wait(FunctionName="waited", WaiterConfig=config)
    client.get_waiter("published_version_active").wait(
        FunctionName="waited", Qualifier="1", WaiterConfig=config
    )


def test_a_call_finds_a_function_that_was_just_created(client: Any) -> None:
    create(client, "called", Publish=True)
    answer = client.invoke(FunctionName="called", Qualifier="1", Payload=b'"hello"')
    assert answer["Payload"].read() == b'"hello"'
    assert client.get_function_configuration(FunctionName="called")["State"] == "Active"


def test_a_transition_nobody_looks_at_ends_by_itself() -> None:
    running = Running(Settings(port=0, transition_seconds=0.01), driver=ScriptedDriver())
    try:
        client = running.client("lambda")
        create(client, "alone")

        def is_changed() -> bool:
            try:
                return bool(client.update_function_configuration(FunctionName="alone", Timeout=5))
            except client.exceptions.ResourceConflictException:
                return False

        until(is_changed)
    finally:
        running.stop()


class WithoutImages(ScriptedDriver):
    """Has no image until it is given one."""

    there = False

    async def prepare_image(self, image: str, architecture: str) -> str:
        if not self.there:
            raise DriverFault(f"the image {image} is not here")
        return await super().prepare_image(image, architecture)


def test_a_call_tries_again_to_get_a_failed_functions_image() -> None:
    driver = WithoutImages()
    running = Running(Settings(port=0, transition_seconds=0), driver=driver)
    try:
        client = running.client("lambda")
        image = {"PackageType": "Image", "Code": {"ImageUri": "my/image:1"}}
        client.create_function(FunctionName="image", Role=ROLE, Publish=True, **image)
        for _ in range(2):
            said = _refused(client.invoke, FunctionName="image")
            assert said.endswith("following state: Failed. the image my/image:1 is not here")
            shown = client.get_function_configuration(FunctionName="image")
            assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InvalidImage")
        driver.there = True
        for qualifier in ("$LATEST", "1"):
            answer = client.invoke(FunctionName="image", Qualifier=qualifier, Payload=b"1")
            assert answer["Payload"].read() == b"1"
            shown = client.get_function_configuration(FunctionName="image", Qualifier=qualifier)
            assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    finally:
        running.stop()


def test_a_snapshot_is_made_when_a_version_is_published(client: Any) -> None:
    create(client, "snap", **_SNAP)
    client.get_waiter("function_active_v2").wait(FunctionName="snap")
    latest = client.get_function_configuration(FunctionName="snap")
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    published = client.publish_version(FunctionName="snap")
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    assert published["SnapStart"]["OptimizationStatus"] == "Off"
    client.get_waiter("published_version_active").wait(FunctionName="snap", Qualifier="1")
    version = client.get_function_configuration(FunctionName="snap", Qualifier="1")
    assert version["State"] == "Active"
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    # Published anew without a change, it is the same version, and there already.
    assert client.publish_version(FunctionName="snap")["State"] == "Active"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"EphemeralStorage": {"Size": 513}}, "Ephemeral storage"),
        (
            {
                "FileSystemConfigs": [
                    {
                        "Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/"
                        "fsap-0123456789abcdef0",
                        "LocalMountPath": "/mnt/files",
                    }
                ]
            },
            "Amazon EFS",
        ),
        ({"Runtime": "nodejs22.x"}, "nodejs22.x"),
    ],
)
def test_snapstart_is_refused_where_aws_refuses_it(
    client: Any, fields: dict[str, Any], text: str
) -> None:
    name = f"no-snap-{text[:6].strip()}".replace(" ", "-")
    with pytest.raises(client.exceptions.InvalidParameterValueException) as caught:
        create(client, name, **_SNAP, **fields)
    assert text in str(caught.value)
    assert "not supported for SnapStart enabled functions" in str(caught.value)
    if "Runtime" in fields:
        return
    create(client, name, **_SNAP)
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=text):
        client.update_function_configuration(FunctionName=name, **fields)


def test_provisioned_concurrency_is_refused_with_snapstart(client: Any) -> None:
    create(client, "snap-two", **_SNAP)
    client.get_waiter("function_active_v2").wait(FunctionName="snap-two")
    client.publish_version(FunctionName="snap-two")
    client.create_alias(FunctionName="snap-two", Name="live", FunctionVersion="1")
    for qualifier in ("1", "live"):
        with pytest.raises(client.exceptions.InvalidParameterValueException, match="SnapStart"):
            client.put_provisioned_concurrency_config(
                FunctionName="snap-two", Qualifier=qualifier, ProvisionedConcurrentExecutions=1
            )


def test_an_alias_with_provisioned_concurrency_moves_to_no_version_with_snapstart(
    client: Any,
) -> None:
    create(client, "moves")
    client.get_waiter("function_active_v2").wait(FunctionName="moves")
    client.publish_version(FunctionName="moves")
    client.update_function_configuration(FunctionName="moves", **_SNAP)
    client.get_waiter("function_updated_v2").wait(FunctionName="moves")
    client.publish_version(FunctionName="moves")
    client.create_alias(FunctionName="moves", Name="live", FunctionVersion="1")
    client.put_provisioned_concurrency_config(
        FunctionName="moves", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="SnapStart"):
        client.update_alias(FunctionName="moves", Name="live", FunctionVersion="2")
    assert client.get_alias(FunctionName="moves", Name="live")["FunctionVersion"] == "1"


def test_a_function_deleted_on_its_way_is_gone(client: Any) -> None:
    create(client, "deleted")
    client.delete_function(FunctionName="deleted")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="deleted")
    create(client, "deleted")
    client.get_waiter("function_active_v2").wait(FunctionName="deleted")


def test_a_failure_that_the_disk_does_not_take_is_shown_all_the_same(
    scripted_state: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = scripted_state.emulator.parts
    documents = parts.registry._documents._documents

    async def full(*changes: Any) -> None:
        raise StorageFull("the disk is full")

    async def missing(runtime: str, architecture: str, *more: Any) -> None:
        monkeypatch.setattr(documents, "write", full)
        raise DriverFault("it is not here")

    client = scripted_state.client("lambda")
    create(client, "unkept")
    monkeypatch.setattr(parts.driver, "prepare", missing)
    client.update_function_code(FunctionName="unkept", ZipFile=ECHO)
    shown = client.get_function_configuration(FunctionName="unkept")
    assert (shown["LastUpdateStatus"], shown["LastUpdateStatusReason"]) == (
        "Failed",
        "it is not here",
    )
    assert scripted_state.console.warnings == ["unkept: The change was not kept: the disk is full"]


def test_a_function_is_not_pending_for_ever_whatever_its_runtime_failed_with(
    scripted_state: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(runtime: str, architecture: str, *more: Any) -> None:
        raise TypeError("unforeseen")

    client = scripted_state.client("lambda")
    monkeypatch.setattr(scripted_state.emulator.parts.driver, "prepare", break_down)
    create(client, "broken")
    with pytest.raises(WaiterError):
        client.get_waiter("function_active_v2").wait(FunctionName="broken")
    shown = client.get_function_configuration(FunctionName="broken")
    assert (shown["State"], shown["StateReason"]) == ("Failed", "localfaas failed: unforeseen")
    assert shown["StateReasonCode"] == "InternalError"
    assert "broken could not be got ready" in caplog.text


class Pulling(ScriptedDriver):
    """Has to pull what functions run on, which takes until a test lets it end."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = asyncio.Event()
        self.pull_fault: DriverFault | None = None

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        return runtime == "python3.13"

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        await self.ends.wait()
        if self.pull_fault is not None:
            raise self.pull_fault


@pytest.mark.parametrize("fault", [None, DriverFault("no such image")])
@pytest.mark.usefixtures("quick_sam")
def test_functions_of_a_template_are_pending_while_their_image_is_pulled(
    tmp_path: Path, fault: Any
) -> None:
    template = "Transform: AWS::Serverless-2016-10-31\nResources:\n"
    for name, runtime in (("pulled", "python3.12"), ("here", "python3.13")):
        (tmp_path / name).mkdir()
        template += f"  {name}: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: {name}, "
        template += f"Handler: app.handler, Runtime: {runtime}}}}}\n"
    (tmp_path / "template.yaml").write_text(template)
    driver = Pulling()
    driver.pull_fault = fault
    running = Running(Settings(port=0, functions=(tmp_path,), watch=False), driver=driver)
    try:
        client = running.client("lambda")
        configuration = client.get_function_configuration
        shown = configuration(FunctionName="pulled")
        assert (shown["State"], shown["StateReasonCode"]) == ("Pending", "Creating")
        assert configuration(FunctionName="here")["State"] == "Active"
        answer = client.invoke(FunctionName="pulled", Payload=b"1")
        assert answer["Payload"].read() == b"1", "a call waits for the image itself"
        running.call(driver.ends.set)
        while (shown := configuration(FunctionName="pulled"))["State"] == "Pending":
            time.sleep(0.01)
        expected = "Active" if fault is None else "Failed"
        assert (shown["State"], shown.get("StateReason")) == (expected, fault and str(fault))
    finally:
        running.stop()
