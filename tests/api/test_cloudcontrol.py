"""Cloud Control through boto3: resources by their types, whoever has made them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running, create


def test_resources_are_read_by_type(scripted: Running) -> None:
    control = scripted.client("cloudcontrol")

    def read(kind: str, identifier: str) -> dict[str, Any]:
        found = control.get_resource(TypeName=kind, Identifier=identifier)["ResourceDescription"]
        assert found["Identifier"] == identifier
        return dict(json.loads(found["Properties"]))

    lambda_ = scripted.client("lambda")
    arn = create(lambda_, "read", MemorySize=256)["FunctionArn"]
    found = read("AWS::Lambda::Function", "read")
    assert found.items() >= {"FunctionName": "read", "MemorySize": 256, "Timeout": 30}.items()
    url = lambda_.create_function_url_config(FunctionName="read", AuthType="NONE")["FunctionUrl"]
    assert read("AWS::Lambda::Url", arn)["FunctionUrl"] == url
    queue = scripted.client("sqs").create_queue(QueueName="read", Attributes={"DelaySeconds": "4"})[
        "QueueUrl"
    ]
    assert read("AWS::SQS::Queue", queue)["DelaySeconds"] == "4"
    scripted.client("s3").create_bucket(Bucket="read-bucket")
    assert read("AWS::S3::Bucket", "read-bucket")["BucketName"] == "read-bucket"
    scripted.client("logs").create_log_group(logGroupName="/read")
    assert read("AWS::Logs::LogGroup", "/read")["LogGroupName"] == "/read"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    scripted.client("iam").create_role(
        RoleName="read",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    assert read("AWS::IAM::Role", "read")["Path"] == "/"
    for kind, identifier in (
        ("AWS::Lambda::Function", "read"),
        ("AWS::SQS::Queue", queue),
        ("AWS::S3::Bucket", "read-bucket"),
        ("AWS::Logs::LogGroup", "/read"),
        ("AWS::IAM::Role", "read"),
    ):
        there = control.list_resources(TypeName=kind)["ResourceDescriptions"]
        assert identifier in [each["Identifier"] for each in there]
        with pytest.raises(ClientError) as raised:
            control.get_resource(TypeName=kind, Identifier="none")
        assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_resources_are_listed_by_pages(scripted: Running) -> None:
    control, sqs = scripted.client("cloudcontrol"), scripted.client("sqs")
    for number in range(3):
        sqs.create_queue(QueueName=f"page-{number}")
    first = control.list_resources(TypeName="AWS::SQS::Queue", MaxResults=2)
    rest = control.list_resources(TypeName="AWS::SQS::Queue", NextToken=first["NextToken"])
    assert (len(first["ResourceDescriptions"]), len(rest["ResourceDescriptions"])) == (2, 1)
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("AWS::No::Such", "TypeNotFoundException"),
        ("AWS::EC2::VPC", "UnsupportedActionException"),
        ("AWS::Lambda::Url", "UnsupportedActionException"),
    ],
)
def test_types_that_are_not_listed(scripted: Running, kind: str, code: str) -> None:
    with pytest.raises(ClientError) as raised:
        scripted.client("cloudcontrol").list_resources(TypeName=kind)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
