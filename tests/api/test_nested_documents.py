"""Documents that callers give as text, nested more deeply than anybody reads, are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running

TOPIC = "arn:aws:sns:us-east-1:000000000000:deep.fifo"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:deep"
#: One that Python does not read, and one that it reads and does not write.
DEEP = ["[" * 100_000, '{"Statement":' + '[{"a":' * 600 + "1" + "}]" * 600 + "}"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(Settings(port=0, transition_seconds=0), driver=ScriptedDriver())
    sns = running.client("sns")
    sns.create_topic(Name="deep.fifo", Attributes={"FifoTopic": "true"})
    running.client("sqs").create_queue(QueueName="deep")
    yield running
    running.stop()


def attribute(name: str) -> tuple[str, str, dict[str, Any], str]:
    return "sns", "set_topic_attributes", {"TopicArn": TOPIC, "AttributeName": name}, (
        "AttributeValue"
    )  # fmt: skip


@pytest.mark.parametrize("deep", DEEP, ids=["unread", "unwritten"])
@pytest.mark.parametrize(
    ("service", "operation", "request_", "member"),
    [
        attribute("Policy"),
        attribute("DeliveryPolicy"),
        attribute("ArchivePolicy"),
        ("sns", "put_data_protection_policy", {"ResourceArn": TOPIC}, "DataProtectionPolicy"),
        ("events", "put_permission", {}, "Policy"),
        ("apigateway", "create_rest_api", {"name": "deep"}, "policy"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_deep_documents(
    running: Running, deep: str, service: str, operation: str, request_: dict[str, Any], member: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(running.client(service), operation)(**request_, **{member: deep})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("deep", DEEP, ids=["unread", "unwritten"])
@pytest.mark.parametrize("name", ["RedrivePolicy", "DeliveryPolicy", "ReplayPolicy"])
def test_deep_attributes_of_subscriptions(running: Running, deep: str, name: str) -> None:
    sns = running.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="failed to parse JSON"):
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE, Attributes={name: deep})


@pytest.mark.parametrize("deep", DEEP, ids=["unread", "unwritten"])
def test_deep_models(running: Running, deep: str) -> None:
    one = running.client("apigateway")
    api_id = one.create_rest_api(name="deep")["id"]
    with pytest.raises(one.exceptions.BadRequestException, match="Invalid model"):
        one.create_model(restApiId=api_id, name="m", contentType="application/json", schema=deep)
    two = running.client("apigatewayv2")
    api_id = two.create_api(Name="deep", ProtocolType="WEBSOCKET",
                            RouteSelectionExpression="$request.body.a")["ApiId"]  # fmt: skip
    with pytest.raises(two.exceptions.BadRequestException):
        two.create_model(ApiId=api_id, Name="m", ContentType="application/json", Schema=deep)


def test_deep_messages(running: Running) -> None:
    sns = running.client("sns")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="failed to parse"):
        sns.publish(TopicArn=TOPIC, Message=DEEP[0], MessageStructure="json", MessageGroupId="g",
                    MessageDeduplicationId="d")  # fmt: skip
