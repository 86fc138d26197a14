"""Asynchronous invokes through boto3: acknowledged, run, retried, told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from emulator.model.sandbox import Exit
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.messages import taken


async def failing(runtime: RuntimeClient) -> Exit | None:
    error = json.dumps({"errorMessage": "boom", "errorType": "Exception"}).encode()
    while True:
        request_id, _ = await runtime.next()
        await runtime.call("POST", f"invocation/{request_id}/error", error)


@pytest.fixture
def quick() -> Iterator[Running]:
    """An emulator whose retries come a thousand times sooner."""
    running = Running(Settings(port=0, async_retry_scale=0.001), driver=ScriptedDriver())
    yield running
    running.stop()


def _queue(sqs: Any, name: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, told["Attributes"]["QueueArn"]


def _receive(sqs: Any, url: str) -> dict[str, Any]:
    return taken(sqs, url, MessageAttributeNames=["All"])


def test_an_event_is_acknowledged_and_its_success_told(quick: Running) -> None:
    client, sqs = quick.client("lambda"), quick.client("sqs")
    url, arn = _queue(sqs, "told")
    create(client)
    client.put_function_event_invoke_config(
        FunctionName="hello", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    answer = client.invoke(FunctionName="hello", InvocationType="Event", Payload=b'{"n": 1}')
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    told = json.loads(_receive(sqs, url)["Body"])
    assert told["requestContext"]["condition"] == "Success"
    assert told["requestContext"]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert told["responsePayload"] == {"n": 1}


def test_a_bucket_keeps_the_records_of_failures(quick: Running) -> None:
    quick.scripted_driver.script = failing
    client, s3, sqs = quick.client("lambda"), quick.client("s3"), quick.client("sqs")
    url, arn = _queue(sqs, "uploads")
    s3.create_bucket(Bucket="failures")
    s3.put_bucket_notification_configuration(
        Bucket="failures",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    assert json.loads(_receive(sqs, url)["Body"])["Event"] == "s3:TestEvent"
    create(client)
    failures = {"Destination": "arn:aws:s3:::failures"}
    with pytest.raises(ClientError, match="is invalid"):
        client.put_function_event_invoke_config(
            FunctionName="hello", DestinationConfig={"OnSuccess": failures}
        )
    client.put_function_event_invoke_config(
        FunctionName="hello",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": failures},
    )
    answer = client.invoke(FunctionName="hello", InvocationType="Event", Payload=b'{"n": 1}')
    told = json.loads(_receive(sqs, url)["Body"])
    key = unquote_plus(told["Records"][0]["s3"]["object"]["key"])
    assert re.fullmatch(
        r"aws/lambda/async/hello/(\d{4})/(\d\d)/(\d\d)/\1-\2-\3T\d\d\.\d\d\.\d\d-[0-9a-f-]{36}", key
    )
    kept = s3.get_object(Bucket="failures", Key=key)["Body"].read()
    record = json.loads(kept)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"]["errorMessage"] == "boom"


def test_an_event_that_fails_three_times_is_dead_lettered_as_it_came(quick: Running) -> None:
    quick.scripted_driver.script = failing
    client, sqs = quick.client("lambda"), quick.client("sqs")
    url, arn = _queue(sqs, "dead")
    create(client, DeadLetterConfig={"TargetArn": arn})
    answer = client.invoke(FunctionName="hello", InvocationType="Event", Payload=b'{"n": 1}')
    message = _receive(sqs, url)
    assert json.loads(message["Body"]) == {"n": 1}
    attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": answer["ResponseMetadata"]["RequestId"],
        "ErrorCode": "200",
        "ErrorMessage": "boom",
    }
    assert message["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"
