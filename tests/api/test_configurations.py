"""What hangs on functions and accounts: URLs, concurrency, code signing, capacity and the like."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import ECHO, Running, create
from tests.patience import until

_PROVIDER = {
    "VpcConfig": {"SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": []},
    "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/role"},
}
_PUBLISHERS = {
    "SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/v"]
}


@pytest.fixture
def client(scripted: Running) -> Any:
    client = scripted.client("lambda")
    create(client, Publish=True)
    client.create_alias(FunctionName="hello", Name="live", FunctionVersion="1")
    return client


def test_url_configurations(client: Any) -> None:
    hello = {"FunctionName": "hello"}
    created = client.create_function_url_config(**hello, AuthType="NONE")
    # AWS shows the mode where it was asked for, and to who asks.
    assert "InvokeMode" not in created
    assert client.get_function_url_config(**hello)["InvokeMode"] == "BUFFERED"
    assert ".lambda-url.us-east-1.localhost:" in created["FunctionUrl"]
    assert created["FunctionArn"].endswith(":function:hello")
    with pytest.raises(client.exceptions.ResourceConflictException, match="FunctionUrlConfig exi"):
        client.create_function_url_config(**hello, AuthType="NONE")
    live = client.create_function_url_config(
        **hello, Qualifier="live", AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]}
    )
    assert live["FunctionArn"].endswith(":function:hello:live")
    updated = client.update_function_url_config(**hello, InvokeMode="RESPONSE_STREAM")
    assert updated["FunctionUrl"] == created["FunctionUrl"]
    assert client.get_function_url_config(**hello)["InvokeMode"] == "RESPONSE_STREAM"
    assert len(client.list_function_url_configs(**hello)["FunctionUrlConfigs"]) == 2
    client.delete_function_url_config(**hello)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_url_config(**hello)
    for qualifier in ("1", "$LATEST"):
        with pytest.raises(ClientError, match="at 'qualifier' failed"):
            client.create_function_url_config(**hello, Qualifier=qualifier, AuthType="NONE")
    for missing in ({"FunctionName": "none"}, {**hello, "Qualifier": "nope"}):
        with pytest.raises(ClientError, match="Function does not exist"):
            client.create_function_url_config(**missing, AuthType="NONE")


def test_provisioned_concurrency(client: Any, scripted: Running) -> None:
    live = {"FunctionName": "hello", "Qualifier": "live"}
    put = client.put_provisioned_concurrency_config(**live, ProvisionedConcurrentExecutions=2)
    assert (put["Status"], put["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    _until_ready(client, **live)
    kinds = [
        sandbox.spec.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
        for sandbox in scripted.scripted_driver.live
    ]
    assert kinds == ["provisioned-concurrency"] * 2
    with pytest.raises(client.exceptions.ResourceConflictException, match="pointed by"):
        client.put_provisioned_concurrency_config(
            FunctionName="hello", Qualifier="1", ProvisionedConcurrentExecutions=1
        )
    listed = client.list_provisioned_concurrency_configs(FunctionName="hello")
    assert [
        c["FunctionArn"].rpartition(":")[2] for c in listed["ProvisionedConcurrencyConfigs"]
    ] == ["live"]
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 998
    # It follows the alias.
    client.update_function_configuration(FunctionName="hello", Timeout=9)
    client.publish_version(FunctionName="hello")
    client.update_alias(FunctionName="hello", Name="live", FunctionVersion="2")
    _until_ready(client, **live)
    versions = {
        sandbox.spec.function_version
        for sandbox in scripted.scripted_driver.live
        if sandbox.spec.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    }
    assert "2" in versions
    client.delete_provisioned_concurrency_config(**live)
    client.delete_provisioned_concurrency_config(**live)
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        client.get_provisioned_concurrency_config(**live)


def _until_ready(client: Any, **qualified: str) -> None:
    status = until(
        lambda: client.get_provisioned_concurrency_config(**qualified)["Status"],
        lambda status: status != "IN_PROGRESS",
    )
    assert status == "READY"


def test_reserved_and_provisioned_meet(client: Any) -> None:
    hello = {"FunctionName": "hello"}
    one = {**hello, "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**one, ProvisionedConcurrentExecutions=2)
    with pytest.raises(ClientError) as raised:
        client.put_function_concurrency(**hello, ReservedConcurrentExecutions=1)
    assert raised.value.response["message"] == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )
    assert "Type" not in raised.value.response
    client.put_function_concurrency(**hello, ReservedConcurrentExecutions=2)
    with pytest.raises(ClientError, match="should not be greater than the reserved"):
        client.put_provisioned_concurrency_config(**one, ProvisionedConcurrentExecutions=3)
    client.delete_function_concurrency(**hello)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(**hello)
    with pytest.raises(ClientError, match="below its minimum value of"):
        client.put_provisioned_concurrency_config(**one, ProvisionedConcurrentExecutions=950)
    with pytest.raises(ClientError, match="cannot be applied to unpublished"):
        client.put_provisioned_concurrency_config(
            **hello, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1
        )
    with pytest.raises(ClientError, match="permitted on Lambda functions only"):
        client.put_function_concurrency(FunctionName="hello:1", ReservedConcurrentExecutions=1)


def test_code_signing(client: Any) -> None:
    made = client.create_code_signing_config(
        AllowedPublishers=_PUBLISHERS,
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    assert client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == made
    configs = client.list_code_signing_configs()["CodeSigningConfigs"]
    assert [each["CodeSigningConfigArn"] for each in configs] == [arn]
    hello = {"FunctionName": "hello"}
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(**hello)
    client.put_function_code_signing_config(**hello, CodeSigningConfigArn=arn)
    found = client.get_function_code_signing_config(**hello)
    assert (found["CodeSigningConfigArn"], found["FunctionName"]) == (arn, "hello")
    users = client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)
    assert users["FunctionArns"] == ["arn:aws:lambda:us-east-1:000000000000:function:hello"]
    # Nothing that is sent is signed, so what enforces signatures refuses it.
    with pytest.raises(client.exceptions.CodeVerificationFailedException):
        client.update_function_code(**hello, ZipFile=ECHO)
    client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    client.update_function_code(**hello, ZipFile=ECHO)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.delete_code_signing_config(CodeSigningConfigArn=arn)
    client.delete_function_code_signing_config(**hello)
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    with pytest.raises(ClientError, match="can not be found"):
        client.get_code_signing_config(CodeSigningConfigArn=arn)
    with pytest.raises(client.exceptions.CodeSigningConfigNotFoundException):
        client.put_function_code_signing_config(**hello, CodeSigningConfigArn=arn)


def test_runtime_management(client: Any) -> None:
    hello = {"FunctionName": "hello"}
    shown = client.get_runtime_management_config(**hello)
    assert shown["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(**hello, Qualifier="1", UpdateRuntimeOn="FunctionUpdate")
    other = client.get_runtime_management_config(**hello, Qualifier="1")
    assert other["UpdateRuntimeOn"] == "FunctionUpdate"
    assert other["FunctionArn"].endswith(":hello:1")
    with pytest.raises(ClientError, match="RuntimeVersionArn cannot be null"):
        client.put_runtime_management_config(**hello, UpdateRuntimeOn="Manual")
    found = client.get_function_configuration(**hello)["RuntimeVersionConfig"]
    put = client.put_runtime_management_config(
        **hello, UpdateRuntimeOn="Manual", RuntimeVersionArn=found["RuntimeVersionArn"]
    )
    assert put["RuntimeVersionArn"] == found["RuntimeVersionArn"]


def test_recursion(client: Any) -> None:
    hello = {"FunctionName": "hello"}
    assert client.get_function_recursion_config(**hello)["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(**hello, RecursiveLoop="Allow")
    assert client.get_function_recursion_config(**hello)["RecursiveLoop"] == "Allow"


def test_event_invoke_configurations(client: Any) -> None:
    hello = {"FunctionName": "hello"}
    client.put_function_event_invoke_config(**hello, MaximumRetryAttempts=1)
    client.update_function_event_invoke_config(**hello, MaximumEventAgeInSeconds=60)
    found = client.get_function_event_invoke_config(**hello)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    configs = client.list_function_event_invoke_configs(**hello)["FunctionEventInvokeConfigs"]
    assert [each["FunctionArn"] for each in configs] == [found["FunctionArn"]]
    client.delete_function_event_invoke_config(**hello)


def test_account_settings(client: Any) -> None:
    settings = client.get_account_settings()
    assert settings["AccountLimit"] == {
        "TotalCodeSize": 80530636800,
        "CodeSizeUnzipped": 262144000,
        "CodeSizeZipped": 52428800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
    assert settings["AccountUsage"] == {"TotalCodeSize": 2 * len(ECHO), "FunctionCount": 1}


def test_capacity_providers(client: Any) -> None:
    made = client.create_capacity_provider(CapacityProviderName="provider", **_PROVIDER)
    assert made["CapacityProvider"]["State"] == "Pending"
    arn = made["CapacityProvider"]["CapacityProviderArn"]
    for name in ("provider", arn):
        found = client.get_capacity_provider(CapacityProviderName=name)["CapacityProvider"]
        assert (found["State"], found["CapacityProviderArn"]) == ("Active", arn)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.create_capacity_provider(CapacityProviderName="provider", **_PROVIDER)
    client.update_capacity_provider(
        CapacityProviderName="provider", CapacityProviderScalingConfig={"MaxVCpuCount": 10}
    )
    listed = client.list_capacity_providers(State="Active")["CapacityProviders"]
    assert listed[0]["CapacityProviderScalingConfig"]["MaxVCpuCount"] == 10
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}}
    missing = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{arn}x"}}
    current = {"Runtime": "python3.13", "PublishTo": "LATEST_PUBLISHED"}
    with pytest.raises(ClientError, match="Capacity provider not found"):
        create(client, "managed", CapacityProviderConfig=missing, **current)
    create(client, "managed", CapacityProviderConfig=config, **current)
    versions = client.list_function_versions_by_capacity_provider(CapacityProviderName="provider")
    assert [each["FunctionArn"].rpartition(":")[2] for each in versions["FunctionVersions"]] == [
        "managed",
        "$LATEST.PUBLISHED",
    ]
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.delete_capacity_provider(CapacityProviderName="provider")
    client.delete_function(FunctionName="managed")
    deleted = client.delete_capacity_provider(CapacityProviderName="provider")
    assert deleted["CapacityProvider"]["State"] == "Deleting"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_capacity_provider(CapacityProviderName="provider")


def test_tags(client: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    made = client.create_code_signing_config(AllowedPublishers=_PUBLISHERS, Tags={"k": "v"})
    arn = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"k": "v"}
