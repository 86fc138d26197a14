"""Constraint violations of services beside Lambda, in AWS's sentences."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.model.errors import AwsError
from emulator.wire import ServiceCodec, service
from emulator.wire.deviations import Deviations
from tests.codecs import codec

_ONE = "1 validation error detected: "
_PATTERN = "failed to satisfy constraint: Member must satisfy regular expression pattern: "
_ENUM = "failed to satisfy constraint: Member must satisfy enum value set: "
_OPS = "[add, remove, move, test, replace, copy]"

#: What API Gateway's recordings show.
API_GATEWAY = Deviations(
    names_input=True,
    elements_may_be_null=True,
    printed_enum={
        "Op": "add, remove, move, test, replace, copy",
        "EndpointType": "PRIVATE, EDGE, REGIONAL",
    },
)


def violation(our: ServiceCodec, operation: str, request: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        our.validate(our.operations[operation], request)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("model", "operation", "request_", "code", "text"),
    [
        (
            "cloudformation",
            "CreateChangeSet",
            {"StackName": "*@da591fa3_$", "ChangeSetName": "c"},
            "ValidationError",
            f"Value '*@da591fa3_$' at 'stackName' {_PATTERN}"
            "([a-zA-Z][-a-zA-Z0-9]*)|(arn:\\b(aws|aws-us-gov|aws-cn)\\b:[-a-zA-Z0-9:/._+]*)",
        ),
        (
            "iam",
            "CreateRole",
            {"RoleName": "a b", "AssumeRolePolicyDocument": "{}"},
            "ValidationError",
            f"Value 'a b' at 'roleName' {_PATTERN}[\\w+=,.@-]+",
        ),
        (
            "kinesis",
            "CreateStream",
            {"StreamName": "a b"},
            "ValidationException",
            f"Value 'a b' at 'streamName' {_PATTERN}[a-zA-Z0-9_.-]+",
        ),
        (
            "events",
            "PutRule",
            {"Name": "n", "State": "ON"},
            "ValidationException",
            f"Value 'ON' at 'state' {_ENUM}"
            "[ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
        ),
        (
            "scheduler",
            "DeleteSchedule",
            {"Name": "a b"},
            "ValidationException",
            f"Value 'a b' at 'name' {_PATTERN}[0-9a-zA-Z-_.]+",
        ),
        (
            "ssm",
            "PutParameter",
            {"Name": "", "Value": "v"},
            "ValidationException",
            "Value '' at 'name' failed to satisfy constraint: Member must have length greater "
            "than or equal to 1",
        ),
        (
            "stepfunctions",
            "StartExecution",
            {"stateMachineArn": "a", "traceHeader": "é"},
            "ValidationException",
            f"Value 'é' at 'traceHeader' {_PATTERN}\\p{{ASCII}}*",
        ),
        (
            "cloudwatch",
            "PutMetricAlarm",
            {
                "AlarmName": "a",
                "EvaluationPeriods": 0,
                "ComparisonOperator": "GreaterThanThreshold",
            },
            "ValidationError",
            "Value '0' at 'evaluationPeriods' failed to satisfy constraint: Member must have "
            "value greater than or equal to 1",
        ),
        (
            "dynamodb",
            "CreateTable",
            {
                "TableName": "t/x",
                "KeySchema": [{"AttributeName": "a", "KeyType": "NONE"}],
                "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
            },
            "ValidationException",
            f"Value 'NONE' at 'keySchema.1.member.keyType' {_ENUM}[HASH, RANGE]",
        ),
    ],
)
def test_sentences(
    model: str, operation: str, request_: dict[str, Any], code: str, text: str
) -> None:
    error = violation(codec(model), operation, request_)
    assert error.code == code
    assert error.message == _ONE + text


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        (
            "CreateRestApi",
            {
                "name": "n",
                "endpointConfiguration": {"types": ["wrong"], "ipAddressType": "wrong"},
            },
            "2 validation errors detected: Value '[wrong]' at "
            "'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: "
            "Member must satisfy constraint: [Member must satisfy enum value set: "
            "[PRIVATE, EDGE, REGIONAL]]; Value 'wrong' at "
            "'createRestApiInput.endpointConfiguration.ipAddressType' "
            f"{_ENUM}[ipv4, dualstack]",
        ),
        (
            "UpdateMethodResponse",
            {
                "restApiId": "r",
                "resourceId": "r",
                "httpMethod": "GET",
                "statusCode": "wrong",
                "patchOperations": [{"op": "wrong_op"}],
            },
            "2 validation errors detected: Value 'wrong' at 'statusCode' "
            f"{_PATTERN}[1-5]\\d\\d; Value 'wrong_op' at "
            f"'updateMethodResponseInput.patchOperations.1.member.op' {_ENUM}{_OPS}",
        ),
    ],
)
def test_api_gateway_names_the_input_of_members_in_the_body(
    operation: str, request_: dict[str, Any], text: str
) -> None:
    our = service("apigateway", None, API_GATEWAY)
    error = violation(our, operation, request_)
    assert sorted(error.message.partition("detected: ")[2].split("; ")) == sorted(
        text.partition("detected: ")[2].split("; ")
    )


def test_one_code_per_protocol() -> None:
    """CloudWatch's has a name in its model and another code in the query protocol."""
    request = {"AlarmNames": ["a" * 300]}
    for protocol, code in (
        ("json", b'"ValidationException"'),
        ("query", b"<Code>ValidationError<"),
    ):
        our = codec("cloudwatch", protocol)
        error = violation(our, "DeleteAlarms", request)
        assert code in our.error(error, "id")[2]


def test_a_value_that_contains_itself_too_deeply_is_refused() -> None:
    our = codec("dynamodb")
    value: dict[str, Any] = {"S": "x"}
    for _ in range(2000):
        value = {"L": [value]}
    with pytest.raises(AwsError, match="nested too deeply"):
        our.validate(our.operations["PutItem"], {"TableName": "t", "Item": {"a": value}})


@pytest.mark.parametrize(("levels", "is_refused"), [(30, False), (480, True), (5000, True)])
def test_a_deep_body_is_read_or_refused(levels: int, is_refused: bool) -> None:
    our = codec("dynamodb")
    value = b'{"L":[' * levels + b'{"S":"x"}' + b"]}" * levels
    body = b'{"TableName":"t","Item":{"a":' + value + b"}}"
    operation = our.operations["PutItem"]

    def read() -> None:
        request = our.parse(operation, params={}, query="", headers={}, body=body)
        our.validate(operation, request)

    if is_refused:
        with pytest.raises(AwsError, match="SerializationException"):
            read()
    else:
        read()
