"""What the sweep changes of resource types: SQS and SNS."""

from __future__ import annotations

from typing import Any

from tests.api.kind_cases.case import (
    ARN_OF_Q,
    TAGS,
    Also,
    Ask,
    Case,
    Clients,
    Q,
    policy,
    queue,
)
from tests.api.stacks import ROLE


def _read_queue(clients: Clients, url: str) -> Any:
    sqs = clients("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return attributes, sqs.list_queue_tags(QueueUrl=url).get("Tags")


def _read_topic(clients: Clients, arn: str) -> Any:
    sns = clients("sns")
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    usual = {("SignatureVersion", "1"), ("TracingConfig", "PassThrough")}
    return (
        {k: v for k, v in attributes.items() if (k, v) not in usual},
        sns.list_tags_for_resource(ResourceArn=arn)["Tags"],
    )


def _read_subscription(clients: Clients, arn: str) -> Any:
    return clients("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


_TOPICS = {name: {"Type": "AWS::SNS::Topic"} for name in "TU"}
_QUEUES = {"Q": queue(), "P": queue()}


def _topic_policy(topic: str, action: str) -> dict[str, Any]:
    return policy(action, on={"Ref": topic})


def _queue_policy(action: str) -> dict[str, Any]:
    return policy(action)


def _policy_of(logical: str) -> Ask:
    request = {"QueueUrl": f"{{{logical}}}", "AttributeNames": ["Policy"]}
    return Ask("sqs", "get_queue_attributes", request, ("Attributes",))


CASES: dict[str, Case] = {
    "AWS::SNS::TopicInlinePolicy": Case(
        {"TopicArn": {"Ref": "T"}, "PolicyDocument": _topic_policy("T", "sns:Publish")},
        {"PolicyDocument": _topic_policy("T", "sns:Subscribe")},
        (Ask("sns", "get_topic_attributes", {"TopicArn": "{T}"}, ("Attributes", "Policy")),),
        _TOPICS,
        replaces={
            "TopicArn": Also(
                TopicArn={"Ref": "U"}, PolicyDocument=_topic_policy("U", "sns:Publish")
            )
        },
    ),
    "AWS::SNS::TopicPolicy": Case(
        {"Topics": [{"Ref": "T"}], "PolicyDocument": _topic_policy("T", "sns:Publish")},
        {
            "PolicyDocument": _topic_policy("T", "sns:Subscribe"),
            "Topics": Also(Topics=[{"Ref": "U"}], PolicyDocument=_topic_policy("U", "sns:Publish")),
        },
        tuple(
            Ask(
                "sns", "get_topic_attributes", {"TopicArn": f"{{{name}}}"}, ("Attributes", "Policy")
            )
            for name in "TU"
        ),
        _TOPICS,
    ),
    "AWS::SQS::QueueInlinePolicy": Case(
        {"Queue": {"Ref": "Q"}, "PolicyDocument": _queue_policy("sqs:SendMessage")},
        {"PolicyDocument": _queue_policy("sqs:ReceiveMessage")},
        (_policy_of("Q"),),
        _QUEUES,
        replaces={"Queue": {"Ref": "P"}},
    ),
    "AWS::SQS::QueuePolicy": Case(
        {"Queues": [{"Ref": "Q"}], "PolicyDocument": _queue_policy("sqs:SendMessage")},
        {"PolicyDocument": _queue_policy("sqs:ReceiveMessage"), "Queues": [{"Ref": "P"}]},
        (_policy_of("Q"), _policy_of("P")),
        _QUEUES,
    ),
    "AWS::SQS::Queue": Case(
        {},
        {
            "DelaySeconds": 3,
            "MessageRetentionPeriod": 600,
            "KmsMasterKeyId": "alias/aws/sqs",
            "ReceiveMessageWaitTimeSeconds": 4,
            "RedrivePolicy": {"deadLetterTargetArn": ARN_OF_Q, "maxReceiveCount": 3},
            "RedriveAllowPolicy": {"redrivePermission": "denyAll"},
            "SqsManagedSseEnabled": False,
            "Tags": TAGS,
            "VisibilityTimeout": 77,
        },
        _read_queue,
        Q,
    ),
    "AWS::SNS::Topic": Case(
        {},
        {
            "DeliveryStatusLogging": [
                {
                    "Protocol": "sqs",
                    "SuccessFeedbackRoleArn": ROLE,
                    "SuccessFeedbackSampleRate": "9",
                }
            ],
            "DisplayName": "d",
            "KmsMasterKeyId": "alias/aws/sns",
            "SignatureVersion": "2",
            "Subscription": [{"Protocol": "sqs", "Endpoint": ARN_OF_Q}],
            "Tags": TAGS,
            "TracingConfig": "Active",
        },
        _read_topic,
        Q,
    ),
    "AWS::SNS::Subscription": Case(
        {"TopicArn": {"Ref": "T"}, "Protocol": "sqs", "Endpoint": ARN_OF_Q},
        {
            "FilterPolicy": {"a": ["b"]},
            "RawMessageDelivery": True,
            "RedrivePolicy": {"deadLetterTargetArn": ARN_OF_Q},
        },
        _read_subscription,
        {**Q, "T": {"Type": "AWS::SNS::Topic"}},
    ),
}
