"""Event source mappings of queues, polled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.conformance.replay import Replay, Scenario, zip_of
from tests.messages import received

#: Sends a message. The SDK would take longer to load than all else here.
_SEND = """
import json, os, urllib.request
def send(url, body):
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        json.dumps({"QueueUrl": url, "MessageBody": json.dumps(body)}).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"},
    )
    urllib.request.urlopen(request).read()
"""
#: Sends each event to the queue its environment names.
_FORWARD = f"""{_SEND}
def handler(event, context):
    send(os.environ["TO"], event)
"""
#: Fails as often as the message says, and tells each time.
_FAILS = f"""{_SEND}
def handler(event, context):
    (record,) = event["Records"]
    order = json.loads(record["body"])
    attempts = int(record["attributes"]["ApproximateReceiveCount"])
    error = "failed attempt" if attempts <= order["fail_attempts"] else None
    send(order["destination"], dict(error=error, event=event))
    if error:
        raise RuntimeError(error)
"""
#: Fails at what it can't read, and at the last message always.
_REPORTS = """
import json
def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            assert json.loads(record["body"])["message"] != 2
        except Exception:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
"""


class _Queues:
    def __init__(self, s: Scenario) -> None:
        self.sqs = s.clients("sqs")

    def receive(self, url: str, **options: Any) -> list[dict[str, Any]]:
        return list(received(self.sqs, url, **options)["Messages"])

    def receive_all(self, url: str, enough: Callable[[list[Any]], bool]) -> list[dict[str, Any]]:
        """Receive until there is enough; deletes what it got."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while not enough(found):
            assert time.monotonic() < deadline, found
            for each in self.receive(url, MaxNumberOfMessages=10):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
                found.append(each)
        return found


def _forwarding(s: Scenario) -> tuple[str, str]:
    """Create a function that forwards its events; returns its name and where they go."""
    to, _ = s.queue()
    created = s.function(
        Code={"ZipFile": zip_of(handler__py=_FORWARD)},
        Environment={"Variables": {"TO": to}},
        MemorySize=1769,
    )
    return created["FunctionName"], to


def _filter(
    s: Scenario, pattern: dict[str, Any], matching: dict[str, Any], other: dict[str, Any]
) -> None:
    name, to = _forwarding(s)
    url, arn = s.queue()
    queues = _Queues(s)
    created = s.client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=name,
        MaximumBatchingWindowInSeconds=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )
    s.match("create_event_source_mapping_response", created)
    for item in (other, matching):
        queues.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(item))
    found = queues.receive_all(to, lambda messages: len(messages) == 1)
    s.match("invocation_events", [json.loads(each["Body"]) for each in found])


def _invalid_filter(s: Scenario, pattern: Any) -> None:
    _, arn = s.queue()
    s.refused(
        "create_event_source_mapping_exception",
        "create_event_source_mapping",
        EventSourceArn=arn,
        FunctionName=s.function()["FunctionName"],
        MaximumBatchingWindowInSeconds=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )


def _records(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records = [each for message in found for each in json.loads(message["Body"])["Records"]]
    return sorted(records, key=lambda record: record["body"])


def batch_size(s: Scenario) -> None:
    name, to = _forwarding(s)
    url, arn = s.queue()
    queues = _Queues(s)
    created = s.client.create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, MaximumBatchingWindowInSeconds=1, BatchSize=100
    )
    s.match("create-event-source-mapping-response", created)
    for number, count in enumerate((10, 5)):
        entries = [
            {"Id": f"{i}-{number}", "MessageBody": f"{i}-{number}-message-{i}"}
            for i in range(count)
        ]
        sent = queues.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        s.match(f"send-message-batch-result-{count}", sent)
    found = queues.receive_all(to, lambda messages: len(_records(messages)) == 15)
    s.match("Records", _records(found))


def batching_reserved_concurrency(s: Scenario) -> None:
    name, to = _forwarding(s)
    url, arn = s.queue()
    queues = _Queues(s)
    s.call(
        "put_concurrency_resp",
        "put_function_concurrency",
        FunctionName=name,
        ReservedConcurrentExecutions=2,
    )
    for i in range(10):
        entries = [{"Id": f"{i}-{j}", "MessageBody": f"{i}-{j}-message"} for j in range(3)]
        queues.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    created = s.client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=name,
        MaximumBatchingWindowInSeconds=1,
        BatchSize=20,
        ScalingConfig={"MaximumConcurrency": 2},
    )
    s.match("create-event-source-mapping-response", created)
    found = queues.receive_all(to, lambda messages: len(_records(messages)) == 30)
    s.match("batch_info", {"total_batches_received": len(found)})
    s.match("Records", _records(found))


def retries(s: Scenario) -> None:
    queues = _Queues(s)
    to, _ = s.queue()
    s.match("get_destination_queue_url", queues.sqs.get_queue_url(QueueName=to.rpartition("/")[2]))
    name = s.function(Code={"ZipFile": zip_of(handler__py=_FAILS)}, Timeout=6, MemorySize=1769)[
        "FunctionName"
    ]
    url, arn = s.queue(VisibilityTimeout="6")
    uuid = s.client.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=1)[
        "UUID"
    ]
    s.match("event_source_mapping", s.client.get_event_source_mapping(UUID=uuid))
    order = {"destination": to, "fail_attempts": 1}
    queues.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(order))
    for step in ("first_attempt", "second_attempt"):
        told = received(queues.sqs, to, MaxNumberOfMessages=1)
        (message,) = told["Messages"]
        queues.sqs.delete_message(QueueUrl=to, ReceiptHandle=message["ReceiptHandle"])
        s.match(step, told)


def reported_failures(s: Scenario) -> None:
    queues = _Queues(s)
    dead, dead_arn = s.queue()
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    name = s.function(Code={"ZipFile": zip_of(handler__py=_REPORTS)}, Timeout=6, MemorySize=1769)[
        "FunctionName"
    ]
    url, arn = s.queue(VisibilityTimeout="6", RedrivePolicy=policy)
    bodies = ["{not a json body", json.dumps({"message": 1}), json.dumps(_LAST)]
    entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
    queues.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    s.client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=name,
        MaximumBatchingWindowInSeconds=0,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    found = queues.receive_all(dead, lambda messages: len(messages) == 2)
    s.match("dlq_messages", sorted(found, key=lambda each: each["Body"], reverse=True))


_LAST = {"message": 2, "fail_attempts": 0}
_OF = "TestSQSEventSourceMapping::test_sqs_event_filter"
_ITEM = {"testItem": "test24"}
_OTHER = {"testItem": "tesWER"}
_EITHER = {"body": {"testItem": ["test24", "test45"]}}

SCENARIOS: dict[str, Replay] = {
    f"{_OF}[filter0-item_matching0-item_not_matching0]": partial(
        _filter, pattern={"body": {"testItem": ["test24"]}}, matching=_ITEM, other=_OTHER
    ),
    f"{_OF}[single-filter]": partial(
        _filter, pattern={"body": {"testItem": ["test24"]}}, matching=_ITEM, other=_OTHER
    ),
    f"{_OF}[filter1-item_matching1-item_not_matching1]": partial(
        _filter, pattern=_EITHER, matching={"testItem": "test45"}, other=_OTHER
    ),
    f"{_OF}[or-filter]": partial(
        _filter, pattern=_EITHER, matching={"testItem": "test45"}, other=_OTHER
    ),
    f"{_OF}[filter2-item_matching2-item_not_matching2]": partial(
        _filter,
        pattern={"body": {"testItem": ["test24", "test45"], "test2": ["go"]}},
        matching={"testItem": "test45", "test2": "go"},
        other={"testItem": "test67", "test2": "go"},
    ),
    f"{_OF}[filter3-item_matching3-item_not_matching3]": partial(
        _filter,
        pattern={"body": {"test2": [{"exists": True}]}},
        matching={"test2": "7411"},
        other={"test5": "74545"},
    ),
    f"{_OF}[numeric-smaller]": partial(
        _filter,
        pattern={"body": {"my-number": [{"numeric": ["<", 100]}]}},
        matching={"my-number": 99},
        other={"my-number": 101},
    ),
    f"{_OF}[prefix]": partial(
        _filter,
        pattern={"body": {"my-key": [{"prefix": "yes"}]}},
        matching={"my-key": "yes-value"},
        other={"my-key": "no-value"},
    ),
    "TestSQSEventSourceMapping::test_sqs_invalid_event_filter[None]": partial(
        _invalid_filter, pattern=None
    ),
    "TestSQSEventSourceMapping::test_sqs_invalid_event_filter[invalid_filter3]": partial(
        _invalid_filter, pattern={"eventSource": []}
    ),
    "TestSQSEventSourceMapping::test_sqs_event_source_mapping_batch_size[100]": batch_size,
    "TestSQSEventSourceMapping::test_sqs_event_source_mapping_batching_reserved_concurrency": (
        batching_reserved_concurrency
    ),
    "test_failing_lambda_retries_after_visibility_timeout": retries,
    "test_report_batch_item_failures_on_lambda_error": reported_failures,
}
