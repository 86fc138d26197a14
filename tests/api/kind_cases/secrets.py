"""What the sweep changes of resource types: KMS, SSM and Secrets Manager."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import TAGS, Ask, Case, Clients, F, policy, resource


def _read_key(clients: Clients, key: str) -> Any:
    kms = clients("kms")
    rotation = kms.get_key_rotation_status(KeyId=key)
    rotation.pop("NextRotationDate", None)
    return (
        kms.describe_key(KeyId=key)["KeyMetadata"],
        rotation,
        kms.list_resource_tags(KeyId=key)["Tags"],
    )


def _read_secret(clients: Clients, arn: str) -> Any:
    found = clients("secretsmanager").describe_secret(SecretId=arn)
    return {name: found.get(name) for name in ("Description", "KmsKeyId", "Tags")}


def _read_parameter(clients: Clients, name: str) -> Any:
    ssm = clients("ssm")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return ssm.get_parameter(Name=name)["Parameter"]["Value"], tags


_SECRETS = {name: resource("AWS::SecretsManager::Secret", SecretString='{"a": 1}') for name in "ST"}


CASES: dict[str, Case] = {
    "AWS::KMS::Alias": Case(
        {"AliasName": "alias/swept", "TargetKeyId": {"Ref": "K"}},
        {"TargetKeyId": {"Ref": "L"}},
        (
            Ask("kms", "list_aliases", {"KeyId": "{K}"}),
            Ask("kms", "list_aliases", {"KeyId": "{L}"}),
        ),
        {name: {"Type": "AWS::KMS::Key"} for name in "KL"},
        replaces={"AliasName": "alias/other-swept"},
    ),
    "AWS::SecretsManager::ResourcePolicy": Case(
        {"SecretId": {"Ref": "S"}, "ResourcePolicy": policy("secretsmanager:GetSecretValue")},
        {"ResourcePolicy": policy("secretsmanager:DescribeSecret")},
        (Ask("secretsmanager", "get_resource_policy", {"SecretId": "{S}"}, ("ResourcePolicy",)),),
        _SECRETS,
        replaces={"SecretId": {"Ref": "T"}},
        unseen={"BlockPublicPolicy": "it is looked at, and kept nowhere"},
    ),
    "AWS::SecretsManager::RotationSchedule": Case(
        {
            "SecretId": {"Ref": "S"},
            "RotateImmediatelyOnUpdate": False,
            "RotationLambdaARN": {"Fn::GetAtt": "F.Arn"},
            "RotationRules": {"AutomaticallyAfterDays": 30},
        },
        {
            "RotationLambdaARN": {"Fn::GetAtt": "G.Arn"},
            "RotationRules": {"ScheduleExpression": "rate(20 days)", "Duration": "3h"},
        },
        (Ask("secretsmanager", "describe_secret", {"SecretId": "{S}"}),),
        {
            **_SECRETS,
            **F,
            "G": F["F"],
            **{
                f"Permission{name}": resource(
                    "AWS::Lambda::Permission",
                    FunctionName={"Ref": name},
                    Action="lambda:InvokeFunction",
                    Principal="secretsmanager.amazonaws.com",
                )
                for name in "FG"
            },
        },
        left=frozenset(
            {"LastChangedDate", "RotationLambdaARN", "RotationRules", "VersionIdsToStages"}
        ),
        replaces={"SecretId": {"Ref": "T"}},
        unseen={
            "HostedRotationLambda": "AWS makes a function for it",
            "RotateImmediatelyOnUpdate": "it is kept nowhere",
        },
    ),
    "AWS::SecretsManager::SecretTargetAttachment": Case(
        {"SecretId": {"Ref": "S"}, "TargetId": "one", "TargetType": "AWS::RDS::DBInstance"},
        {"TargetId": "two", "TargetType": "AWS::RDS::DBCluster"},
        (Ask("secretsmanager", "get_secret_value", {"SecretId": "{S}"}, ("SecretString",)),),
        _SECRETS,
        stays=True,
        replaces={"SecretId": {"Ref": "T"}},
    ),
    "AWS::KMS::Key": Case(
        {},
        {
            "Description": "d",
            "Enabled": False,
            "EnableKeyRotation": True,
            "Tags": TAGS,
        },
        _read_key,
        stays=True,
    ),
    "AWS::SecretsManager::Secret": Case(
        {"SecretString": "s"}, {"Description": "d", "Tags": TAGS}, _read_secret
    ),
    "AWS::SSM::Parameter": Case(
        {"Type": "String", "Value": "v"}, {"Value": "w", "Tags": {"a": "b"}}, _read_parameter
    ),
}
