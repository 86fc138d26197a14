import base64
import json
from typing import Any

import pytest

from emulator.testing import FakeClock, until_idle
from tests.unit.services.sqs.conftest import Caller

ARN = "arn:aws:sqs:us-east-1:000000000000:"
INVALID = "InvalidParameterValueException"
LOST = "ResourceNotFoundException"


@pytest.fixture
async def dead(sqs: Caller) -> str:
    return await sqs.create("dead")


async def _source(sqs: Caller, name: str) -> str:
    policy = json.dumps({"deadLetterTargetArn": ARN + "dead", "maxReceiveCount": 1})
    return await sqs.create(name, RedrivePolicy=policy, VisibilityTimeout="1")


async def _bury(sqs: Caller, clock: FakeClock, url: str, *bodies: str) -> None:
    for body in bodies:
        await sqs("SendMessage", QueueUrl=url, MessageBody=body)
    for _ in range(2):
        while await sqs.bodies(url):
            pass
        await clock.advance(1)
    # The move to the dead-letter queue is being committed.
    await sqs.sqs.engine.journal.last_id()
    await until_idle()


async def _tasks(sqs: Caller, **options: Any) -> list[dict[str, Any]]:
    answer = await sqs("ListMessageMoveTasks", SourceArn=ARN + "dead", **options)
    return answer.get("Results", [])


async def _ended(sqs: Caller) -> None:
    for task in sqs.sqs.tasks.values():
        assert task.runner is not None
        await task.runner


async def test_messages_go_back_to_where_they_came_from(
    sqs: Caller, clock: FakeClock, dead: str
) -> None:
    one, two = await _source(sqs, "one"), await _source(sqs, "two")
    await _bury(sqs, clock, one, "1", "2")
    await _bury(sqs, clock, two, "3")
    assert (await sqs("StartMessageMoveTask", SourceArn=ARN + "dead"))["TaskHandle"]
    await _ended(sqs)
    assert await sqs.bodies(one) == ["1", "2"]
    assert await sqs.bodies(two) == ["3"]
    assert await _tasks(sqs) == [
        {
            "Status": "COMPLETED",
            "SourceArn": ARN + "dead",
            "ApproximateNumberOfMessagesMoved": 3,
            "ApproximateNumberOfMessagesToMove": 3,
            "StartedTimestamp": int(clock.now() * 1000),
        }
    ]


async def test_messages_go_where_they_are_told(sqs: Caller, clock: FakeClock, dead: str) -> None:
    source = await _source(sqs, "source")
    other = await sqs.create("other")
    await _bury(sqs, clock, source, *"abcdefghijkl")
    await sqs("StartMessageMoveTask", SourceArn=ARN + "dead", DestinationArn=ARN + "other")
    await _ended(sqs)
    assert len(await sqs.bodies(other)) == 10
    (task,) = await _tasks(sqs)
    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", ARN + "other")
    # A moved message is a new one.
    answer = await sqs("ReceiveMessage", QueueUrl=other, AttributeNames=["All"])
    assert answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_task_keeps_to_its_rate_and_can_be_cancelled(
    sqs: Caller, clock: FakeClock, dead: str
) -> None:
    source = await _source(sqs, "source")
    await sqs.create("other")
    await _bury(sqs, clock, source, *"abcdefghij")
    request = {"SourceArn": ARN + "dead", "DestinationArn": ARN + "other"}
    handle = (await sqs("StartMessageMoveTask", **request, MaxNumberOfMessagesPerSecond=1))[
        "TaskHandle"
    ]
    task = next(iter(sqs.sqs.tasks.values()))

    async def moved(count: int) -> None:
        # The commits are another thread's.
        while task.moved < count:
            await sqs.sqs.engine.journal.last_id()
            await until_idle()

    await moved(1)
    await clock.advance(1)
    await moved(2)
    (shown,) = await _tasks(sqs)
    assert shown["Status"] == "RUNNING"
    assert shown["TaskHandle"] == handle
    assert shown["MaxNumberOfMessagesPerSecond"] == 1
    assert (await sqs.error("StartMessageMoveTask", **request)) == (
        INVALID,
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.",
    )
    answer = await sqs("CancelMessageMoveTask", TaskHandle=handle)
    assert answer == {"ApproximateNumberOfMessagesMoved": 2}
    (shown,) = await _tasks(sqs)
    assert shown["Status"] == "CANCELLED"
    assert "TaskHandle" not in shown
    counts = await sqs.attributes(dead, "ApproximateNumberOfMessages")
    assert counts == {"ApproximateNumberOfMessages": "8"}
    assert await sqs.error("CancelMessageMoveTask", TaskHandle=handle) == (
        LOST,
        "Task does not exist.",
    )


async def test_a_task_fails_when_its_destination_goes(
    sqs: Caller, clock: FakeClock, dead: str
) -> None:
    source = await _source(sqs, "source")
    other = await sqs.create("other")
    await _bury(sqs, clock, source, "a", "b", "c")
    request = {"SourceArn": ARN + "dead", "DestinationArn": ARN + "other"}
    await sqs("StartMessageMoveTask", **request, MaxNumberOfMessagesPerSecond=1)
    task = next(iter(sqs.sqs.tasks.values()))
    while task.moved < 1:
        await sqs.sqs.engine.journal.last_id()
        await until_idle()
    await sqs("DeleteQueue", QueueUrl=other)
    await clock.advance(1)
    await _ended(sqs)
    (shown,) = await _tasks(sqs)
    assert shown["Status"] == "FAILED"
    assert shown["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert shown["ApproximateNumberOfMessagesMoved"] == 1
    assert sorted(await sqs.bodies(dead)) == ["b", "c"]


async def test_what_was_never_a_dead_letter_has_nowhere_to_go(sqs: Caller, dead: str) -> None:
    await _source(sqs, "source")
    await sqs("SendMessage", QueueUrl=dead, MessageBody="direct")
    await sqs("StartMessageMoveTask", SourceArn=ARN + "dead")
    await _ended(sqs)
    (shown,) = await _tasks(sqs)
    assert shown["FailureReason"] == "CouldNotDetermineMessageSource"
    assert await sqs.bodies(dead) == ["direct"]


async def test_what_a_task_cannot_be(sqs: Caller, dead: str) -> None:
    start = "StartMessageMoveTask"
    assert await sqs.error(start, SourceArn=ARN + "dead") == (
        INVALID,
        "Source queue must be configured as a Dead Letter Queue.",
    )
    await _source(sqs, "source")
    assert await sqs.error(start, SourceArn=ARN + "never") == (
        LOST,
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    )
    assert (await sqs.error(start, SourceArn="garbage"))[0] == LOST
    assert await sqs.error(start, SourceArn=ARN + "dead", DestinationArn=ARN + "never") == (
        LOST,
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
    )
    for rate in (0, 501):
        code, _ = await sqs.error(start, SourceArn=ARN + "dead", MaxNumberOfMessagesPerSecond=rate)
        assert code == INVALID
    for limit in (0, 11):
        code, _ = await sqs.error("ListMessageMoveTasks", SourceArn=ARN + "dead", MaxResults=limit)
        assert code == INVALID
    assert await _tasks(sqs) == []


async def test_a_task_handle_is_checked(sqs: Caller, dead: str) -> None:
    def handle(content: Any) -> str:
        return base64.b64encode(json.dumps(content).encode()).decode()

    async def cancel(text: str) -> tuple[str, str]:
        return await sqs.error("CancelMessageMoveTask", TaskHandle=text)

    for garbage in ("", "x", "ü", handle([]), handle({"taskId": 1}), handle(None)):
        assert await cancel(garbage) == (INVALID, "Value for parameter TaskHandle is invalid.")
    assert await cancel(handle({"taskId": "a", "sourceArn": ARN + "never"})) == (
        LOST,
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    )
    assert await cancel(handle({"taskId": "a", "sourceArn": ARN + "dead"})) == (
        LOST,
        "Task does not exist.",
    )


async def test_ten_tasks_are_remembered(sqs: Caller, dead: str) -> None:
    await _source(sqs, "source")
    for _ in range(12):
        await sqs("StartMessageMoveTask", SourceArn=ARN + "dead")
        await _ended(sqs)
    assert len(await _tasks(sqs, MaxResults=10)) == 10
    assert len(await _tasks(sqs)) == 1
