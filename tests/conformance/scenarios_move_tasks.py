"""The recorded scenarios of SQS's message move tasks."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.conformance.replay import ACCOUNT
from tests.conformance.replay_sqs import Scenarios, SqsScenario
from tests.patience import until

SCENARIOS = Scenarios()


def _buried(s: SqsScenario, count: int, sources: int = 1) -> tuple[str, list[str]]:
    """Return a dead-letter queue with ``count`` messages from each of its sources."""
    dead = s.queue()
    policy = json.dumps({"deadLetterTargetArn": s.arn(dead), "maxReceiveCount": 1})
    urls = [s.queue(RedrivePolicy=policy, VisibilityTimeout="0") for _ in range(sources)]
    for url in urls:
        for n in range(count):
            s.send(url, f"message-{n}")
        for _ in range(2):
            s.receive(url, MaxNumberOfMessages=10)
    until(lambda: _count(s, dead) == count * sources)
    return dead, urls


def _count(s: SqsScenario, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = s.client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def _tasks(s: SqsScenario, arn: str) -> Any:
    return s.client.list_message_move_tasks(SourceArn=arn)


def _ended(s: SqsScenario, arn: str) -> Any:
    until(lambda: _tasks(s, arn)["Results"][0]["Status"] != "RUNNING")
    return _tasks(s, arn)


@SCENARIOS.of("test_basic_move_task_workflow")
def basic_move(s: SqsScenario) -> None:
    dead, _ = _buried(s, 2)
    request = {"SourceArn": s.arn(dead), "DestinationArn": s.arn(s.queue())}
    s.call("start_message_move_task", "start-message-move-task-response", **request)
    s.note("list-message-move-task-response", _ended(s, request["SourceArn"]))


@SCENARIOS.of(
    "test_move_task_workflow_with_default_destination",
    "test_move_task_workflow_with_multiple_sources_as_default_destination",
)
def default_destination(s: SqsScenario) -> None:
    several = "multiple" in s.name
    dead, urls = _buried(s, 2, 2 if several else 1)
    arn = s.arn(dead)
    for n, url in enumerate(urls, 1):
        s.note(f"original-source-{n}" if several else "original-source", s.arn(url))
    s.note("source-arn", arn)
    s.call("start_message_move_task", "start-message-move-task-response", SourceArn=arn)
    s.note("list-message-move-task-response", _ended(s, arn))


@SCENARIOS.of("test_move_task_with_throughput_limit")
def limited_move(s: SqsScenario) -> None:
    dead, _ = _buried(s, 2)
    s.call(
        "start_message_move_task",
        "start-message-move-task-response",
        SourceArn=s.arn(dead),
        DestinationArn=s.arn(s.queue()),
        MaxNumberOfMessagesPerSecond=1,
    )


@SCENARIOS.of("test_move_task_delete_destination_queue_while_running")
def deleted_destination(s: SqsScenario) -> None:
    dead, _ = _buried(s, 10)
    target = s.queue()
    arn = s.arn(dead)
    s.call(
        "start_message_move_task",
        SourceArn=arn,
        DestinationArn=s.arn(target),
        MaxNumberOfMessagesPerSecond=1,
    )
    moved = "ApproximateNumberOfMessagesMoved"
    until(lambda: _tasks(s, arn)["Results"][0][moved] == 3)
    s.call("delete_queue", QueueUrl=target)
    s.note("list", _ended(s, arn))


@SCENARIOS.of("test_move_task_cancel")
def cancel(s: SqsScenario) -> None:
    dead, _ = _buried(s, 10)
    arn = s.arn(dead)
    started = s.call(
        "start_message_move_task",
        SourceArn=arn,
        DestinationArn=s.arn(s.queue()),
        MaxNumberOfMessagesPerSecond=1,
    )
    moved = "ApproximateNumberOfMessagesMoved"
    until(lambda: _tasks(s, arn)["Results"][0][moved] == 2)
    s.call("list_message_move_tasks", "list-while", SourceArn=arn)
    s.call("cancel_message_move_task", "cancel", TaskHandle=started["TaskHandle"])
    s.call("list_message_move_tasks", "list-after", SourceArn=arn)


def _handle(arn: str, task: str = "no-such-task") -> str:
    content = {"taskId": task, "sourceArn": arn}
    return base64.b64encode(json.dumps(content).encode()).decode()


@SCENARIOS.of("test_cancel_with_invalid_source_arn_in_task_handle")
def cancel_lost_queue(s: SqsScenario) -> None:
    handle = _handle(f"arn:aws:sqs:us-east-1:{ACCOUNT}:no-such-queue")
    s.error("cancel_message_move_task", "error", TaskHandle=handle)


@SCENARIOS.of("test_cancel_with_invalid_task_handle")
def cancel_garbage(s: SqsScenario) -> None:
    s.error("cancel_message_move_task", "error", TaskHandle="foobared")


@SCENARIOS.of("test_cancel_with_invalid_task_id_in_task_handle")
def cancel_lost_task(s: SqsScenario) -> None:
    s.error("cancel_message_move_task", "error", TaskHandle=_handle(s.arn(s.queue())))


@SCENARIOS.of("test_destination_needs_to_exist")
def lost_destination(s: SqsScenario) -> None:
    dead, _ = _buried(s, 0)
    arn = s.arn(dead)
    s.error("start_message_move_task", "error", SourceArn=arn, DestinationArn=f"{arn}-lost")


@SCENARIOS.of("test_source_needs_redrive_policy")
def no_dead_letters(s: SqsScenario) -> None:
    request = {"SourceArn": s.arn(s.queue()), "DestinationArn": s.arn(s.queue())}
    s.error("start_message_move_task", "error", **request)


@SCENARIOS.of("test_start_multiple_move_tasks")
def two_tasks(s: SqsScenario) -> None:
    dead, _ = _buried(s, 3)
    request: dict[str, Any] = {
        "SourceArn": s.arn(dead),
        "DestinationArn": s.arn(s.queue()),
        "MaxNumberOfMessagesPerSecond": 1,
    }
    s.call("start_message_move_task", **request)
    s.error("start_message_move_task", "error", **request)
