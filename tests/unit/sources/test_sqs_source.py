"""The poller of one queue: what it takes, when it invokes, what becomes of the messages."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from emulator.invoke.recursion import advance
from emulator.invoke.redelivery import Redelivery
from emulator.model.errors import AwsError
from emulator.services.sqs.polling.own_queues import OwnQueue
from emulator.services.sqs.queues import SqsQueue
from tests.unit.sources.conftest import FAILED, FUNCTION, World, throttled


def left(queue: SqsQueue) -> tuple[int, int]:
    """Return how many messages are visible and in flight."""
    counts = queue.queue.counts()
    return counts.visible, counts.in_flight


async def test_a_message_is_handed_on_when_it_arrives_and_deleted(world: World) -> None:
    queue = await world.queue()
    world.poll(queue)
    await world.send(queue, "a")
    await world.send(queue, "b", "c")
    assert world.function.batches == [["a"], ["b", "c"]]
    assert left(queue) == (0, 0)


async def test_a_batch_is_no_larger_than_its_size(world: World) -> None:
    queue = await world.queue()
    await world.send(queue, *(str(n) for n in range(7)))
    world.poll(queue, BatchSize=3)
    await world.settle()
    assert world.function.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


async def test_a_batch_waits_for_more_within_its_window(world: World) -> None:
    queue = await world.queue()
    world.poll(queue, BatchSize=100, MaximumBatchingWindowInSeconds=20)
    await world.send(queue, "a")
    await world.advance(15)
    await world.send(queue, "b")
    await world.advance(4.9)
    assert world.function.batches == []
    await world.advance(0.2)
    assert world.function.batches == [["a", "b"]], "counted from the first message"
    await world.send(queue, *(str(n) for n in range(100)))
    assert len(world.function.batches[1]) == 100, "a full batch does not wait"
    assert left(queue) == (0, 0)


async def test_the_largest_batch(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    for tens in range(10):
        await world.send(queue, *(str(1000 * tens + n) for n in range(1000)))
    world.poll(queue, BatchSize=10_000, MaximumBatchingWindowInSeconds=300)
    for _ in range(20):
        await world.settle()
    assert [len(batch) for batch in world.function.batches] == [10_000]
    await world.finish()
    assert left(queue) == (0, 0)


async def test_no_window_outlasts_the_visibility_timeout(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="10")
    world.poll(queue, MaximumBatchingWindowInSeconds=300)
    await world.send(queue, "a")
    await world.advance(9)
    assert world.function.batches == [["a"]]
    assert left(queue) == (0, 0)


async def test_a_payload_is_no_larger_than_6_mb(world: World) -> None:
    queue = await world.queue()
    await world.send(queue, *("x" * 1_000_000 for _ in range(8)))
    world.function.gate = asyncio.Event()
    world.poll(queue, BatchSize=8)
    await world.settle()
    world.function.gate.set()
    await world.settle()
    assert [len(batch) for batch in world.function.batches] == [6, 2]
    counts = [
        record["attributes"]["ApproximateReceiveCount"]
        for record in world.function.events[1]["Records"]
    ]
    assert counts == ["1", "1"], "what did not fit was not tried"


async def test_what_does_not_match_is_deleted_without_a_call(world: World) -> None:
    queue = await world.queue()
    world.poll(queue, FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]})
    await world.send(queue, '{"a": 2}', "text", '{"a": 1}', "[]")
    assert world.function.batches == [['{"a": 1}']]
    await world.send(queue, '{"a": 2}')
    assert len(world.function.batches) == 1
    assert left(queue) == (0, 0)


# -- failures -------------------------------------------------------------------------------------


async def test_a_failed_batch_comes_back_when_its_visibility_timeout_is_over(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="30")
    world.function.answer = lambda event: FAILED
    world.poll(queue)
    await world.send(queue, "a", "b")
    await world.advance(29)
    assert world.function.batches == [["a", "b"]]
    assert left(queue) == (0, 2)
    world.function.answer = lambda event: None
    await world.advance(2)
    assert world.function.batches == [["a", "b"], ["a", "b"]]
    assert world.function.events[1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"
    assert left(queue) == (0, 0)


async def test_what_fails_too_often_is_dead_lettered(world: World) -> None:
    dead = await world.queue("dead")
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2}
    queue = await world.queue(VisibilityTimeout="5", RedrivePolicy=json.dumps(policy))
    world.function.answer = lambda event: FAILED
    world.poll(queue)
    await world.send(queue, "a")
    for _ in range(4):
        await world.advance(6)
    assert world.function.batches == [["a"], ["a"]]
    assert (left(queue), left(dead)) == ((0, 0), (1, 0))


def reports(*ids: object, key: str = "itemIdentifier") -> dict[str, object]:
    return {"batchItemFailures": [{key: each} for each in ids]}


async def test_reported_failures_come_back_alone(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="30")
    world.function.answer = lambda event: reports(event["Records"][1]["messageId"])
    world.poll(queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.send(queue, "a", "b", "c")
    assert left(queue) == (0, 1)
    world.function.answer = lambda event: reports()
    await world.advance(31)
    assert world.function.batches == [["a", "b", "c"], ["b"]]
    assert left(queue) == (0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        reports(""),
        reports(None),
        reports("no-such-id"),
        reports("x", key="id"),
        {"batchItemFailures": "all"},
        {"batchItemFailures": [1]},
        "text",
        7,
        [1],
        FAILED,
    ],
)
async def test_answers_that_fail_the_whole_batch(world: World, answer: object) -> None:
    queue = await world.queue()
    world.function.answer = lambda event: answer
    world.poll(queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.send(queue, "a", "b")
    assert left(queue) == (0, 2)


@pytest.mark.parametrize(
    "answer",
    [None, "", {}, [], {"batchItemFailures": None}, {"batchItemFailures": []}, {"other": 1}],
)
async def test_answers_that_fail_nothing(world: World, answer: object) -> None:
    queue = await world.queue()
    world.function.answer = lambda event: answer
    world.poll(queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.send(queue, "a", "b")
    assert left(queue) == (0, 0)


async def test_failures_are_not_looked_for_where_they_are_not_asked_for(world: World) -> None:
    queue = await world.queue()
    world.function.answer = lambda event: reports(event["Records"][0]["messageId"])
    world.poll(queue)
    await world.send(queue, "a", "b")
    assert left(queue) == (0, 0)


# -- order ----------------------------------------------------------------------------------------


async def test_one_batch_of_a_group_is_in_flight(world: World) -> None:
    queue = await world.queue("q.fifo")
    world.function.gate = asyncio.Event()
    world.poll(queue, BatchSize=2)
    await world.send(queue, "a1", "a2", "a3", MessageGroupId="a")
    await world.send(queue, "b1", MessageGroupId="b")
    assert world.function.batches == [["a1", "a2"], ["b1"]]
    await world.send(queue, "a4", MessageGroupId="a")
    assert len(world.function.batches) == 2, "a3 waits for a1 and a2"
    world.function.gate.set()
    await world.settle()
    assert world.function.batches == [["a1", "a2"], ["b1"], ["a3", "a4"]]
    attributes = world.function.events[0]["Records"][0]["attributes"]
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} <= attributes.keys()


async def test_as_many_groups_run_at_once_as_there_are(world: World) -> None:
    queue = await world.queue("q.fifo")
    world.function.gate = asyncio.Event()
    world.poll(queue, BatchSize=1)
    for group in range(12):
        await world.send(queue, f"{group}-1", f"{group}-2", MessageGroupId=str(group))
    assert world.function.running == 12
    world.function.gate.set()
    await world.finish()
    assert left(queue) == (0, 0)
    assert sorted(world.function.batches[12:]) == sorted([f"{group}-2"] for group in range(12))


async def test_a_group_stops_at_its_first_failure(world: World) -> None:
    queue = await world.queue("q.fifo", VisibilityTimeout="30")
    world.function.answer = lambda event: reports(
        *(each["messageId"] for each in event["Records"] if each["body"] in ("a2", "a3"))
    )
    world.poll(queue, BatchSize=3, FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.send(queue, "a1", "a2", "a3", "a4", MessageGroupId="a")
    await world.send(queue, "b1", MessageGroupId="b")
    assert world.function.batches == [["a1", "a2", "a3"], ["b1"]]
    world.function.answer = lambda event: None
    await world.advance(31)
    assert world.function.batches[2:] == [["a2", "a3", "a4"]]
    assert left(queue) == (0, 0)


# -- concurrency ----------------------------------------------------------------------------------


async def test_concurrency_begins_with_five_and_grows_with_the_backlog(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.gate = asyncio.Event()
    await world.send(queue, *(str(n) for n in range(40)))
    world.poll(queue, BatchSize=1)
    await world.settle()
    assert world.function.running == 5
    await world.advance(2)
    assert world.function.running == 15, "300 a minute more"
    await world.advance(60)
    assert world.function.running == 40
    world.function.gate.set()
    await world.settle()
    world.function.gate.clear()
    await world.send(queue, *(str(n) for n in range(9)))
    assert world.function.running == 5, "scaled down while there was nothing to do"
    world.function.gate.set()
    await world.settle()
    assert left(queue)[1] < 9


async def test_what_arrives_while_all_batches_take_long_is_not_left_waiting(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.gate = asyncio.Event()
    world.poll(queue, BatchSize=1)
    await world.send(queue, *(str(n) for n in range(5)))
    await world.advance(60)
    await world.send(queue, "late")
    await world.advance(1)
    assert world.function.running == 6
    world.function.reserved = 6
    await world.send(queue, "later")
    await world.advance(60)
    assert world.function.running == 6
    world.function.reserved = 7
    await world.advance(1)
    assert world.function.running == 7


async def test_an_idle_mapping_does_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = await world.queue()
    receives = []
    receive = OwnQueue.receive

    async def counted(self: OwnQueue, limit: int, wait: float) -> list[dict[str, object]]:
        receives.append(limit)
        return await receive(self, limit, wait)

    monkeypatch.setattr(OwnQueue, "receive", counted)
    world.poll(queue)
    for _ in range(10):
        await world.advance(360)
    assert receives == [10]


@pytest.mark.parametrize(
    ("mapping", "reserved", "expected"),
    [
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, None, 2),
        ({}, 3, 3),
        ({}, 0, 1),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 3}}, None, 30),
    ],
)
async def test_concurrency_has_its_limit(
    world: World, mapping: dict[str, object], reserved: int | None, expected: int
) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.gate = asyncio.Event()
    world.function.reserved = reserved
    await world.send(queue, *(str(n) for n in range(40)))
    world.poll(queue, BatchSize=1, **mapping)
    await world.settle()
    await world.advance(60)
    assert world.function.running == expected


async def test_provisioned_pollers_begin_with_more(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.gate = asyncio.Event()
    await world.send(queue, *(str(n) for n in range(40)))
    world.poll(queue, BatchSize=1, ProvisionedPollerConfig={"MinimumPollers": 3})
    await world.settle()
    assert world.function.running == 30


async def test_errors_take_concurrency_and_successes_give_it_back(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.answer = lambda event: FAILED
    world.poll(queue, BatchSize=1)
    for n in range(8):
        await world.send(queue, str(n))
        await world.advance(0.2)
    assert len(world.function.batches) == 8, "slower, but not stopped"
    world.function.gate = asyncio.Event()
    await world.send(queue, "x", "y", "z")
    assert world.function.running == 1
    world.function.answer = lambda event: None
    world.function.gate.set()
    await world.settle()
    assert world.function.batches[8:] == [["x"], ["y"], ["z"]]


async def test_reported_failures_take_no_concurrency(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="600")
    world.function.answer = lambda event: FAILED
    world.poll(queue, BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.send(queue, *(str(n) for n in range(8)))
    world.function.gate = asyncio.Event()
    await world.send(queue, *(str(n) for n in range(5)))
    assert world.function.running == 5


# -- throttling -----------------------------------------------------------------------------------


async def test_a_throttled_batch_is_tried_again_until_it_may_run(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="30")
    world.function.answer = lambda event: throttled()
    world.poll(queue)
    await world.send(queue, "a")
    await world.advance(20)
    tries = len(world.function.batches)
    assert tries > 5
    world.function.answer = lambda event: None
    world.function.change()
    await world.settle()
    assert len(world.function.batches) == tries + 1, "at once, when its concurrency is changed"
    assert left(queue) == (0, 0)


async def test_a_throttled_batch_is_dropped_when_its_messages_become_visible(world: World) -> None:
    queue = await world.queue(VisibilityTimeout="30")
    world.function.answer = lambda event: throttled()
    world.poll(queue)
    await world.send(queue, "a")
    await world.advance(31)
    counts = {
        each["Records"][0]["attributes"]["ApproximateReceiveCount"]
        for each in world.function.events
    }
    assert counts == {"1", "2"}


async def test_a_circle_is_left(world: World) -> None:
    queue = await world.queue()
    circle = AwsError("RecursiveInvocationException", "Lambda has detected …")
    world.function.answer = lambda event: circle
    world.poll(queue)
    await world.send(queue, "a")
    assert left(queue) == (0, 0), "discarded: there is no dead-letter queue"


async def test_a_batch_goes_on_with_the_longest_chain(world: World) -> None:
    queue = await world.queue()
    once, _ = advance("Root=1-0-0", FUNCTION)
    twice, _ = advance("Root=2-0-0;Lineage=1:00000000:9", FUNCTION)
    twice, _ = advance(twice, FUNCTION)
    await world.send(queue, "none")
    for header in (once, twice, "Root=3-0-0"):
        value = {"DataType": "String", "StringValue": header}
        await world.send(queue, "x", MessageSystemAttributes={"AWSTraceHeader": value})
    world.poll(queue)
    await world.settle()
    assert world.function.traces == [twice]


# -- what is not there ----------------------------------------------------------------------------


async def test_nothing_is_received_while_there_is_no_function(world: World) -> None:
    queue = await world.queue()
    world.function.there = False
    world.poll(queue)
    await world.send(queue, "a")
    assert left(queue) == (1, 0)
    world.function.there = True
    world.function.change()
    await world.settle()
    assert world.function.batches == [["a"]]


async def test_a_function_that_went_away_has_not_tried(world: World) -> None:
    queue = await world.queue()

    def gone(event: object) -> AwsError:
        world.function.there = False
        return AwsError("ResourceNotFoundException", "Function not found")

    world.function.answer = gone
    world.poll(queue)
    await world.send(queue, "a")
    assert left(queue) == (1, 0)
    world.function.there, world.function.answer = True, lambda event: None
    world.function.change()
    await world.settle()
    attributes = world.function.events[-1]["Records"][0]["attributes"]
    assert attributes["ApproximateReceiveCount"] == "1"


async def test_a_queue_that_is_deleted_and_made_again(world: World) -> None:
    queue = await world.queue()
    world.poll(queue)
    await world.settle()
    await world.sqs.delete(queue)
    await world.settle()
    queue = await world.queue()
    await world.send(queue, "a")
    assert world.function.batches == [["a"]]
    assert left(queue) == (0, 0)


async def test_a_queue_that_is_made_again_while_all_batches_run(world: World) -> None:
    queue = await world.queue()
    world.function.gate = asyncio.Event()
    world.poll(queue, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    await world.send(queue, "a", "b")
    await world.sqs.delete(queue)
    queue = await world.queue()
    world.function.gate.set()
    await world.send(queue, "c")
    assert world.function.batches == [["a"], ["b"], ["c"]]


# -- the end --------------------------------------------------------------------------------------


async def test_drain_lets_a_batch_in_flight_finish(world: World) -> None:
    queue = await world.queue()
    world.function.gate = asyncio.Event()
    source = world.poll(queue, BatchSize=1)
    await world.send(queue, "a")
    await world.stop()
    draining = asyncio.ensure_future(source.drain())
    await world.send(queue, "b")
    assert not draining.done()
    world.function.gate.set()
    await world.settle()
    assert draining.done()
    assert world.function.batches == [["a"]]
    assert left(queue) == (1, 0)


async def test_what_was_gathered_or_throttled_is_given_back_at_the_end(world: World) -> None:
    queue = await world.queue()
    source = world.poll(queue, MaximumBatchingWindowInSeconds=300, BatchSize=2)
    world.function.answer = lambda event: throttled()
    await world.send(queue, "a", "b", "c")
    assert left(queue) == (0, 3)
    await world.stop()
    await source.drain()
    assert left(queue) == (3, 0)


async def test_what_is_given_up_is_received_again(world: World) -> None:
    queue = await world.queue()
    world.function.gate = asyncio.Event()
    source = world.poll(queue)
    await world.send(queue, "a")
    await world.stop()
    source.cancel()
    await source.drain()
    assert left(queue) == (1, 0)


async def test_groups_stay_in_order_and_nothing_is_lost_where_much_fails(world: World) -> None:
    queue = await world.queue("q.fifo", VisibilityTimeout="5")
    chance = random.Random(1)
    done: dict[str, list[int]] = {}

    def answer(event: dict[str, Any]) -> object:
        failed: set[str] = set()
        failures = []
        for record in event["Records"]:
            group = record["attributes"]["MessageGroupId"]
            # As AWS says a function should: after a failure nothing of the group is processed.
            if group in failed or chance.random() < 0.2:
                failed.add(group)
                failures.append(record["messageId"])
            else:
                done.setdefault(group, []).append(int(record["body"]))
        return reports(*failures)

    world.function.answer = answer
    world.poll(queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    for number in range(10):
        for group in range(20):
            name = f"g{group}"
            unique = {"MessageDeduplicationId": f"{name}-{number}"}
            await world.send(queue, str(number), MessageGroupId=name, **unique)
    for _ in range(200):
        await world.finish()
        if left(queue) == (0, 0):
            break
        await world.advance(5.1)
    assert left(queue) == (0, 0)
    assert done == {f"g{group}": list(range(10)) for group in range(20)}


async def test_messages_come_twice_and_out_of_order_where_that_is_asked_for(world: World) -> None:
    queue = await world.queue()
    world.function.redelivery = Redelivery(world.clock, seed=3, everything=True)
    world.poll(queue, BatchSize=1)
    await world.send(queue, *"abcdef")
    assert [body for (body,) in world.function.batches] == list("abcdef")
    assert left(queue) == (0, 6)
    await world.advance(2.1)
    second = [body for (body,) in world.function.batches[6:]]
    assert sorted(second) == list("abcdef")
    assert second != list("abcdef")
    # They are the same messages, as far as a function can tell.
    ids = [event["Records"][0]["messageId"] for event in world.function.events]
    assert sorted(ids[:6]) == sorted(ids[6:])
    assert left(queue) == (0, 0)


async def test_a_fifo_queue_delivers_twice_within_the_group_and_keeps_its_order(
    world: World,
) -> None:
    queue = await world.queue("q.fifo")
    world.function.redelivery = Redelivery(world.clock, seed=3, everything=True)
    world.poll(queue, BatchSize=1)
    for group in "xyz":
        await world.send(queue, *(f"{group}{n}" for n in range(3)), MessageGroupId=group)
    for _ in range(20):
        await world.advance(0.2)
    came = [body for (body,) in world.function.batches]
    for group in "xyz":
        # The second delivery of each comes before the next one's first.
        own = [body for body in came if body[0] == group]
        assert own == [f"{group}{n}" for n in range(3) for _ in range(2)]
    # Groups do not wait for each other, and take turns otherwise than they came.
    assert came[:3] == ["x0", "y0", "z0"] != [came[3][0] + "0", came[4], came[5]]
    assert left(queue) == (0, 0)


async def test_what_a_fifo_queue_delivered_as_a_batch_comes_again_before_what_follows(
    world: World,
) -> None:
    queue = await world.queue("q.fifo")
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.poll(queue)
    await world.send(queue, "a", "b", "c", MessageGroupId="g")
    assert world.function.batches == [["a", "b", "c"]]
    await world.send(queue, "d", MessageGroupId="g")
    for _ in range(10):
        await world.advance(0.2)
    came = [body for batch in world.function.batches for body in batch]
    first = {body: came.index(body) for body in "abcd"}
    again = {body: len(came) - 1 - came[::-1].index(body) for body in "abcd"}
    assert sorted(came) == sorted("abcd" * 2)
    for positions in (first, again):
        assert sorted(positions, key=positions.__getitem__) == list("abcd")
    assert left(queue) == (0, 0)


async def test_only_what_a_function_did_not_fail_comes_again(world: World) -> None:
    queue = await world.queue()
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.function.answer = lambda event: FAILED
    world.poll(queue)
    await world.send(queue, "a")
    await world.advance(3)
    assert world.function.batches == [["a"]]
    world.function.answer = lambda event: None
    await world.advance(30)
    await world.advance(3)
    # Failed once, delivered well once, and delivered again.
    assert world.function.batches == [["a"]] * 3
    assert left(queue) == (0, 0)
