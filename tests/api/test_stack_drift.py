"""Drift: what somebody changed behind a stack's back."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.stacks import Stacks, function, queue, template

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
HASH = {"AttributeName": "id", "KeyType": "HASH"}


def of(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def arn(logical: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical, "Arn"]}


#: A resource of many types, with properties that services tell in many forms.
EVERYTHING: dict[str, Any] = {
    "Dead": queue(),
    "Queue": queue(
        DelaySeconds=5,
        VisibilityTimeout="40",
        RedrivePolicy={"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 3},
    ),
    "Topic": of("SNS::Topic", DisplayName="shown"),
    "Subscription": of(
        "SNS::Subscription",
        TopicArn={"Ref": "Topic"},
        Protocol="sqs",
        Endpoint=arn("Queue"),
        RawMessageDelivery=True,
        FilterPolicy={"kind": ["a", "b"]},
    ),
    "Table": of(
        "DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[HASH],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
    ),
    "Rule": of("Events::Rule", EventPattern={"source": ["x"]}, State="ENABLED"),
    "Role": of("IAM::Role", AssumeRolePolicyDocument=TRUST, Path="/p/", MaxSessionDuration=3600),
    "Function": function(
        Environment={"Variables": {"ONE": "1", "URL": {"Ref": "Queue"}}},
        TracingConfig={"Mode": "Active"},
        MemorySize="256",
        Timeout=9,
        Architectures=["x86_64"],
        Role=arn("Role"),
        Tags=[{"Key": "k", "Value": "v"}],
    ),
    "Mapping": of(
        "Lambda::EventSourceMapping",
        FunctionName={"Ref": "Function"},
        EventSourceArn=arn("Queue"),
        BatchSize=4,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
    ),
    "Url": of("Lambda::Url", TargetFunctionArn={"Ref": "Function"}, AuthType="NONE"),
    "Parameter": of("SSM::Parameter", Type="String", Value="v"),
    "Secret": of("SecretsManager::Secret", Description="d", SecretString="s"),
    "Bucket": of("S3::Bucket", VersioningConfiguration={"Status": "Enabled"}),
    "Logs": of("Logs::LogGroup", RetentionInDays=7),
    "Stream": of("Kinesis::Stream", ShardCount=1, RetentionPeriodHours=48),
    "Rest": of("ApiGateway::RestApi", Name="r", BinaryMediaTypes=["b/b", "a/a"]),
    "Http": of("ApiGatewayV2::Api", Name="h", ProtocolType="HTTP"),
    "Key": of("KMS::Key", Description="k", EnableKeyRotation=True),
    "Machine": of(
        "StepFunctions::StateMachine",
        RoleArn=arn("Role"),
        DefinitionString='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
    ),
    "Schedule": of(
        "Scheduler::Schedule",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn("Queue"), "RoleArn": arn("Role"), "Input": '{"a":1}'},
    ),
    "Repository": of("ECR::Repository", ImageTagMutability="IMMUTABLE"),
    "Alarm": of(
        "CloudWatch::Alarm",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "a", "Value": "b"}],
    ),
}


def detect(stacks: Stacks, name: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the outcome of a detection, and that of each resource."""
    detection = stacks.client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    status = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert status["DetectionStatus"] == "DETECTION_COMPLETE"
    drifts = stacks.client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    return status, {each["LogicalResourceId"]: each for each in drifts}


def test_what_nobody_changed_is_in_sync(stacks: Stacks) -> None:
    stacks.client.create_stack(
        StackName="same", TemplateBody=template(EVERYTHING), Capabilities=["CAPABILITY_IAM"]
    )
    stacks.client.get_waiter("stack_create_complete").wait(StackName="same")
    status, drifts = detect(stacks, "same")
    assert [
        (name, each["PropertyDifferences"])
        for name, each in drifts.items()
        if each["StackResourceDriftStatus"] != "IN_SYNC"
    ] == []
    assert status["StackDriftStatus"] == "IN_SYNC"
    assert {"Queue", "Function", "Table", "Topic", "Role", "Mapping"} <= drifts.keys()


def test_what_somebody_changed_has_drifted(stacks: Stacks) -> None:
    stacks.create("drifts", {"Q": queue(DelaySeconds=5), "Gone": queue(), "Kept": queue()})
    with pytest.raises(ClientError, match="does not exist"):
        stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId="none")
    sqs, physical = stacks.running.client("sqs"), stacks.physical("drifts")
    sqs.set_queue_attributes(QueueUrl=physical["Q"], Attributes={"DelaySeconds": "6"})
    sqs.delete_queue(QueueUrl=physical["Gone"])
    status, drifts = detect(stacks, "drifts")
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    assert {name: each["StackResourceDriftStatus"] for name, each in drifts.items()} == {
        "Q": "MODIFIED",
        "Gone": "DELETED",
        "Kept": "IN_SYNC",
    }
    assert drifts["Q"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/DelaySeconds",
            "ExpectedValue": "5",
            "ActualValue": "6",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    found = stacks.client.describe_stack_resource_drifts(
        StackName="drifts", StackResourceDriftStatusFilters=["DELETED"]
    )
    assert [each["LogicalResourceId"] for each in found["StackResourceDrifts"]] == ["Gone"]
    shown = stacks.settled("drifts")["DriftInformation"]
    assert shown["StackDriftStatus"] == "DRIFTED"
    with pytest.raises(ClientError, match="does not exist for stack"):
        stacks.client.detect_stack_resource_drift(StackName="drifts", LogicalResourceId="none")
