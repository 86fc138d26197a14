"""What SNS refuses, whichever operation it is said to."""

from __future__ import annotations

import json
from typing import Any

import pytest

# The fixture is that of the other tests of SNS.
from tests.api.test_sns import refused, sns

__all__ = ["sns"]

TEXT = {"DataType": "String", "StringValue": "x"}
CAN_BE = (
    " was found in the message attribute name. Can only include alphanumeric characters, hyphens, "
    "underscores, or dots."
)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a b", f"Invalid non-alphanumeric character '#x20'{CAN_BE}"),
        ("a[", f"Invalid non-alphanumeric character '#x5B'{CAN_BE}"),
        ("é", f"Invalid non-alphanumeric character '#xE9'{CAN_BE}"),
        (".a", "Invalid message attribute name starting with character '.' was found."),
        ("a.", "Invalid message attribute name ending with character '.' was found."),
        ("a..b", "Message attribute name can not have successive '.' characters."),
        ("a" * 257, "Length of message attribute name must be less than 256 bytes."),
    ],
)
def test_names_of_message_attributes(sns: Any, name: str, said: str) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    refused(sns.publish, "ParameterValueInvalid", said, TopicArn=topic, Message="x",
            MessageAttributes={name: TEXT})  # fmt: skip
    entry = {"Id": "1", "Message": "x", "MessageAttributes": {name: TEXT}}
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[entry])
    assert [(each["Code"], each["Message"]) for each in answer["Failed"]] == [
        ("ParameterValueInvalid", said)
    ]


def test_a_value_of_a_message_attribute_stands_in_the_field_of_its_type(sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    for kind, field, value in (("String", "String", {"BinaryValue": b"x"}),
                               ("Binary.png", "Binary", {"StringValue": "x"})):  # fmt: skip
        said = f"The message attribute 'a' with type '{kind}' must use field '{field}'."
        refused(sns.publish, "ParameterValueInvalid", said, TopicArn=topic, Message="x",
                MessageAttributes={"a": {"DataType": kind, **value}})  # fmt: skip


@pytest.mark.parametrize("wrong", ["a b", "a" * 129, "é"])
def test_what_queues_would_refuse_of_an_ordered_message(sns: Any, wrong: str) -> None:
    fifo = {"FifoTopic": "true"}
    ordered = sns.create_topic(Name="news.fifo", Attributes=fifo)["TopicArn"]
    plain = sns.create_topic(Name="news")["TopicArn"]
    said = " can only include alphanumeric and punctuation characters. 1 to 128 in length."
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for name in ids:
        text = f"Invalid parameter: {name} Reason: {name}{said}"
        refused(sns.publish, "InvalidParameter", text, TopicArn=ordered, Message="x",
                **ids | {name: wrong})  # fmt: skip
    refused(sns.publish, "InvalidParameter", said, TopicArn=plain, Message="x",
            MessageGroupId=wrong)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "cannot be empty"),
        ("a" * 257, "must be at most 256 characters long"),
        (
            "a b",
            "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
        ),
    ],
)
def test_names_of_platform_applications(sns: Any, name: str, reason: str) -> None:
    refused(sns.create_platform_application, "InvalidParameter",
            f"Invalid parameter: Name Reason: {reason}", Name=name, Platform="GCM",
            Attributes={"PlatformCredential": "x"})  # fmt: skip


def test_attributes_of_platforms(sns: Any) -> None:
    refused(sns.create_platform_application, "InvalidParameter",
            "PlatformPrincipal attribute provided without PlatformCredential", Name="a",
            Platform="APNS", Attributes={"PlatformPrincipal": "x"})  # fmt: skip
    made = sns.create_platform_application(
        Name="a", Platform="GCM", Attributes={"PlatformCredential": "x"}
    )["PlatformApplicationArn"]
    refused(sns.set_platform_application_attributes, "InvalidParameter",
            "SuccessFeedbackSampleRate", PlatformApplicationArn=made,
            Attributes={"SuccessFeedbackSampleRate": "101"})  # fmt: skip
    endpoint = sns.create_platform_endpoint(
        PlatformApplicationArn=made, Token="t", Attributes={"Enabled": "False"}
    )["EndpointArn"]
    assert sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"]["Enabled"] == "false"
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "True"})
    assert sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"]["Enabled"] == "true"
    assert sns.publish(TargetArn=endpoint, Message="x")["MessageId"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SQSSuccessFeedbackSampleRate", "101"),
        ("SQSSuccessFeedbackSampleRate", "many"),
        ("FifoThroughputScope", "Region"),
        ("ContentBasedDeduplication", "maybe"),
    ],
)
def test_values_of_a_topics_attributes(sns: Any, name: str, value: str) -> None:
    fifo = {"FifoTopic": "true"}
    topic = sns.create_topic(Name="news.fifo", Attributes=fifo)["TopicArn"]
    refused(sns.set_topic_attributes, "InvalidParameter", f"Invalid parameter: {name}",
            TopicArn=topic, AttributeName=name, AttributeValue=value)  # fmt: skip
    refused(sns.create_topic, "InvalidParameter", name, Name="more.fifo",
            Attributes=fifo | {name: value})  # fmt: skip


def test_what_a_topic_has_anyway_makes_no_other_topic_of_it(sns: Any) -> None:
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    again = {"FifoTopic": "True", "ContentBasedDeduplication": "false", "DisplayName": ""}
    assert sns.create_topic(Name="news.fifo", Attributes=again)["TopicArn"] == topic
    refused(sns.create_topic, "InvalidParameter", "different attributes", Name="news.fifo",
            Attributes=again | {"ContentBasedDeduplication": "true"})  # fmt: skip


def test_a_data_protection_policy_is_a_document(sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    said = "Invalid parameter: DataProtectionPolicy"
    refused(sns.put_data_protection_policy, "InvalidParameter", said, ResourceArn=topic,
            DataProtectionPolicy="[1]")  # fmt: skip
    refused(sns.create_topic, "InvalidParameter", said, Name="more", DataProtectionPolicy="no")


def test_settings_of_text_messages(sns: Any) -> None:
    for name, value, said in (
        ("DefaultSenderID", "123", "Invalid parameter: "),
        ("DeliveryStatusSuccessSamplingRate", "101", "DeliveryStatusSuccessSamplingRate is inv"),
    ):
        refused(sns.set_sms_attributes, "InvalidParameter", said, attributes={name: value})


@pytest.mark.parametrize(
    ("retries", "said"),
    [
        ({"minDelayTarget": 0}, ".minDelayTarget must be greater than or equal to 1"),
        ({"maxDelayTarget": 3601}, ".maxDelayTarget must be less than or equal to 3600"),
        ({"numRetries": 101}, ".numRetries must be less than or equal to 100"),
        ({"numRetries": "3"}, ".numRetries must be an integer"),
        ({"numNoDelayRetries": -1}, ".numNoDelayRetries must be greater than or equal to 0"),
        ({"backoffFunction": "none"}, ".backoffFunction must be one of"),
        ({"minDelayTarget": 9, "maxDelayTarget": 8}, ".minDelayTarget must be less than or equal"),
        ([1], " must be a JSON object"),
    ],
)
def test_retries_of_endpoints(sns: Any, retries: Any, said: str) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    own = json.dumps({"http": {"defaultHealthyRetryPolicy": retries}})
    begin = f"DeliveryPolicy: http.defaultHealthyRetryPolicy{said}"
    refused(sns.set_topic_attributes, "InvalidParameter", f"Invalid parameter: {begin}",
            TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=own)  # fmt: skip
    refused(sns.create_topic, "InvalidParameter", begin, Name="more",
            Attributes={"DeliveryPolicy": own})  # fmt: skip
    theirs = json.dumps({"healthyRetryPolicy": retries})
    to = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:q"}
    said = f"DeliveryPolicy: healthyRetryPolicy{said}"
    refused(sns.subscribe, "InvalidParameter", f"Invalid parameter: Attributes Reason: {said}",
            **to, Attributes={"DeliveryPolicy": theirs})  # fmt: skip
    change = {"SubscriptionArn": sns.subscribe(**to)["SubscriptionArn"],
              "AttributeName": "DeliveryPolicy", "AttributeValue": theirs}  # fmt: skip
    said = f"Invalid parameter: {said}"
    refused(sns.set_subscription_attributes, "InvalidParameter", said, **change)


@pytest.mark.parametrize("policy", ["[1]", '{"http": 1}', '{"http": {"defaultRequestPolicy": 1}}'])
def test_a_delivery_policy_consists_of_objects(sns: Any, policy: str) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    refused(sns.set_topic_attributes, "InvalidParameter", "must be a JSON object", TopicArn=topic,
            AttributeName="DeliveryPolicy", AttributeValue=policy)  # fmt: skip
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["EffectiveDeliveryPolicy"]


@pytest.mark.parametrize("statement", ["1", '"x"', "[1]", '[{"Sid": "a"}, "b"]'])
def test_a_policy_consists_of_statements(sns: Any, statement: str) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    change = {"TopicArn": topic, "AttributeName": "Policy"}
    policy = f'{{"Statement": {statement}}}'
    refused(sns.set_topic_attributes, "InvalidParameter", "Policy: a statement must be an object",
            **change, AttributeValue=policy)  # fmt: skip


def test_a_policy_of_one_statement_takes_more(sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    one = {"Sid": "one", "Effect": "Allow", "Principal": "*", "Action": "sns:Publish",
           "Resource": topic}  # fmt: skip
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Statement": one})
    )
    sns.add_permission(
        TopicArn=topic, Label="two", AWSAccountId=["111111111111"], ActionName=["Publish"]
    )
    sns.remove_permission(TopicArn=topic, Label="one")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["two"]


def test_a_dead_letter_queue_is_named_by_a_text(sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    refused(sns.subscribe, "InvalidParameter", "deadLetterTargetArn is an invalid arn",
            TopicArn=topic, Protocol="sqs", Endpoint=queue,
            Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": [queue]})})  # fmt: skip
