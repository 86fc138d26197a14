"""Calls of services by the names of ``aws-sdk`` integrations."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services import sdk_calls
from emulator.services.sdk_calls import SdkCallError, exception_name, java_name

from .conftest import Running


def test_services_are_named_as_in_the_sdk_for_java() -> None:
    names = {each: java_name(each) for each in ("DynamoDB", "SQS", "SFN", "CloudWatch Logs", "S3")}
    assert names == {
        "DynamoDB": "DynamoDb",
        "SQS": "Sqs",
        "SFN": "Sfn",
        "CloudWatch Logs": "CloudWatchLogs",
        "S3": "S3",
    }
    assert exception_name("NoSuchKey") == "NoSuchKeyException"
    assert exception_name("ResourceNotFoundException") == "ResourceNotFoundException"
    assert exception_name("AWS.SimpleQueueService.NonExistentQueue") == "NonExistentQueueException"


def _do(running: Running, service: str, action: str, arguments: dict[str, Any]) -> Any:
    parts = running.emulator.parts

    async def work() -> Any:
        call = sdk_calls.find(parts, service, action)
        return await sdk_calls.call(
            parts, call, arguments, account="000000000000", region="us-east-1"
        )

    return running.call(work)


def test_objects_are_written_and_read(scripted: Running) -> None:
    _do(scripted, "s3", "createBucket", {"Bucket": "sdk-calls"})
    _do(scripted, "s3", "putObject", {"Bucket": "sdk-calls", "Key": "a", "Body": {"Dict": "Value"}})
    found = _do(scripted, "s3", "getObject", {"Bucket": "sdk-calls", "Key": "a"})
    assert found["Body"] == '{"Dict":"Value"}'
    assert found["ContentLength"] == 16
    assert isinstance(found["LastModified"], str)
    with pytest.raises(SdkCallError) as caught:
        _do(scripted, "s3", "getObject", {"Bucket": "sdk-calls", "Key": "b"})
    assert caught.value.name == "S3.NoSuchKeyException"
    assert "(Service: S3, Status Code: 404, Request ID: " in caught.value.cause


def test_members_are_in_pascal_case(scripted: Running) -> None:
    found = _do(scripted, "sqs", "createQueue", {"QueueName": "sdk-calls"})
    sent = _do(
        scripted, "sqs", "sendMessage", {"QueueUrl": found["QueueUrl"], "MessageBody": {"a": 1}}
    )
    assert sent["MessageId"]
    got = _do(scripted, "sqs", "receiveMessage", {"QueueUrl": found["QueueUrl"]})
    assert got["Messages"][0]["Body"] == '{"a":1}'
    groups = _do(scripted, "cloudwatchlogs", "describeLogGroups", {})
    assert "LogGroups" in groups


def test_what_is_not_served_is_said(scripted: Running) -> None:
    with pytest.raises(LookupError, match="does not serve braket"):
        _do(scripted, "braket", "getJob", {})
    with pytest.raises(LookupError, match="sqs has no operation getQueue"):
        _do(scripted, "sqs", "getQueue", {})
