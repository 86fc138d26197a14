"""What is configured and not acted on is listed, warned of, and refused under strict settings."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create

_HERE = "us-east-1:000000000000"
_QUEUE = f"arn:aws:sqs:{_HERE}:queue"
#: Settings of CreateFunction that nothing here acts on.
_IGNORED = {
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "KMSKeyArn": f"arn:aws:kms:{_HERE}:key/1",
    "FileSystemConfigs": [
        {
            "Arn": f"arn:aws:elasticfilesystem:{_HERE}:access-point/fsap-0123456789abcdef0",
            "LocalMountPath": "/mnt/files",
        }
    ],
}
#: Those that it does act on, and those that ask for nothing.
_ACTED_ON = {
    "DeadLetterConfig": {"TargetArn": _QUEUE},
    "Description": "all of it acts",
    "Environment": {"Variables": {"NAME": "value"}},
    "EphemeralStorage": {"Size": 1024},
    "FileSystemConfigs": [],
    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "group"},
    "MemorySize": 256,
    "SnapStart": {"ApplyOn": "None"},
    "Tags": {"tag": "value"},
    "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
    "Timeout": 10,
    "TracingConfig": {"Mode": "Active"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}


class _Foreign(ScriptedDriver):
    def check_architecture(self, architecture: str) -> str | None:
        return None if architecture == "x86_64" else f"nothing here is {architecture}"


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=_Foreign())
    yield running
    running.stop()


def _listed(running: Running) -> dict[str, Any]:
    with urllib.request.urlopen(f"{running.url}/_emulator/functions") as answer:
        return {each["name"]: each["ignored"] for each in json.load(answer)}


def test_exactly_what_does_not_act_is_listed_and_warned_of(running: Running) -> None:
    client = running.client("lambda")
    create(client, "in-vain", Architectures=["arm64"], **_IGNORED)
    create(client, "acts", **_ACTED_ON)
    names = [*_IGNORED, "Architectures"]
    assert _listed(running) == {"in-vain": names, "acts": []}
    assert [each.partition(" is not acted on: ")[0] for each in running.console.warnings] == [
        f"in-vain: {name}" for name in names
    ]
    # What is no longer asked for is no longer listed.
    client.update_function_configuration(
        FunctionName="in-vain",
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
    )
    assert set(names) - set(_listed(running)["in-vain"]) == {"VpcConfig"}


def test_durable_functions_are_refused(running: Running) -> None:
    client = running.client("lambda")
    create(client)
    durable = {"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 1}}
    for call in (
        lambda: create(client, "durable", **durable),
        lambda: client.update_function_configuration(FunctionName="hello", **durable),
    ):
        with pytest.raises(ClientError, match="localfaas does not run durable functions") as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert [each["FunctionName"] for each in client.list_functions()["Functions"]] == ["hello"]


def test_every_kind_of_destination_is_delivered_to(running: Running) -> None:
    client = running.client("lambda")
    create(client)
    bus, topic = f"arn:aws:events:{_HERE}:event-bus/b", f"arn:aws:sns:{_HERE}:t"
    for arn in (_QUEUE, topic, bus, "arn:aws:s3:::bucket"):
        config = {"OnFailure": {"Destination": arn}}
        client.put_function_event_invoke_config(FunctionName="hello", DestinationConfig=config)
        assert (_listed(running), running.console.warnings) == ({"hello": []}, [])


def test_runtimes_that_are_not_updated(running: Running) -> None:
    client = running.client("lambda")
    create(client)
    client.put_runtime_management_config(FunctionName="hello", UpdateRuntimeOn="FunctionUpdate")
    assert _listed(running) == {"hello": ["RuntimeManagementConfig"]}
    client.put_runtime_management_config(FunctionName="hello", UpdateRuntimeOn="Auto")
    assert _listed(running) == {"hello": []}


def test_strict_settings_refuse_it() -> None:
    running = Running(Settings(port=0, strict=True, transition_seconds=0), driver=_Foreign())
    try:
        client = running.client("lambda")
        for name, value in {**_IGNORED, "Architectures": ["arm64"]}.items():
            with pytest.raises(ClientError, match=f"{name} is not acted on") as caught:
                create(client, **{name: value})
            assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
        create(client, **_ACTED_ON)
        for name, value in _IGNORED.items():
            with pytest.raises(ClientError, match=f"{name} is not acted on"):
                client.update_function_configuration(FunctionName="hello", **{name: value})
        with pytest.raises(ClientError, match="FunctionUpdate is not acted on"):
            client.put_runtime_management_config(
                FunctionName="hello", UpdateRuntimeOn="FunctionUpdate"
            )
        assert _listed(running) == {"hello": []}
    finally:
        running.stop()
