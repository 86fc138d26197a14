"""Functions on Lambda Managed Instances, through the API."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.api.test_admin import get

_PROVIDER = {
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/role"},
}
_MEMBER = "LambdaManagedInstancesCapacityProviderConfig"
_ONE = {"FunctionName": "hello", "Qualifier": "1"}


@pytest.fixture
def client(scripted: Running) -> Any:
    client = scripted.client("lambda")
    client.create_capacity_provider(CapacityProviderName="provider", **_PROVIDER)
    return client


def instances(client: Any, **fields: Any) -> dict[str, Any]:
    provider = client.get_capacity_provider(CapacityProviderName="provider")["CapacityProvider"]
    return {_MEMBER: {"CapacityProviderArn": provider["CapacityProviderArn"], **fields}}


def managed(
    client: Any, name: str = "hello", *, concurrency: int = 2, **fields: Any
) -> dict[str, Any]:
    config = instances(client, PerExecutionEnvironmentMaxConcurrency=concurrency)
    return create(
        client, name, **{"Runtime": "python3.13", "CapacityProviderConfig": config, **fields}
    )


def active(client: Any, **version: str) -> dict[str, Any]:
    """Wait until a version has its environments; returns its configuration."""
    while True:
        found = client.get_function_configuration(**version)
        if found["State"] != "Pending":
            return found


def kinds(running: Running) -> list[str]:
    live = running.scripted_driver.live
    return [each.spec.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] for each in live]


def _invoke(client: Any) -> bytes:
    return client.invoke(**_ONE, Payload=b"1")["Payload"].read()


class Workers:
    """A runtime whose workers keep what they get until they are let go."""

    def __init__(self, running: Running, count: int = 2) -> None:
        self.running, self.count = running, count
        self.begun: SimpleQueue[bytes] = SimpleQueue()
        self.go = asyncio.Event()
        running.scripted_driver.script = self._script

    async def _script(self, runtime: RuntimeClient) -> None:
        clients = [await runtime.another() for _ in range(self.count)]
        await asyncio.gather(*(self._work(each) for each in clients))

    async def _work(self, client: RuntimeClient) -> None:
        while True:
            request_id, payload = await client.next()
            self.begun.put(payload)
            await self.go.wait()
            await client.respond(request_id, payload)


def test_what_a_function_gets_by_default(client: Any) -> None:
    plain = {_MEMBER: {"CapacityProviderArn": instances(client)[_MEMBER]["CapacityProviderArn"]}}
    made = create(client, Runtime="python3.13", CapacityProviderConfig=plain)
    assert (made["MemorySize"], made["LoggingConfig"]["LogFormat"]) == (2048, "JSON")
    config = made["CapacityProviderConfig"][_MEMBER]
    assert config["ExecutionEnvironmentMemoryGiBPerVCpu"] == 2.0
    assert config["PerExecutionEnvironmentMaxConcurrency"] == 16
    assert "SnapStart" not in made
    assert active(client, FunctionName="hello")["State"] == "ActiveNonInvocable"
    node = create(client, "node", Runtime="nodejs22.x", CapacityProviderConfig=plain)
    assert node["CapacityProviderConfig"][_MEMBER]["PerExecutionEnvironmentMaxConcurrency"] == 64


def test_what_a_function_may_not_be(client: Any) -> None:
    for fields, message in (
        ({"Runtime": "python3.12"}, "does not support specified feature: Lambda Managed Instances"),
        ({"MemorySize": 1024}, "memory size greater than or equal to 2048"),
        ({"LoggingConfig": {"LogFormat": "Text"}}, "LogLevel is not supported when LogFormat"),
    ):
        with pytest.raises(ClientError, match=message):
            managed(client, **fields)
    create(client, "plain")
    active(client, FunctionName="plain")
    with pytest.raises(ClientError, match="isn't supported for Lambda Default functions"):
        client.update_function_configuration(
            FunctionName="plain", CapacityProviderConfig=instances(client)
        )
    managed(client)
    active(client, FunctionName="hello")
    with pytest.raises(ClientError, match="greater than or equal to 2048"):
        client.update_function_configuration(FunctionName="hello", MemorySize=512)
    client.update_function_configuration(FunctionName="hello", MemorySize=32768, Timeout=5400)
    with pytest.raises(ClientError, match="Reserved concurrency isn't supported"):
        client.put_function_concurrency(FunctionName="hello", ReservedConcurrentExecutions=1)
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    client.publish_version(FunctionName="hello")
    with pytest.raises(ClientError, match="Provisioned concurrency isn't supported"):
        client.put_provisioned_concurrency_config(**_ONE, ProvisionedConcurrentExecutions=1)


def test_only_what_is_published_runs(client: Any, scripted: Running) -> None:
    managed(client)
    active(client, FunctionName="hello")
    assert kinds(scripted) == []
    for invoke in ({}, {"Qualifier": "$LATEST"}):
        with pytest.raises(client.exceptions.NoPublishedVersionException):
            client.invoke(FunctionName="hello", **invoke)
    published = client.publish_version(FunctionName="hello", PublishTo="LATEST_PUBLISHED")
    assert (published["Version"], published["State"]) == ("$LATEST.PUBLISHED", "Pending")
    latest = {"FunctionName": "hello", "Qualifier": "$LATEST.PUBLISHED"}
    assert active(client, **latest)["State"] == "Active"
    assert kinds(scripted) == ["lambda-managed-instances"], "it is there before the first call"
    for invoke in ({}, {"Qualifier": "$LATEST.PUBLISHED"}):
        answer = client.invoke(FunctionName="hello", Payload=b"1", **invoke)
        assert (answer["ExecutedVersion"], answer["Payload"].read()) == ("$LATEST.PUBLISHED", b"1")
    with pytest.raises(ClientError, match="can't be invoked with") as raised:
        client.invoke(FunctionName="hello", Qualifier="$LATEST")
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    client.publish_version(FunctionName="hello")
    active(client, **_ONE)
    client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    answer = client.invoke(FunctionName="hello", Qualifier="live", Payload=b"2")
    assert (answer["ExecutedVersion"], answer["Payload"].read()) == ("1", b"2")
    assert len(kinds(scripted)) == 2
    assert client.delete_function(FunctionName="hello")["ResponseMetadata"]["HTTPStatusCode"] == 202


def test_a_version_published_anew_runs_the_new_configuration(
    client: Any, scripted: Running
) -> None:
    managed(client, PublishTo="LATEST_PUBLISHED")
    latest = {"FunctionName": "hello", "Qualifier": "$LATEST.PUBLISHED"}
    active(client, **latest)
    client.update_function_configuration(
        FunctionName="hello", Environment={"Variables": {"COLOUR": "blue"}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    client.publish_version(FunctionName="hello", PublishTo="LATEST_PUBLISHED")
    active(client, **latest)
    client.invoke(FunctionName="hello")["Payload"].read()
    colours = [each.spec.environ.get("COLOUR") for each in scripted.scripted_driver.live]
    assert colours == ["blue"]


def test_an_init_that_fails_fails_the_version(client: Any, scripted: Running) -> None:
    async def fails(runtime: RuntimeClient) -> None:
        body = json.dumps({"errorMessage": "no module", "errorType": "ImportError"}).encode()
        headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
        await runtime.call("POST", "init/error", body, headers)

    scripted.scripted_driver.script = fails
    managed(client, Publish=True)
    failed = active(client, **_ONE)
    assert (failed["State"], failed["StateReason"]) == ("Failed", "no module")
    assert failed["StateReasonCode"] == "FunctionError.RuntimeInitError"
    with pytest.raises(client.exceptions.ResourceConflictException, match="Failed"):
        client.invoke(**_ONE)


def test_one_environment_takes_as_many_at_once_as_its_function_says(
    client: Any, scripted: Running
) -> None:
    workers = Workers(scripted, 3)
    managed(client, concurrency=3, Publish=True)
    active(client, **_ONE)
    scaling = {"MinExecutionEnvironments": 1, "MaxExecutionEnvironments": 1}
    client.put_function_scaling_config(**_ONE, FunctionScalingConfig=scaling)
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(_invoke, client) for _ in range(3)]
        for _ in calls:
            workers.begun.get(timeout=60)
        assert len(scripted.scripted_driver.live) == 1
        (environment,) = get(scripted, "environments")
        assert (environment["state"], environment["in_flight"]) == ("invoking", 3)
        with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
            client.invoke(**_ONE)
        assert raised.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
        scripted.call(workers.go.set)
        assert [call.result() for call in calls] == [b"1"] * 3


def test_scaling_bounds_the_environments(client: Any, scripted: Running) -> None:
    managed(client, Publish=True)
    active(client, **_ONE)
    assert client.get_function_scaling_config(**_ONE)["FunctionArn"].endswith(":hello:1")

    def scale(low: int, high: int) -> str:
        config = {"MinExecutionEnvironments": low, "MaxExecutionEnvironments": high}
        put = client.put_function_scaling_config(**_ONE, FunctionScalingConfig=config)
        while True:
            found = client.get_function_scaling_config(**_ONE)
            assert found["RequestedFunctionScalingConfig"] == config
            if found.get("AppliedFunctionScalingConfig") == config:
                return put["FunctionState"]

    assert scale(3, 5) == "Active"
    assert len(kinds(scripted)) == 3
    assert scale(0, 0) == "Deactivated"
    assert client.get_function_configuration(**_ONE)["State"] == "Deactivated"
    with pytest.raises(client.exceptions.ResourceConflictException, match="Deactivated"):
        client.invoke(**_ONE)
    assert scale(1, 2) == "Pending"
    assert active(client, **_ONE)["State"] == "Active"
    assert client.invoke(**_ONE, Payload=b"5")["Payload"].read() == b"5"
    with pytest.raises(ClientError, match="must be less than or equal to"):
        scale(4, 3)
    create(client, "plain", Publish=True)
    for operation in (client.put_function_scaling_config, client.get_function_scaling_config):
        with pytest.raises(ClientError, match="does not contain a capacity provider") as raised:
            operation(FunctionName="plain", Qualifier="1")
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_capacity_provider_has_so_many_vcpus(client: Any) -> None:
    client.update_capacity_provider(
        CapacityProviderName="provider", CapacityProviderScalingConfig={"MaxVCpuCount": 2}
    )
    managed(client, "one", Publish=True)
    managed(client, "two", Publish=True)
    for name in ("one", "two"):
        assert active(client, FunctionName=name, Qualifier="1")["State"] == "Active"
    managed(client, "three", Publish=True)
    failed = active(client, FunctionName="three", Qualifier="1")
    assert (failed["State"], failed["StateReasonCode"]) == (
        "Failed",
        "CapacityProviderScalingLimitExceeded",
    )


def test_a_capacity_provider_is_not_deleted_while_it_is_used(client: Any) -> None:
    managed(client, Publish=True)
    active(client, **_ONE)
    versions = client.list_function_versions_by_capacity_provider(CapacityProviderName="provider")
    states = {
        each["FunctionArn"].rpartition(":")[2]: each["State"]
        for each in versions["FunctionVersions"]
    }
    assert states == {"hello": "ActiveNonInvocable", "1": "Active"}
    with pytest.raises(client.exceptions.ResourceConflictException, match="is used by function"):
        client.delete_capacity_provider(CapacityProviderName="provider")
    client.delete_function(FunctionName="hello")
    client.delete_capacity_provider(CapacityProviderName="provider")


def test_what_does_not_act_is_said(client: Any) -> None:
    with pytest.raises(ClientError, match="can't be specified when the scalingMode is set to Auto"):
        client.create_capacity_provider(
            CapacityProviderName="other",
            **_PROVIDER,
            CapacityProviderScalingConfig={
                "ScalingPolicies": [
                    {
                        "PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization",
                        "TargetValue": 50,
                    }
                ]
            },
        )


def test_strict_settings_refuse_what_does_not_act() -> None:
    running = Running(Settings(port=0, strict=True), driver=ScriptedDriver())
    try:
        client = running.client("lambda")
        client.create_capacity_provider(CapacityProviderName="provider", **_PROVIDER)
        with pytest.raises(ClientError, match="InstanceRequirements is not acted on"):
            client.create_capacity_provider(
                CapacityProviderName="other",
                **_PROVIDER,
                InstanceRequirements={"AllowedInstanceTypes": ["m7a.large"]},
            )
    finally:
        running.stop()


def test_environments_are_there_again_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state")
    running = Running(settings, driver=ScriptedDriver())
    client = running.client("lambda")
    client.create_capacity_provider(CapacityProviderName="provider", **_PROVIDER)
    managed(client, Publish=True)
    active(client, **_ONE)
    for number in (0, 2):
        scaling = {"MinExecutionEnvironments": number, "MaxExecutionEnvironments": number}
        client.put_function_scaling_config(**_ONE, FunctionScalingConfig=scaling)
    running.stop()
    again = Running(settings, driver=ScriptedDriver())
    try:
        emulator: Emulator = again.emulator
        version = again.call(
            lambda: emulator.registry.resolve("000000000000", "us-east-1", "hello", "1")
        )
        again.call(lambda: emulator.pools.managed(version).settled())
        assert kinds(again) == ["lambda-managed-instances"] * 2
    finally:
        again.stop()
