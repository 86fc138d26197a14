"""Secrets Manager through boto3, beside what was recorded; and secrets in templates."""

from __future__ import annotations

import asyncio
import json
import string
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create

PUBLIC = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
PRIVATE = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "*", "Resource": "*"}
    ]
}


@pytest.fixture(scope="module")
def secrets(running: Running) -> Any:
    return running.client("secretsmanager")


def refused(call: Any, code: str, **given: Any) -> str:
    """Return the text of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    assert error["Code"] == code
    return str(error["Message"])


def test_deletion_and_recovery(secrets: Any) -> None:
    secrets.create_secret(Name="fading", SecretString="v")
    which = {"SecretId": "fading"}
    refused(secrets.delete_secret, "InvalidParameterException", **which, RecoveryWindowInDays=3)
    refused(
        secrets.delete_secret,
        "InvalidParameterException",
        **which,
        RecoveryWindowInDays=7,
        ForceDeleteWithoutRecovery=True,
    )
    secrets.delete_secret(**which, RecoveryWindowInDays=7)
    refused(secrets.get_secret_value, "InvalidRequestException", **which)
    refused(secrets.delete_secret, "InvalidRequestException", **which)
    assert "DeletedDate" in secrets.describe_secret(**which)
    filters = [{"Key": "name", "Values": ["fading"]}]
    assert secrets.list_secrets(Filters=filters)["SecretList"] == []
    planned = secrets.list_secrets(Filters=filters, IncludePlannedDeletion=True)["SecretList"]
    assert [each["Name"] for each in planned] == ["fading"]
    secrets.restore_secret(**which)
    assert secrets.get_secret_value(**which)["SecretString"] == "v"
    secrets.delete_secret(**which, ForceDeleteWithoutRecovery=True)
    refused(secrets.describe_secret, "ResourceNotFoundException", **which)
    secrets.delete_secret(SecretId="never-there", ForceDeleteWithoutRecovery=True)


def test_one_request_twice_is_one_version(secrets: Any) -> None:
    token = "a" * 32
    first = secrets.create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    again = secrets.create_secret(Name="once", SecretString="v", ClientRequestToken=token)
    assert again["VersionId"] == first["VersionId"] == token
    secrets.put_secret_value(SecretId="once", SecretString="v", ClientRequestToken=token)
    refused(
        secrets.put_secret_value,
        "ResourceExistsException",
        SecretId="once",
        SecretString="other",
        ClientRequestToken=token,
    )
    refused(secrets.create_secret, "ResourceExistsException", Name="once", SecretString="other")
    refused(secrets.put_secret_value, "InvalidRequestException", SecretId="once")
    refused(
        secrets.put_secret_value,
        "InvalidRequestException",
        SecretId="once",
        SecretString="a",
        SecretBinary=b"b",
    )


def test_a_request_without_a_token(running: Running) -> None:
    # As callers without an SDK send it; SDKs make a token up.
    request = urllib.request.Request(
        running.url,
        json.dumps({"Name": "no-token", "SecretString": "v"}).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.CreateSecret",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=60)
    answer = json.load(raised.value)
    assert answer["__type"] == "InvalidRequestException"
    assert "You must provide a ClientRequestToken value." in str(answer)


def test_an_updated_secret(secrets: Any) -> None:
    secrets.create_secret(Name="updated", SecretString="one")
    assert "VersionId" in secrets.update_secret(SecretId="updated", SecretString="two")
    secrets.update_secret(SecretId="updated", Description="only words")
    assert secrets.describe_secret(SecretId="updated")["Description"] == "only words"
    previous = secrets.get_secret_value(SecretId="updated", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "one"
    assert secrets.get_secret_value(SecretId="updated")["SecretString"] == "two"
    text = refused(
        secrets.update_secret_version_stage,
        "InvalidParameterException",
        SecretId="updated",
        VersionStage="AWSCURRENT",
        MoveToVersionId=previous["VersionId"],
    )
    assert "RemoveFromVersionId can't be empty" in text
    refused(
        secrets.update_secret_version_stage,
        "ResourceNotFoundException",
        SecretId="updated",
        VersionStage="AWSCURRENT",
        MoveToVersionId="x" * 36,
    )


def test_a_hundred_versions_are_kept(secrets: Any) -> None:
    secrets.create_secret(Name="versions", SecretString="v")
    for number in range(105):
        secrets.put_secret_value(SecretId="versions", SecretString=str(number))
    wanted = {"SecretId": "versions", "IncludeDeprecated": True, "MaxResults": 60}
    page = secrets.list_secret_version_ids(**wanted)
    rest = secrets.list_secret_version_ids(**wanted, NextToken=page["NextToken"])
    assert (len(page["Versions"]), len(rest["Versions"])) == (60, 40)
    assert "NextToken" not in rest
    assert len(secrets.list_secret_version_ids(SecretId="versions")["Versions"]) == 2


def test_listing_by_filters(secrets: Any) -> None:
    secrets.create_secret(Name="shop/db", Description="The database of orders", SecretString="1")
    tags = [{"Key": "team", "Value": "checkout"}]
    secrets.create_secret(Name="shop/api", SecretString="2", Tags=tags)

    def names(key: str, *values: str, **more: Any) -> list[str]:
        filters = [
            {"Key": "name", "Values": ["shop/"]},
            {"Key": key, "Values": list(values)},
        ]
        answer = secrets.list_secrets(Filters=filters, **more)
        return [each["Name"] for each in answer["SecretList"]]

    assert names("name", "shop/") == ["shop/db", "shop/api"]
    assert names("name", "shop/", SortBy="name") == ["shop/api", "shop/db"]
    assert names("name", "shop/", SortOrder="desc") == ["shop/api", "shop/db"]
    assert names("description", "orders") == ["shop/db"]
    assert names("tag-key", "team") == names("tag-value", "check") == ["shop/api"]
    assert names("all", "checkout") == ["shop/api"]
    assert names("name", "!shop/db") == ["shop/api"]
    assert names("primary-region", "us-") == ["shop/db", "shop/api"]
    refused(secrets.list_secrets, "InvalidNextTokenException", NextToken="x")
    batch = secrets.batch_get_secret_value(SecretIdList=["shop/db", "none"])
    assert [each["SecretString"] for each in batch["SecretValues"]] == ["1"]
    assert batch["Errors"][0]["ErrorCode"] == "ResourceNotFoundException"
    filters = [{"Key": "name", "Values": ["shop/"]}]
    batch = secrets.batch_get_secret_value(Filters=filters)
    assert [each["SecretString"] for each in batch["SecretValues"]] == ["1", "2"]
    refused(secrets.batch_get_secret_value, "InvalidParameterException")


def test_tags_may_lack_a_value_and_need_a_key(secrets: Any) -> None:
    secrets.create_secret(Name="tagged", Tags=[{"Key": "a"}])
    refused(
        secrets.tag_resource,
        "InvalidParameterException",
        SecretId="tagged",
        Tags=[{"Value": "v"}],
    )
    assert secrets.describe_secret(SecretId="tagged")["Tags"] == [{"Key": "a", "Value": ""}]


def test_policies(secrets: Any) -> None:
    secrets.create_secret(Name="guarded", SecretString="v")
    which = {"SecretId": "guarded"}
    assert "ResourcePolicy" not in secrets.get_resource_policy(**which)
    refused(
        secrets.put_resource_policy,
        "MalformedPolicyDocumentException",
        **which,
        ResourcePolicy="{",
    )
    public, private = json.dumps(PUBLIC), json.dumps(PRIVATE)
    refused(
        secrets.put_resource_policy,
        "PublicPolicyException",
        **which,
        ResourcePolicy=public,
        BlockPublicPolicy=True,
    )
    secrets.put_resource_policy(**which, ResourcePolicy=private, BlockPublicPolicy=True)
    assert json.loads(secrets.get_resource_policy(**which)["ResourcePolicy"]) == PRIVATE
    secrets.delete_resource_policy(**which)
    assert "ResourcePolicy" not in secrets.get_resource_policy(**which)
    passed = secrets.validate_resource_policy(ResourcePolicy=private)
    assert passed["PolicyValidationPassed"] is True
    failed = secrets.validate_resource_policy(**which, ResourcePolicy=public)
    assert failed["PolicyValidationPassed"] is False


def test_random_passwords(secrets: Any) -> None:
    def password(**wanted: Any) -> str:
        return str(secrets.get_random_password(**wanted)["RandomPassword"])

    assert len(password()) == 32
    assert set(password(ExcludePunctuation=True, PasswordLength=99)) <= {
        *string.ascii_letters,
        *string.digits,
    }
    assert set(password(ExcludeCharacters="abc", PasswordLength=500)).isdisjoint("abc")
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        assert set(password(PasswordLength=4)) & set(kind)
    refused(secrets.get_random_password, "InvalidParameterException", PasswordLength=3)
    digits = {"ExcludeLowercase": True, "ExcludeUppercase": True, "ExcludePunctuation": True}
    assert password(**digits, PasswordLength=6).isdecimal()


async def _rotated(running: Running) -> None:
    """Return when no rotation is under way."""
    await asyncio.gather(*running.emulator.parts.background)


def test_a_rotation_that_makes_no_version(running: Running, secrets: Any) -> None:
    secrets.create_secret(Name="rotated", SecretString="v")
    which = {"SecretId": "rotated"}
    refused(secrets.rotate_secret, "InvalidRequestException", **which)
    function = create(running.client("lambda"), "rotates")["FunctionArn"]
    rules = {"AutomaticallyAfterDays": 3, "ScheduleExpression": "rate(3 days)"}
    refused(
        secrets.rotate_secret,
        "InvalidParameterException",
        **which,
        RotationLambdaARN=function,
        RotationRules=rules,
    )
    # The function answers and makes no version: nothing becomes current.
    rules = {"ScheduleExpression": "rate(10 days)"}
    secrets.rotate_secret(**which, RotationLambdaARN=function, RotationRules=rules)
    running.call(lambda: _rotated(running))
    shown = secrets.describe_secret(**which)
    assert shown["RotationEnabled"] is True
    assert shown["RotationLambdaARN"] == function
    assert list(shown["VersionIdsToStages"].values()) == [["AWSCURRENT"]]
    assert "LastRotatedDate" not in shown
    secrets.cancel_rotate_secret(**which)
    assert secrets.describe_secret(**which)["RotationEnabled"] is False


def test_a_secret_by_reference_of_parameter_store(running: Running, secrets: Any) -> None:
    secrets.create_secret(Name="referenced", SecretString="v")
    ssm = running.client("ssm")
    name = "/aws/reference/secretsmanager/referenced"
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Name"], found["Value"], found["Type"]) == (name, "v", "SecureString")
    refused(ssm.get_parameter, "ValidationException", Name=name)
    refused(ssm.get_parameter, "ParameterNotFound", Name=f"{name}x", WithDecryption=True)


def test_secrets_last(tmp_path: Path) -> None:
    for _ in range(2):
        running = Running(Settings(port=0, state=tmp_path / "state"), driver=ScriptedDriver())
        try:
            client = running.client("secretsmanager")
            token = "b" * 32
            client.create_secret(Name="kept", SecretBinary=b"\0\1", ClientRequestToken=token)
            assert client.get_secret_value(SecretId="kept")["SecretBinary"] == b"\0\1"
        finally:
            running.stop()


def _template(length: int, **policy: Any) -> str:
    secret = {"Ref": "Secret"}
    generated = {
        "SecretStringTemplate": '{"username": "admin"}',
        "GenerateStringKey": "password",
        "PasswordLength": length,
        "ExcludeCharacters": '"@/\\',
    }
    resources = {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "made", "GenerateSecretString": generated},
        },
        "Attachment": {
            "Type": "AWS::SecretsManager::SecretTargetAttachment",
            "Properties": {
                "SecretId": secret,
                "TargetId": "database",
                "TargetType": "AWS::RDS::DBInstance",
            },
        },
        "Policy": {
            "Type": "AWS::SecretsManager::ResourcePolicy",
            "Properties": {"SecretId": secret, "ResourcePolicy": {**PRIVATE, **policy}},
        },
        "Schedule": {
            "Type": "AWS::SecretsManager::RotationSchedule",
            "DependsOn": "Attachment",
            "Properties": {
                "SecretId": secret,
                "RotationLambdaARN": "arn:aws:lambda:us-east-1:000000000000:function:turns",
                "RotationRules": {"AutomaticallyAfterDays": 30},
                "RotateImmediatelyOnUpdate": False,
            },
        },
        "User": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": "/user",
                "Type": "String",
                "Value": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:username}}"},
            },
        },
    }
    return json.dumps({"Resources": resources})


def test_in_a_stack(running: Running, secrets: Any) -> None:
    create(running.client("lambda"), "turns")
    cloudformation = running.client("cloudformation")
    cloudformation.create_stack(StackName="secrets", TemplateBody=_template(20))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="secrets")
    shown = secrets.describe_secret(SecretId="made")
    assert shown["RotationRules"] == {"AutomaticallyAfterDays": 30}
    keys = [each["Key"] for each in shown["Tags"]]
    assert "aws:cloudformation:logical-id" in keys
    first = json.loads(secrets.get_secret_value(SecretId="made")["SecretString"])
    assert (first["username"], first["dbInstanceIdentifier"]) == ("admin", "database")
    assert len(first["password"]) == 20
    user = running.client("ssm").get_parameter(Name="/user")["Parameter"]["Value"]
    assert user == "admin"
    cloudformation.update_stack(
        StackName="secrets", TemplateBody=_template(20, Version="2012-10-17")
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName="secrets")
    policy = json.loads(secrets.get_resource_policy(SecretId="made")["ResourcePolicy"])
    assert policy["Version"] == "2012-10-17"
    same = json.loads(secrets.get_secret_value(SecretId="made")["SecretString"])
    assert same["password"] == first["password"]
    cloudformation.delete_stack(StackName="secrets")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="secrets")
    refused(secrets.describe_secret, "ResourceNotFoundException", SecretId="made")
