"""The recorded scenarios of SQS's queues and messages."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.replay import ACCOUNT
from tests.conformance.replay_sqs import Scenarios, SqsScenario

SCENARIOS = Scenarios()


@SCENARIOS.of("test_aws_trace_header_propagation[sqs]")
def trace_header(s: SqsScenario) -> None:
    url = s.queue()
    header = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    s.send(
        url,
        "test",
        MessageAttributes={"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}},
    )
    (message,) = s.receive(
        url,
        AttributeNames=["SentTimestamp", "AWSTraceHeader"],
        MessageAttributeNames=["All"],
    )["Messages"]
    message["MessageAttributes"]["timestamp"] = "timestamp"
    s.note("xray-msg", message)


@SCENARIOS.of("test_change_message_visibility_batch_with_too_large_batch[sqs]")
def large_visibility_batch(s: SqsScenario) -> None:
    entries = [{"Id": str(n), "ReceiptHandle": "x", "VisibilityTimeout": 1} for n in range(20)]
    s.error(
        "change_message_visibility_batch", "error_response", QueueUrl=s.queue(), Entries=entries
    )


@SCENARIOS.of("test_too_many_entries_in_batch_request[sqs]")
def large_batch(s: SqsScenario) -> None:
    entries = [{"Id": str(n), "MessageBody": "x"} for n in range(20)]
    step = "test_too_many_entries_in_batch_request"
    s.error("send_message_batch", step, QueueUrl=s.queue(), Entries=entries)


@SCENARIOS.of("test_create_and_update_queue_attributes[sqs]")
def update_attributes(s: SqsScenario) -> None:
    url = s.queue(
        MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20"
    )
    s.all(url, "get_queue_attributes")
    changes = {"MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"}
    s.call("set_queue_attributes", QueueUrl=url, Attributes=changes)
    s.all(url, "get_updated_queue_attributes")


@SCENARIOS.of("test_create_queue_with_different_attributes_raises_exception[sqs]")
def different_attributes(s: SqsScenario) -> None:
    for name, step in (("one", "create_queue_01"), ("two", "create_queue_02")):
        s.call("create_queue", QueueName=name, Attributes={"DelaySeconds": "1"})
        s.error("create_queue", step, QueueName=name, Attributes={"DelaySeconds": "2"})


@SCENARIOS.both("test_delete_after_visibility_timeout")
def delete_late(s: SqsScenario) -> None:
    url = s.queue(VisibilityTimeout="600")
    s.send(url, "foobar")
    handle = s.receive(url)["Messages"][0]["ReceiptHandle"]
    s.jump(600)
    s.call("delete_message", QueueUrl=url, ReceiptHandle=handle)
    s.receive(url, "delete_after_timeout_queue_empty")


@SCENARIOS.of(
    "test_delete_message_batch_invalid_msg_id[sqs_query-" + "testLongId" * 10 + "]",
)
def invalid_batch_id(s: SqsScenario) -> None:
    s.error(
        "delete_message_batch",
        "error_response",
        QueueUrl=s.queue(),
        Entries=[{"Id": "testLongId" * 10, "ReceiptHandle": "x"}],
    )


@SCENARIOS.of("test_fair_queue_with_message_group_id[sqs_query]")
def fair_queue(s: SqsScenario) -> None:
    url = s.queue()
    s.send(url, "message", "send_message", MessageGroupId="test")
    s.receive(url, "get-message-with-deduplication-id", AttributeNames=["All"])


@SCENARIOS.both("test_fifo_change_to_high_throughput_after_creation")
def high_throughput(s: SqsScenario) -> None:
    url = s.fifo()

    def send(body: str, group: str, dedup: Any) -> None:
        s.send(url, body, MessageGroupId=group, MessageDeduplicationId=dedup)

    def take(step: str) -> None:
        for message in s.receive(url, step).get("Messages", []):
            s.call("delete_message", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    send("Test1", "1", "1")
    take("same-dedup-different-grp-1")
    send("Test2", "2", "1")
    take("same-dedup-different-grp-2")
    s.call(
        "set_queue_attributes",
        QueueUrl=url,
        Attributes={
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        },
    )
    s.all(url, "set-to-high-throughput")
    send("Test3", "1", "1")
    take("same-dedup-different-grp-high-throughput")
    send("Test3", "2", "1")
    take("same-dedup-different-grp-high-throughput-2")
    send("Test4", "1", "2")
    take("new-dedup2-high-throughput")
    send("Test5", "1", "2")
    take("same-dedup2-high-throughput")


@SCENARIOS.of("test_fifo_deduplication_arrives_once_after_delete[sqs_query-True]")
def deduplication_after_delete(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true")
    body = json.dumps({"foo": "bar"})
    s.send(url, body, MessageGroupId="1")
    got = s.receive(url, "get-messages")
    handle = got["Messages"][0]["ReceiptHandle"]
    s.call("delete_message", QueueUrl=url, ReceiptHandle=handle)
    s.send(url, body, MessageGroupId="1")
    s.receive(url, "get-messages-duplicate")


@SCENARIOS.of("test_fifo_delete_after_visibility_timeout_extended[sqs]")
def delete_extended(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true", VisibilityTimeout="600")
    s.send(url, "foobar", MessageGroupId="1")
    got = s.receive(url, "received_sqs_message")
    request = {"QueueUrl": url, "ReceiptHandle": got["Messages"][0]["ReceiptHandle"]}
    s.call("change_message_visibility", **request, VisibilityTimeout=6000)
    s.jump(600)
    s.call("delete_message", **request)
    s.receive(url, "delete_after_timeout_fifo_extended")


@SCENARIOS.of("test_fifo_empty_message_groups_added_back_to_queue[sqs]")
def groups_come_back(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true")
    s.send(url, "Message 1", MessageGroupId="g")
    got = s.receive(url, "inital-fifo-receive")
    handle = got["Messages"][0]["ReceiptHandle"]
    s.call("delete_message", QueueUrl=url, ReceiptHandle=handle)
    s.receive(url, "empty-fifo-receive")
    s.send(url, "Message 2", MessageGroupId="g")
    s.receive(url, "final-fifo-receive")


@SCENARIOS.of("test_fifo_group_visibility_extends_with_change_message_visibility[sqs-1-invisible]")
def group_visibility(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true", VisibilityTimeout="600")
    for body in ("foo", "bar", "baz"):
        s.send(url, body, MessageGroupId="g")
    got = s.receive(url, "receive_all_messages", MaxNumberOfMessages=10)
    handle = got["Messages"][1]["ReceiptHandle"]
    s.call("change_message_visibility", QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=6000)
    s.jump(600)
    s.receive(url, "some-messages-invisible", MaxNumberOfMessages=10)


@SCENARIOS.of("test_fifo_message_attributes[sqs]")
def fifo_attributes(s: SqsScenario) -> None:
    url = s.fifo(VisibilityTimeout="0")
    ids = {"MessageGroupId": "group-1", "MessageDeduplicationId": "dedup-1"}
    s.send(url, "message-body-1", "send_message", **ids)
    s.receive(url, "receive_message_0", AttributeNames=["All"])
    s.receive(url, "receive_message_1", AttributeNames=["All"])


@SCENARIOS.both("test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay")
def zero_delay(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true", DelaySeconds="600")
    s.send(url, "message-1", "send_message_result", MessageGroupId="1", DelaySeconds=0)
    s.receive(url, "receive_message_initial_result")
    s.jump(600)
    s.receive(url, "receive_message_after_delay_result")


@SCENARIOS.of("test_fifo_set_content_based_deduplication_strategy[sqs_query]")
def content_deduplication(s: SqsScenario) -> None:
    url = s.fifo(ContentBasedDeduplication="true")
    s.all(url, "before-update")
    changes = {"ContentBasedDeduplication": "false"}
    s.call("set_queue_attributes", QueueUrl=url, Attributes=changes)
    s.all(url, "after-update")


@SCENARIOS.of("test_message_deduplication_id_invalid[too_long]")
def long_deduplication_id(s: SqsScenario) -> None:
    s.error(
        "send_message",
        "error-response",
        QueueUrl=s.fifo(),
        MessageBody="x",
        MessageGroupId="g",
        MessageDeduplicationId="a" * 129,
    )


@SCENARIOS.of("test_message_system_attribute_names_with_attribute_names[sqs_query]")
def system_attribute_names(s: SqsScenario) -> None:
    url = s.queue(VisibilityTimeout="0")
    s.send(url, "msg")
    names = ["All"]
    s.receive(url, "same_values", AttributeNames=names, MessageSystemAttributeNames=names)
    s.receive(
        url,
        "different_values",
        AttributeNames=["All"],
        MessageSystemAttributeNames=["SenderId"],
    )


@SCENARIOS.of("test_receive_message_message_attribute_names_filters[sqs]")
def attribute_filters(s: SqsScenario) -> None:
    url = s.queue(VisibilityTimeout="0")
    values = {"Hello": "There", "General": "Kenobi", "Help.Me": "Me"}
    s.send(
        url,
        "msg",
        "send_message_response",
        MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in values.items()},
    )
    whole = {
        "empty_filter": [],
        "all_name": ["All"],
        "illegal_name_1": ["AWS."],
        "illegal_name_2": ["..foo"],
    }
    first = {
        "all_wildcard_asterisk": [".*"],
        "all_wildcard": [".*"],
        "only_non_existing_names": ["Foo", "Bar"],
        "only_existing": ["Hello", "General"],
        "existing_and_non_existing": ["Foo", "Hello"],
        "prefix_filter": ["Hel.*"],
    }
    order = [
        "empty_filter",
        "all_name",
        "all_wildcard_asterisk",
        "all_wildcard",
        "only_non_existing_names",
        "only_existing",
        "existing_and_non_existing",
        "prefix_filter",
        "illegal_name_1",
        "illegal_name_2",
    ]
    for step in order:
        got = s.receive(url, MessageAttributeNames={**whole, **first}[step])
        s.note(step, got if step in whole else got["Messages"][0])


@SCENARIOS.of("test_send_batch_missing_message_group_id_for_fifo_queue[sqs_query]")
def missing_group(s: SqsScenario) -> None:
    s.error(
        "send_message_batch",
        "test_missing_message_group_id_for_fifo_queue",
        QueueUrl=s.fifo(),
        Entries=[{"Id": "1", "MessageBody": "x", "MessageDeduplicationId": "d"}],
    )


@SCENARIOS.of("test_send_empty_message[sqs_query]")
def empty_message(s: SqsScenario) -> None:
    s.error("send_message", "send_empty_message", QueueUrl=s.queue(), MessageBody="")


@SCENARIOS.of(
    "test_send_message_to_standard_queue_with_invalid_message_group_id[empty]",
    "test_send_message_to_standard_queue_with_invalid_message_group_id[too_long]",
)
def invalid_group(s: SqsScenario) -> None:
    group = "" if "empty" in s.name else "a" * 129
    url = s.queue()
    request = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": group}
    s.error("send_message", "error-response", **request)


@SCENARIOS.of("test_send_message_with_binary_attributes[sqs_query]")
def binary_attributes(s: SqsScenario) -> None:
    url = s.queue()
    value = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    s.send(url, "test", MessageAttributes={"attr1": {"DataType": "Binary", "BinaryValue": value}})
    s.receive(url, "binary-attrs-msg", MessageAttributeNames=["All"])


@SCENARIOS.of("test_send_message_with_updated_maximum_message_size[sqs_query]")
def small_messages(s: SqsScenario) -> None:
    url = s.queue()
    changes = {"MaximumMessageSize": "1024"}
    s.call("set_queue_attributes", QueueUrl=url, Attributes=changes)
    s.error("send_message", "send_oversized_message", QueueUrl=url, MessageBody="a" * 1025)


@SCENARIOS.both("test_send_oversized_message")
def large_message(s: SqsScenario) -> None:
    body = "a" * (1_048_576 + 1)
    s.error("send_message", "send_oversized_message", QueueUrl=s.queue(), MessageBody=body)


@SCENARIOS.of("test_send_receive_wait_time_seconds[sqs]")
def wait_times(s: SqsScenario) -> None:
    url = s.queue()
    for wait, step in (
        (-1, "recieve_message_error_too_small"),
        (21, "recieve_message_error_too_large"),
    ):
        s.error("receive_message", step, QueueUrl=url, WaitTimeSeconds=wait)
    s.send(url, "message")
    s.receive(url, "empty_short_poll_by_default_resp")
    s.send(url, "message")
    s.receive(url, "empty_short_poll_explicit_resp", WaitTimeSeconds=0)


@SCENARIOS.both("test_set_queue_attributes_default_values")
def default_values(s: SqsScenario) -> None:
    url = s.queue()
    s.all(url, "get-queue-attributes-initial-values")
    changes = {"KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000"}
    s.call("set_queue_attributes", QueueUrl=url, Attributes=changes)
    s.all(url, "get-queue-attributes-after-update")
    changes = dict.fromkeys(changes, "")
    s.call("set_queue_attributes", QueueUrl=url, Attributes=changes)
    s.all(url, "get-queue-attributes-after-set-to-defaults")


@SCENARIOS.of("test_sqs_fifo_message_group_scope_no_throughput_setting[sqs]")
def group_scope(s: SqsScenario) -> None:
    url = s.fifo(DeduplicationScope="messageGroup")
    for group in ("1", "2"):
        s.send(url, "Test", MessageGroupId=group, MessageDeduplicationId="1")
        got = s.receive(url, f"same-dedup-different-grp-{group}")
        handle = got["Messages"][0]["ReceiptHandle"]
        s.call("delete_message", QueueUrl=url, ReceiptHandle=handle)


@SCENARIOS.of("test_sqs_permission_lifecycle[sqs]")
def permissions(s: SqsScenario) -> None:
    url = s.queue()
    first, second = "crossaccountpermission", "crossaccountpermission2"
    other = "668614515564"

    def add(label: str, *accounts: str) -> dict[str, Any]:
        return {
            "QueueUrl": url,
            "Label": label,
            "AWSAccountIds": list(accounts),
            "Actions": ["ReceiveMessage"],
        }

    def policy(step: str) -> None:
        s.call("get_queue_attributes", step, QueueUrl=url, AttributeNames=["Policy"])

    def remove(label: str, step: str | None = None) -> None:
        s.call("remove_permission", step, QueueUrl=url, Label=label)

    own = ACCOUNT
    s.call("add_permission", "add-permission-response", **add(first, other, own))
    policy("get-queue-policy-attribute")
    remove(first, "remove-permission-response")
    policy("get-queue-policy-attribute-after-removal")
    s.call("add_permission", **add(first, own))
    policy("get-queue-policy-attribute-first-account-same-label")
    s.error(
        "add_permission", "get-queue-policy-attribute-second-account-same-label", **add(first, own)
    )
    s.call("add_permission", **add(second, own))
    policy("get-queue-policy-attribute-second-account-different-label")
    remove(first)
    policy("get-queue-policy-attribute-delete-first-permission")
    remove(second)
    policy("get-queue-policy-attribute-delete-second-permission")
    step = "get-queue-policy-attribute-delete-non-existent-label"
    s.error("remove_permission", step, QueueUrl=url, Label=second)
