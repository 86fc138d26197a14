"""Versions, aliases, and the state machine of functions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import DriverFault
from emulator.services.lambda_.lifecycle import states
from tests.api.conftest import ECHO, Running, create, zip_of

IMAGE: dict[str, Any] = {"PackageType": "Image", "Code": {"ImageUri": "a/b:1"}}
BUCKET = {"S3Bucket": "bucket", "S3Key": "k"}
LAYER = "arn:aws:lambda:us-east-1:000000000000:layer:l:1"


@pytest.fixture
def client(scripted: Running) -> Any:
    return scripted.client("lambda")


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_versions_are_immutable_and_numbered_once(client: Any) -> None:
    create(client)
    first = client.publish_version(FunctionName="hello", Description="one")
    assert first["FunctionArn"].endswith(":hello:1")
    assert client.publish_version(FunctionName="hello", Description="two")["Version"] == "1"
    client.update_function_configuration(FunctionName="hello", Timeout=9)
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    assert client.publish_version(FunctionName="hello")["Version"] == "2"
    # Back to the configuration of version 1: AWS compares with the version published last.
    client.update_function_configuration(FunctionName="hello", Timeout=30)
    assert client.publish_version(FunctionName="hello")["Version"] == "3"
    assert (
        client.get_function_configuration(FunctionName="hello", Qualifier="1")["RevisionId"]
        == first["RevisionId"]
    )
    client.delete_function(FunctionName="hello", Qualifier="3")
    client.delete_function(FunctionName="hello", Qualifier="99")
    client.update_function_code(FunctionName="hello", ZipFile=zip_of(app__py="x = 1\n"))
    assert client.publish_version(FunctionName="hello")["Version"] == "4"
    assert client.get_function_configuration(FunctionName="hello:1")["Timeout"] == 30


def test_numbers_never_repeat_for_a_name(client: Any) -> None:
    create(client, Publish=True)
    client.delete_function(FunctionName="hello")
    create(client)
    assert client.publish_version(FunctionName="hello")["Version"] == "2"
    client.delete_function(FunctionName="hello")
    create(client)
    client.delete_function(FunctionName="hello")
    assert create(client, Publish=True)["Version"] == "3"
    assert create(client, "other", Publish=True)["Version"] == "1"


def test_publish_with_create_and_update(client: Any) -> None:
    assert create(client, Publish=True)["Version"] == "1"
    client.get_waiter("published_version_active").wait(FunctionName="hello", Qualifier="1")
    updated = client.update_function_code(
        FunctionName="hello", ZipFile=zip_of(app__py="x = 2\n"), Publish=True
    )
    assert (updated["Version"], updated["State"]) == ("2", "Pending")
    client.get_waiter("published_version_active").wait(FunctionName="hello", Qualifier="2")
    answer = client.invoke(FunctionName="hello", Qualifier="2", Payload=b"1")
    assert answer["ExecutedVersion"] == "2"


def test_versions_in_pages(client: Any) -> None:
    create(client)
    for number in range(12):
        client.update_function_configuration(FunctionName="hello", Description=str(number))
        client.publish_version(FunctionName="hello")
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName="hello", PaginationConfig={"PageSize": 5}
    )
    numbers = [[v["Version"] for v in page["Versions"]] for page in pages]
    assert [len(page) for page in numbers] == [5, 5, 3]
    assert [n for page in numbers for n in page] == ["$LATEST", *map(str, range(1, 13))]
    assert "State" not in client.list_versions_by_function(FunctionName="hello")["Versions"][0]


def test_functions_in_pages(client: Any) -> None:
    names = sorted(f"fn-{number:02d}" for number in range(55))
    for name in names:
        create(client, name)
    pages = list(client.get_paginator("list_functions").paginate())
    assert [len(page["Functions"]) for page in pages] == [50, 5]
    assert [f["FunctionName"] for page in pages for f in page["Functions"]] == names
    client.publish_version(FunctionName="fn-00")
    every = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert [f["FunctionArn"].rpartition(":")[2] for f in every[:3]] == ["$LATEST", "1", "$LATEST"]
    for size in (7, 50):
        paged = client.get_paginator("list_functions").paginate(
            FunctionVersion="ALL", PaginationConfig={"PageSize": size}
        )
        found = [each["FunctionArn"] for page in paged for each in page["Functions"]]
        assert len(found) == 56
        assert found[:50] == [each["FunctionArn"] for each in every]
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.list_functions(Marker="!")


def test_a_weight_splits_the_calls(client: Any) -> None:
    create(client, Publish=True)
    client.update_function_configuration(FunctionName="hello", Timeout=9)
    client.publish_version(FunctionName="hello")
    client.create_alias(
        FunctionName="hello",
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    executed = [
        client.invoke(FunctionName="hello", Qualifier="live")["ExecutedVersion"] for _ in range(60)
    ]
    # The chance of fewer than 8 of one is below one in a million.
    assert 8 <= executed.count("1") <= 52
    assert set(executed) == {"1", "2"}


def test_an_alias_of_latest_is_invoked(client: Any) -> None:
    create(client)
    client.create_alias(FunctionName="hello", Name="dev", FunctionVersion="$LATEST")
    assert client.invoke(FunctionName="hello:dev")["ExecutedVersion"] == "$LATEST"


def test_aliases_by_revision_and_version(client: Any) -> None:
    create(client, Publish=True)
    alias = client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.update_alias(FunctionName="hello", Name="live", RevisionId="0", Description="x")
    updated = client.update_alias(
        FunctionName="hello", Name="live", RevisionId=alias["RevisionId"], Description="x"
    )
    assert updated["Description"] == "x"
    found = client.get_alias(FunctionName="hello", Name="live")
    assert (found["Description"], found["RevisionId"]) == ("x", updated["RevisionId"])
    with pytest.raises(ClientError, match="Function not found") as raised:
        client.update_alias(FunctionName="hello", Name="live", FunctionVersion="7")
    assert _code(raised) == "ResourceNotFoundException"
    with pytest.raises(ClientError, match=r"aliases reference it: \[live\]"):
        client.delete_function(FunctionName="hello", Qualifier="1")
    assert client.list_aliases(FunctionName="hello", FunctionVersion="2")["Aliases"] == []
    client.delete_alias(FunctionName="hello", Name="live")
    client.delete_function(FunctionName="hello", Qualifier="1")


def test_preconditions(client: Any) -> None:
    created = create(client)
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    for operation, request in (
        ("publish_version", {"RevisionId": created["RevisionId"]}),
        ("update_function_code", {"ZipFile": ECHO, "RevisionId": created["RevisionId"]}),
        ("update_function_configuration", {"Timeout": 4, "RevisionId": created["RevisionId"]}),
    ):
        with pytest.raises(client.exceptions.PreconditionFailedException) as raised:
            getattr(client, operation)(FunctionName="hello", **request)
        assert raised.value.response["message"].startswith("The Revision Id provided does not")
    with pytest.raises(ClientError, match="is different from current CodeSHA256"):
        client.publish_version(FunctionName="hello", CodeSha256="x")


def test_a_change_in_progress_refuses_others(
    client: Any, scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def prepare(runtime: str, architecture: str, *more: Any) -> None:
        await gate.wait()

    monkeypatch.setattr(scripted.emulator.driver, "prepare", prepare)
    monkeypatch.setattr(states, "_INVOKE_PATIENCE_S", 0.1)
    create(client)
    found = client.get_function_configuration(FunctionName="hello")
    assert (found["State"], found["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in found
    arn = found["FunctionArn"]
    progress = (
        f"The operation cannot be performed at this time. An update is in progress for "
        f"resource: {arn}"
    )
    for operation, request in (
        ("update_function_configuration", {"Timeout": 5}),
        ("update_function_code", {"ZipFile": ECHO}),
        ("publish_version", {}),
    ):
        with pytest.raises(client.exceptions.ResourceConflictException) as raised:
            getattr(client, operation)(FunctionName="hello", **request)
        assert raised.value.response["message"] == progress
    with pytest.raises(ClientError, match="following state: Pending"):
        client.invoke(FunctionName="hello")
    scripted.call(gate.set)
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    gate.clear()
    updating = client.update_function_configuration(FunctionName="hello", Timeout=5)
    assert updating["LastUpdateStatus"] == "InProgress"
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.update_function_configuration(FunctionName="hello", Timeout=6)
    assert client.invoke(FunctionName="hello")["StatusCode"] == 200
    scripted.call(gate.set)
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")


def test_where_transitions_take_no_time_an_answer_waits_for_a_slow_machine(
    client: Any, scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(runtime: str, architecture: str, *more: Any) -> None:
        await asyncio.sleep(1.2)

    monkeypatch.setattr(scripted.emulator.driver, "prepare", prepare)
    create(client)
    assert client.get_function_configuration(FunctionName="hello")["State"] == "Active"
    client.update_function_configuration(FunctionName="hello", Timeout=5)
    found = client.get_function_configuration(FunctionName="hello")
    assert (found["Timeout"], found["LastUpdateStatus"]) == (5, "Successful")


def test_a_runtime_that_cannot_be_had_fails_the_function(
    client: Any, scripted: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(runtime: str, architecture: str, *more: Any) -> None:
        raise DriverFault("no such image")

    monkeypatch.setattr(scripted.emulator.driver, "prepare", prepare)
    create(client)
    found = client.get_function_configuration(FunctionName="hello")
    assert (found["State"], found["StateReason"]) == ("Failed", "no such image")


def test_reads_of_what_is_not_there(client: Any) -> None:
    create(client)
    for operation, request in (
        ("get_function", {"FunctionName": "none"}),
        ("get_function", {"FunctionName": "hello", "Qualifier": "7"}),
        ("get_function_configuration", {"FunctionName": "hello:nope"}),
        ("list_versions_by_function", {"FunctionName": "none"}),
        ("list_aliases", {"FunctionName": "none"}),
        ("delete_function", {"FunctionName": "none"}),
        ("publish_version", {"FunctionName": "none"}),
    ):
        with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
            getattr(client, operation)(**request)
    with pytest.raises(ClientError, match="cannot be deleted without deleting the function"):
        client.delete_function(FunctionName="hello", Qualifier="$LATEST")
    with pytest.raises(ClientError, match="not reachable in this region"):
        client.get_function(FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:hello")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Handler": None}, "Runtime and Handler are mandatory"),
        ({"Runtime": "python4.0"}, "Value python4.0 at 'runtime' failed"),
        ({"Runtime": "nodejs12.x"}, "nodejs12.x is no longer supported"),
        ({"FunctionName": "a" * 65}, "length less than or equal to 64"),
        ({"FunctionName": "a b"}, "regular expression pattern"),
        ({"Role": "nobody"}, "at 'role' failed"),
        ({"Timeout": 901}, "less than or equal to 900"),
        ({"MemorySize": 64}, "greater than or equal to 128"),
        ({"Architectures": ["mips"]}, "at 'architectures' failed"),
        ({"Code": {}}, "Please provide a source for function code."),
        ({"Code": {"ImageUri": "a/b:1"}}, "Please provide a source for function code."),
        ({"Code": IMAGE["Code"] | BUCKET}, "don't provide ImageUri"),
        ({"ImageConfig": {"Command": ["a"]}}, "don't provide ImageConfig"),
        ({"PackageType": "Image"}, "Please provide ImageUri"),
        (IMAGE | {"Runtime": "python3.12"}, "don't provide Handler or Runtime or Layer"),
        (IMAGE | {"Handler": "app.handler"}, "don't provide Handler or Runtime or Layer"),
        (IMAGE | {"Layers": [LAYER]}, "don't provide Handler or Runtime or Layer"),
        (IMAGE | {"Code": IMAGE["Code"] | BUCKET}, "don't provide S3Bucket"),
        (IMAGE | {"Code": IMAGE["Code"] | {"ZipFile": b"x"}}, "do not provide other FunctionCode"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.9"}, "SnapStart"),
        ({"LoggingConfig": {"SystemLogLevel": "WARN"}}, "log format must be JSON"),
        ({"CodeSigningConfigArn": "arn:aws:lambda:us-east-1:000000000000:code-signing-config:"
          "csc-0123456789abcdefg"}, "code signing configuration cannot be found"),
    ],
)  # fmt: skip
def test_functions_that_are_refused(client: Any, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as raised:
        create(client, **fields)
    assert text in raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)
    assert client.list_functions()["Functions"] == []


def test_twice_the_same_name(client: Any) -> None:
    create(client)
    with pytest.raises(client.exceptions.ResourceConflictException, match="already exist: hello"):
        create(client)


def test_configuration_is_shown_as_given(client: Any) -> None:
    given: dict[str, Any] = {
        "Description": "d",
        "Timeout": 9,
        "MemorySize": 256,
        "Environment": {"Variables": {"AB": "1"}},
        "EphemeralStorage": {"Size": 1024},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dlq"},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k",
        "TracingConfig": {"Mode": "Active"},
    }
    created = create(
        client,
        **given,
        Architectures=["arm64"],
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/mine"},
    )
    found = client.get_function_configuration(FunctionName="hello")
    for body in (created, found):
        assert {name: body[name] for name in given} == given
        assert body["Architectures"] == ["arm64"]
        assert body["VpcConfig"]["VpcId"].startswith("vpc-")
        assert body["LoggingConfig"] == {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
            "LogGroup": "/mine",
        }
    changed = client.update_function_configuration(
        FunctionName="hello",
        DeadLetterConfig={"TargetArn": ""},
        KMSKeyArn="",
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
        Description="",
    )
    assert "DeadLetterConfig" not in changed
    assert "KMSKeyArn" not in changed
    assert (changed["VpcConfig"]["VpcId"], changed["Description"]) == ("", "")


def test_zip_and_image_are_not_exchanged(client: Any) -> None:
    create(client)
    create(
        client,
        "image",
        PackageType="Image",
        Code={"ImageUri": "repository/image:1"},
        ImageConfig={"Command": ["app.handler"]},
    )
    found = client.get_function(FunctionName="image")
    assert found["Code"]["ImageUri"] == "repository/image:1"
    assert found["Configuration"]["ImageConfigResponse"] == {
        "ImageConfig": {"Command": ["app.handler"]}
    }
    with pytest.raises(ClientError, match="don't provide ImageUri when updating"):
        client.update_function_code(FunctionName="hello", ImageUri="repository/image:2")
    with pytest.raises(ClientError, match="provide ImageUri when updating"):
        client.update_function_code(FunctionName="image", ZipFile=ECHO)
    client.update_function_code(FunctionName="image", ImageUri="repository/image:2")


def test_a_configuration_suits_the_package(client: Any) -> None:
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": ECHO})
    create(client)
    create(client, "image", **IMAGE)
    for fields, text in (
        ({"Layers": [layer["LayerVersionArn"]]}, "layers are not supported"),
        ({"Runtime": "python3.12"}, "don't provide Handler or Runtime"),
        ({"Handler": "app.handler"}, "don't provide Handler or Runtime"),
    ):
        with pytest.raises(ClientError, match=text):
            client.update_function_configuration(FunctionName="image", **fields)
        client.update_function_configuration(FunctionName="hello", **fields)
    with pytest.raises(ClientError, match="don't provide ImageConfig"):
        client.update_function_configuration(FunctionName="hello", ImageConfig={"Command": ["a"]})
    command = {"Command": ["a"]}
    client.update_function_configuration(FunctionName="image", ImageConfig=command, Layers=[])


def test_a_dry_run_changes_nothing(client: Any) -> None:
    before = create(client)
    dry = client.update_function_code(
        FunctionName="hello", ZipFile=zip_of(app__py="x = 3\n"), DryRun=True
    )
    assert dry["CodeSha256"] != before["CodeSha256"]
    assert (
        client.get_function(FunctionName="hello")["Configuration"]["CodeSha256"]
        == (before["CodeSha256"])
    )


def test_invoke_async(client: Any) -> None:
    create(client)
    answer = client.invoke_async(FunctionName="hello", InvokeArgs=json.dumps({}))
    assert answer["Status"] == 202
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202


def test_a_new_version_is_a_new_revision_of_latest_and_an_alias_is_none(client: Any) -> None:
    create(client)

    def revision() -> str:
        return client.get_function_configuration(FunctionName="hello")["RevisionId"]

    before = revision()
    published = client.publish_version(FunctionName="hello", RevisionId=before)
    after = revision()
    assert len({before, after, published["RevisionId"]}) == 3
    with pytest.raises(ClientError) as caught:
        client.update_function_configuration(FunctionName="hello", Timeout=4, RevisionId=before)
    assert _code(caught) == "PreconditionFailedException"
    client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    assert revision() == after
    # Nothing new to publish is no change.
    assert client.publish_version(FunctionName="hello")["Version"] == "1"
    assert revision() == after
