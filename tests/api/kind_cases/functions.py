"""What the sweep changes of resource types: Lambda."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import (
    ARN_OF_Q,
    FUNCTION,
    NAME_OF_F,
    TAGS,
    Also,
    Ask,
    Case,
    Clients,
    F,
    Q,
    resource,
)
from tests.api.stacks import ROLE


def _read_function(clients: Clients, name: str) -> Any:
    client = clients("lambda")
    found = client.get_function(FunctionName=name)
    return (
        found["Configuration"],
        found.get("Tags"),
        found.get("Concurrency"),
        client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"],
        client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"],
        client.get_function_code_signing_config(FunctionName=name).get("CodeSigningConfigArn"),
    )


def _read_alias(clients: Clients, arn: str) -> Any:
    function, _, alias = arn.rpartition(":")
    return clients("lambda").get_alias(FunctionName=function, Name=alias)


def _read_mapping(clients: Clients, identity: str) -> Any:
    client = clients("lambda")
    found = client.get_event_source_mapping(UUID=identity)
    return found, client.list_tags(Resource=found["EventSourceMappingArn"])["Tags"]


def _read_url(clients: Clients, arn: str) -> Any:
    return clients("lambda").get_function_url_config(FunctionName=arn)


def _read_invoke_config(clients: Clients, name: str) -> Any:
    function, _, qualifier = name.partition("|")
    return clients("lambda").get_function_event_invoke_config(
        FunctionName=function, Qualifier=qualifier
    )


_PROVIDER = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:{R}"

_PUBLISHER = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/"
_LAYER = {"S3Bucket": "swept-code", "S3Key": "layer.zip"}
_KEY = "arn:aws:kms:us-east-1:000000000000:key/k"


CASES: dict[str, Case] = {
    "AWS::Lambda::CapacityProvider": Case(
        {
            "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
            "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        },
        {"CapacityProviderScalingConfig": {"MaxVCpuCount": 50}, "Tags": TAGS},
        (
            Ask("lambda", "get_capacity_provider", {"CapacityProviderName": "{R}"}),
            Ask("lambda", "list_tags", {"Resource": _PROVIDER}),
        ),
        replaces={
            "CapacityProviderName": "other-swept",
            "InstanceRequirements": {"Architectures": ["arm64"]},
            "KmsKeyArn": _KEY,
            "PermissionsConfig": {"CapacityProviderOperatorRoleArn": f"{ROLE}2"},
            "VpcConfig": {"SubnetIds": ["subnet-2"], "SecurityGroupIds": ["sg-1"]},
        },
    ),
    "AWS::Lambda::CodeSigningConfig": Case(
        {"AllowedPublishers": {"SigningProfileVersionArns": [f"{_PUBLISHER}abcdefghij"]}},
        {
            "AllowedPublishers": {"SigningProfileVersionArns": [f"{_PUBLISHER}abcdefghik"]},
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"},
            "Description": "d",
            "Tags": TAGS,
        },
        (
            Ask("lambda", "get_code_signing_config", {"CodeSigningConfigArn": "{R}"}),
            Ask("lambda", "list_tags", {"Resource": "{R}"}),
        ),
    ),
    "AWS::Lambda::LayerVersion": Case(
        {"Content": _LAYER},
        {},
        (Ask("lambda", "get_layer_version_by_arn", {"Arn": "{R}"}, ("LayerArn",)),),
        replaces={
            "CompatibleArchitectures": ["arm64"],
            "CompatibleRuntimes": ["python3.12"],
            "Content": {**_LAYER, "S3Key": "other.zip"},
            "Description": "d",
            "LayerName": "other-swept",
            "LicenseInfo": "MIT",
        },
    ),
    "AWS::Lambda::LayerVersionPermission": Case(
        {"LayerVersionArn": {"Ref": "L"}, "Action": "lambda:GetLayerVersion", "Principal": "*"},
        {},
        (
            Ask(
                "lambda",
                "get_layer_version_policy",
                {"LayerName": "swept-permitted", "VersionNumber": 1},
            ),
        ),
        {
            name: resource("AWS::Lambda::LayerVersion", LayerName=of, Content=_LAYER)
            for name, of in (("L", "swept-permitted"), ("M", "swept-other"))
        },
        replaces={
            "LayerVersionArn": {"Ref": "M"},
            "OrganizationId": "o-1234567890",
            "Principal": "123456789012",
        },
        unseen={"Action": "there is one action only"},
    ),
    "AWS::Lambda::Permission": Case(
        {**NAME_OF_F, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"},
        {},
        (Ask("lambda", "get_policy", {"FunctionName": "{F}"}, ("Policy",)),),
        {**F, "G": resource("AWS::Lambda::Function", **FUNCTION)},
        replaces={
            "Action": "lambda:GetFunction",
            "EventSourceToken": Also(EventSourceToken="t", Principal="alexa-appkit.amazon.com"),
            "FunctionName": {"Ref": "G"},
            "FunctionUrlAuthType": Also(
                Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", Principal="*"
            ),
            "InvokedViaFunctionUrl": Also(InvokedViaFunctionUrl=True, Principal="*"),
            "Principal": "sns.amazonaws.com",
            "PrincipalOrgID": Also(PrincipalOrgID="o-1234567890", Principal="*"),
            "SourceAccount": "123456789012",
            "SourceArn": "arn:aws:s3:::b",
        },
    ),
    "AWS::Lambda::Version": Case(
        NAME_OF_F,
        {},
        (Ask("lambda", "get_function_configuration", {"FunctionName": "{R}"}),),
        {**F, "G": resource("AWS::Lambda::Function", **FUNCTION)},
        replaces={"FunctionName": {"Ref": "G"}},
        unseen={
            "CodeSha256": "it is compared, and kept nowhere",
            "Description": "a version like the last one is none",
            "ProvisionedConcurrencyConfig": "a version like the last one is none",
            "RuntimePolicy": "a version like the last one is none",
        },
    ),
    "AWS::Lambda::Function": Case(
        FUNCTION,
        {
            "Code": {"ZipFile": "def handler(event, context): return 2"},
            "CodeSigningConfigArn": {"Ref": "C"},
            "DeadLetterConfig": {"TargetArn": ARN_OF_Q},
            "Description": "d",
            "Environment": {"Variables": {"NAME": "b"}},
            "EphemeralStorage": {"Size": 1024},
            "Handler": "index.other",
            "KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k",
            "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"},
            "MemorySize": 256,
            "RecursiveLoop": "Allow",
            "ReservedConcurrentExecutions": 2,
            "Runtime": "python3.13",
            "RuntimeManagementConfig": {"UpdateRuntimeOn": "FunctionUpdate"},
            "SnapStart": {"ApplyOn": "PublishedVersions"},
            "Tags": TAGS,
            "Timeout": 9,
            "TracingConfig": {"Mode": "Active"},
        },
        _read_function,
        {
            **Q,
            "C": resource(
                "AWS::Lambda::CodeSigningConfig",
                AllowedPublishers={
                    "SigningProfileVersionArns": [
                        "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/abcdefghij"
                    ]
                },
            ),
        },
    ),
    "AWS::Lambda::Alias": Case(
        {**NAME_OF_F, "Name": "live", "FunctionVersion": {"Fn::GetAtt": "V.Version"}},
        {"Description": "d", "FunctionVersion": "$LATEST"},
        _read_alias,
        {**F, "V": resource("AWS::Lambda::Version", **NAME_OF_F)},
    ),
    "AWS::Lambda::EventSourceMapping": Case(
        {
            **NAME_OF_F,
            "EventSourceArn": {"Fn::GetAtt": "S.Arn"},
            "StartingPosition": "LATEST",
        },
        {
            # Text, as what refers to a parameter is.
            "BatchSize": "7",
            "BisectBatchOnFunctionError": "true",
            "DestinationConfig": {"OnFailure": {"Destination": ARN_OF_Q}},
            "Enabled": False,
            "FilterCriteria": {"Filters": [{"Pattern": '{"a": ["b"]}'}]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "MaximumBatchingWindowInSeconds": 3,
            "MaximumRecordAgeInSeconds": 99,
            "MaximumRetryAttempts": 2,
            "ParallelizationFactor": 2,
            "Tags": TAGS,
            "TumblingWindowInSeconds": 4,
        },
        _read_mapping,
        {**F, **Q, "S": resource("AWS::Kinesis::Stream", ShardCount=1)},
    ),
    "AWS::Lambda::Url": Case(
        {"TargetFunctionArn": {"Ref": "F"}, "AuthType": "NONE"},
        {
            "AuthType": "AWS_IAM",
            "Cors": {"AllowOrigins": ["https://a.example"]},
            "InvokeMode": "RESPONSE_STREAM",
        },
        _read_url,
        F,
    ),
    "AWS::Lambda::EventInvokeConfig": Case(
        {**NAME_OF_F, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1},
        {
            "DestinationConfig": {"OnFailure": {"Destination": ARN_OF_Q}},
            "MaximumEventAgeInSeconds": 90,
            "MaximumRetryAttempts": 0,
        },
        _read_invoke_config,
        {**F, **Q},
    ),
}
