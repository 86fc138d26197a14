"""F25: a function that calls itself in a circle through the AWS SDK is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.settings import Settings
from tests.api.conftest import Running, create, zip_of
from tests.patience import until

#: Calls itself through the SDK until it is told not to; returns how often it ran.
_CIRCLE = zip_of(
    app__py="""
import boto3, json
from botocore.config import Config

def handler(event, context):
    patient = Config(read_timeout=170, retries={"total_max_attempts": 1})
    client = boto3.client("lambda", config=patient)
    try:
        answer = client.invoke(FunctionName=context.function_name, Payload=json.dumps(event))
    except client.exceptions.RecursiveInvocationException as error:
        return {"ran": 1, "error": error.response["Error"], "type": error.response["Type"],
                "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    told = json.load(answer["Payload"])
    if "ran" in told:
        told["ran"] += 1
    return told
"""
)
#: Hands its event on to itself, asynchronously, a limited number of times.
_RELAY = zip_of(
    app__py="""
import boto3, json

def handler(event, context):
    print("hop", event["hops"])
    if event["hops"] < event["most"]:
        event["hops"] += 1
        boto3.client("lambda").invoke(
            FunctionName=context.function_name, InvocationType="Event", Payload=json.dumps(event))
    return event["hops"]
"""
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, cpu_limit="none"))
    yield running
    running.stop()


def _create(client: Any, name: str, code: bytes, timeout: int = 60) -> None:
    create(client, name, Code={"ZipFile": code}, Timeout=timeout, MemorySize=1769)
    client.get_waiter("function_active_v2").wait(FunctionName=name)


@pytest.mark.slow
def test_a_circle_is_stopped_after_sixteen_calls(running: Running) -> None:
    client = running.client("lambda")
    _create(client, "circle", _CIRCLE, timeout=170)
    told = json.load(client.invoke(FunctionName="circle", Payload=b"{}")["Payload"])
    assert told["ran"] == 16
    assert told["status"] == 400
    assert told["type"] == "User"
    assert told["error"]["Code"] == "RecursiveInvocationException"
    assert "recursive loop" in told["error"]["Message"]
    # A new chain begins anew.
    assert json.load(client.invoke(FunctionName="circle", Payload=b"{}")["Payload"])["ran"] == 16


@pytest.mark.slow
def test_an_asynchronous_circle_ends_in_the_destination_and_the_dead_letter_queue(
    running: Running,
) -> None:
    client, sqs = running.client("lambda"), running.client("sqs")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("failed", "dead")}
    arns = {name: f"arn:aws:sqs:us-east-1:000000000000:{name}" for name in urls}
    _create(client, "relay", _RELAY)
    client.update_function_configuration(
        FunctionName="relay", DeadLetterConfig={"TargetArn": arns["dead"]}
    )
    client.put_function_event_invoke_config(
        FunctionName="relay", DestinationConfig={"OnFailure": {"Destination": arns["failed"]}}
    )
    event = json.dumps({"hops": 1, "most": 40})
    client.invoke(FunctionName="relay", InvocationType="Event", Payload=event)

    def received(name: str) -> Any:
        answer = sqs.receive_message(
            QueueUrl=urls[name], WaitTimeSeconds=5, MessageAttributeNames=["All"]
        )
        return answer.get("Messages")

    record = json.loads(until(lambda: received("failed"))[0]["Body"])
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    assert record["requestPayload"] == {"hops": 17, "most": 40}
    assert "responsePayload" not in record
    dead = until(lambda: received("dead"))[0]
    assert json.loads(dead["Body"]) == {"hops": 17, "most": 40}


@pytest.mark.slow
def test_a_circle_that_is_allowed_goes_on(running: Running) -> None:
    client = running.client("lambda")
    _create(client, "allowed", _RELAY)
    put = client.put_function_recursion_config(FunctionName="allowed", RecursiveLoop="Allow")
    assert put["RecursiveLoop"] == "Allow"
    event = json.dumps({"hops": 1, "most": 20})
    client.invoke(FunctionName="allowed", InvocationType="Event", Payload=event)
    logs = running.client("logs")

    def hops() -> list[Any]:
        try:
            events = logs.filter_log_events(
                logGroupName="/aws/lambda/allowed", filterPattern='"hop 20"'
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return events

    assert until(hops)


def test_messages_carry_the_trace_header_of_their_sender(running: Running) -> None:
    sqs = running.client("sqs")
    url = sqs.create_queue(QueueName="traced")["QueueUrl"]
    header = "Root=1-65a1b2c3-000000000000000000000001;Lineage=1:00000000:3"
    sqs.meta.events.register(
        "before-send.sqs.SendMessage",
        lambda request, **_: request.headers.update({"X-Amzn-Trace-Id": header}),
    )
    sqs.send_message(QueueUrl=url, MessageBody="traced")
    message = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert message["Messages"][0]["Attributes"]["AWSTraceHeader"] == header


#: Sends a message to its own queue for each it is given.
_LOOP = zip_of(
    app__py="""
import boto3, json

def handler(event, context):
    for record in event["Records"]:
        hops = int(record["body"])
        print("hop", hops)
        queue = record["eventSourceARN"].rpartition(":")[2]
        url = f"http://queue/000000000000/{queue}"
        boto3.client("sqs").send_message(QueueUrl=url, MessageBody=str(hops + 1))
"""
)


@pytest.mark.slow
def test_a_circle_through_a_queue_is_left(running: Running) -> None:
    client, sqs = running.client("lambda"), running.client("sqs")
    _create(client, "loop", _LOOP)
    attributes = {"VisibilityTimeout": "60"}
    url = sqs.create_queue(QueueName="loop", Attributes=attributes)["QueueUrl"]
    client.create_event_source_mapping(
        FunctionName="loop", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:loop"
    )
    sqs.send_message(QueueUrl=url, MessageBody="1")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def hops() -> list[Any]:
        logs = running.client("logs")
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/loop", filterPattern="hop")[
                "events"
            ]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [int(event["message"].split()[1]) for event in events]

    def left() -> int:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in told.values())

    until(lambda: len(hops()) >= 16 and not left())
    assert hops() == list(range(1, 17))
