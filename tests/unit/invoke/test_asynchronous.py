"""What becomes of asynchronous events (rows F20 to F24 of the list of faults)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from emulator.invoke import failures
from emulator.invoke.event_concurrency import EventConcurrency
from emulator.model.causes import StopCause
from emulator.model.errors import AwsError, DriverFault, StorageFull
from emulator.model.sandbox import Exit
from emulator.store.database import Done, Work
from emulator.testing import RuntimeClient
from tests.unit.invoke.conftest import QUEUE_ARN, World

FAILURE = {"OnFailure": {"Destination": QUEUE_ARN}}
SUCCESS = {"OnSuccess": {"Destination": QUEUE_ARN}}
ARN = "arn:aws:lambda:us-east-1:000000000000:function:hello"


async def test_an_event_runs_once_and_is_gone(world: World) -> None:
    world.function()
    await world.submit({"n": 1})
    await world.settle()
    assert world.attempts == [("hello", "id-1", {"n": 1})]
    assert world.asynchronous.pending == 0
    assert world.asynchronous.outcomes == {"Success": 1}


async def test_on_success_destination_gets_awss_record(world: World) -> None:
    world.function(config={"DestinationConfig": SUCCESS})
    await world.submit({"n": 1})
    await world.settle()
    ((arn, told, attributes),) = world.told.messages
    assert arn == QUEUE_ARN
    assert attributes == {}
    assert told == {
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "requestContext": {
            "requestId": "id-1",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"done": {"n": 1}},
    }


async def test_a_deep_event_is_told_whole(world: World) -> None:
    world.function(config={"DestinationConfig": SUCCESS})
    event = json.loads("[" * 300 + "]" * 300)
    await world.submit(event)
    await world.settle()
    ((_, told, _),) = world.told.messages
    assert (told["requestPayload"], told["responsePayload"]) == (event, {"done": event})


async def test_f20_three_attempts_under_one_id_then_dead_letter_and_record(world: World) -> None:
    dead_letter = "arn:aws:sqs:us-east-1:000000000000:dead"
    world.function(
        config={"DestinationConfig": FAILURE},
        settings={"DeadLetterConfig": {"TargetArn": dead_letter}},
    )
    world.fails = lambda event: True
    await world.submit({"n": 1})
    await world.settle()
    assert len(world.attempts) == 1
    assert world.asynchronous.backlogs()[0].retrying == 1
    await world.advance(59.5)
    assert len(world.attempts) == 1
    await world.advance(1)
    assert len(world.attempts) == 2
    await world.advance(119)
    assert len(world.attempts) == 2
    assert world.told.messages == []
    await world.advance(2)
    assert world.attempts == [("hello", "id-1", {"n": 1})] * 3
    (_, told, _), (arn, body, attributes) = world.told.messages
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert told["responsePayload"]["errorMessage"] == "boom"
    assert (arn, body) == (dead_letter, {"n": 1})
    assert attributes == {
        "RequestID": {"DataType": "String", "StringValue": "id-1"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "boom"},
    }
    assert world.asynchronous.pending == 0
    assert world.asynchronous.outcomes == {"RetriesExhausted": 1}


async def test_a_retry_that_succeeds_ends_the_event(world: World) -> None:
    world.function(config={"DestinationConfig": SUCCESS})
    world.fails = lambda event: len(world.attempts) < 2
    await world.submit()
    await world.settle()
    await world.advance(61)
    assert len(world.attempts) == 2
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["approximateInvokeCount"] == 2


async def test_no_retries_where_none_are_wanted(world: World) -> None:
    world.function(config={"MaximumRetryAttempts": 0, "DestinationConfig": FAILURE})
    world.fails = lambda event: True
    await world.submit()
    await world.settle()
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 1


async def test_f21_an_event_that_would_grow_too_old(world: World) -> None:
    world.function(config={"MaximumEventAgeInSeconds": 60, "DestinationConfig": FAILURE})
    world.fails = lambda event: True
    await world.submit()
    await world.settle()
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["condition"] == "EventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == len(world.attempts) == 1


async def test_f22_reserved_concurrency_of_zero(world: World) -> None:
    world.function(config={"DestinationConfig": FAILURE}, reserved=0)
    await world.submit({"n": 1})
    await world.settle()
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert told["requestPayload"] == {"n": 1}
    assert "responsePayload" not in told
    assert "responseContext" not in told
    assert world.attempts == []


async def test_f23_throttled_events_are_kept_and_not_counted(world: World) -> None:
    function = world.function(config={"MaximumRetryAttempts": 0, "DestinationConfig": FAILURE})
    world.registry.reserve(function, 1)
    lease = world.invoker._admission.lease(function.latest)
    await world.submit()
    await world.settle()
    for seconds in (1, 2, 4, 8):
        assert world.attempts == []
        assert world.asynchronous.backlogs()[0].paused_until is not None
        await world.advance(seconds)
    lease.close()
    await world.advance(16)
    assert len(world.attempts) == 1
    assert world.asynchronous.outcomes == {"Success": 1}


async def test_f23_a_throttled_event_ends_when_it_is_six_hours_old(world: World) -> None:
    function = world.function(config={"DestinationConfig": FAILURE}, reserved=1)
    lease = world.invoker._admission.lease(function.latest)
    await world.submit()
    await world.settle()
    for _ in range(90):
        await world.advance(300)
    lease.close()
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["condition"] == "EventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == 0


async def test_f23_system_errors_are_tried_again(world: World) -> None:
    world.function()
    world.driver.fault = DriverFault("no room")
    await world.submit()
    await world.settle()
    world.driver.fault = None
    await world.advance(1)
    assert len(world.attempts) == 1


async def test_f24_queued_events_run_on_the_new_code(world: World) -> None:
    release = asyncio.Event()
    seen: list[tuple[int, Any]] = []
    function = world.function(reserved=1)

    async def script(runtime: RuntimeClient) -> Exit | None:
        # What a runtime was started with is what it runs.
        generation = function.latest.generation
        while True:
            request_id, payload = await runtime.next()
            seen.append((generation, json.loads(payload)))
            if payload == b"0":
                await release.wait()
            await runtime.respond(request_id, b"{}")

    world.driver.script = script
    for n in range(4):
        await world.submit(n, request_id=f"id-{n}")
    await world.settle()
    assert seen == [(0, 0)]
    world.update(function)
    release.set()
    await world.settle()
    await world.advance(2)
    assert seen == [(0, 0), (1, 1), (1, 2), (1, 3)]


async def test_events_resume_after_a_crash(world: World) -> None:
    function = world.function(reserved=0)
    release = asyncio.Event()

    async def held(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        await release.wait()
        return None

    script, world.driver.script = world.driver.script, held
    world.registry.reserve(function, None)
    for n in range(20):
        await world.submit(n + 1, request_id=f"id-{n}")
    await world.settle()
    assert world.asynchronous.pending == 20
    await world.crash()
    world.driver.script = script
    for environment in list(world.pools.environments.values()):
        await environment.stop(StopCause.CRASHED)
    world.update(function)
    await world.settle()
    await world.advance(1)
    assert sorted(event for _, _, event in world.attempts) == list(range(1, 21))
    assert world.asynchronous.pending == 0


async def test_a_retry_outlives_a_crash_with_its_count(world: World) -> None:
    world.function(config={"DestinationConfig": FAILURE})
    world.fails = lambda event: True
    await world.submit()
    await world.settle()
    await world.advance(61)
    await world.crash()
    await world.advance(100)
    assert len(world.attempts) == 2
    await world.advance(21)
    assert len(world.attempts) == 3
    ((_, told, _),) = world.told.messages
    assert told["requestContext"]["approximateInvokeCount"] == 3


async def test_a_flood_makes_no_more_environments_than_the_bound(world: World) -> None:
    release = asyncio.Event()

    async def held(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, _ = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, b"{}")

    world.driver.script = held
    world.function(timeout_s=900)
    await asyncio.gather(*(world.submit(n, request_id=f"id-{n}") for n in range(200)))
    await world.settle()
    assert world.pools.count == 4
    await world.advance(5)
    assert world.pools.count == world.asynchronous.concurrency.function == 32
    release.set()
    await world.finish()
    assert world.asynchronous.outcomes == {"Success": 200}


async def test_events_that_end_sooner_than_an_environment_starts_get_no_further_one(
    world: World,
) -> None:
    turn = asyncio.Condition()

    async def brief(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, _ = await runtime.next()
            async with turn:
                await turn.wait()
            await runtime.respond(request_id, b"{}")

    world.driver.script = brief
    world.function()
    await asyncio.gather(*(world.submit(n, request_id=f"id-{n}") for n in range(40)))
    for _ in range(20):
        await world.settle()
        assert world.pools.count == world.asynchronous.concurrency.first
        async with turn:
            turn.notify_all()
        await world.advance(0.01)
    await world.settle()
    assert world.asynchronous.outcomes == {"Success": 40}


async def test_while_many_wait_to_be_accepted_no_further_environment_starts(world: World) -> None:
    async def slow(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        await asyncio.Event().wait()
        return None

    world.driver.script = slow
    world.function(timeout_s=900)
    await world.crash(concurrency=EventConcurrency(while_busy_s=4))
    await asyncio.gather(*(world.submit(n, request_id=f"id-{n}") for n in range(40)))
    await world.advance(3)
    assert world.pools.count == world.asynchronous.concurrency.first
    await world.advance(5)
    assert world.pools.count == world.asynchronous.concurrency.function
    world.asynchronous.cancel()


async def test_one_functions_backlog_does_not_hold_up_another(world: World) -> None:
    async def slow(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, _ = await runtime.next()
            if runtime.environ["AWS_LAMBDA_FUNCTION_NAME"].startswith("slow"):
                await asyncio.Event().wait()
            await runtime.respond(request_id, b"{}")

    world.driver.script = slow
    world.function("quick")
    for name in ("slow-a", "slow-b", "slow-c"):
        world.function(name, timeout_s=900)
        await asyncio.gather(*(world.submit(n, name, f"{name}-{n}") for n in range(100)))
    await world.settle()
    await world.advance(5)
    # All shared places are taken, and each function's own.
    assert world.pools.count == world.asynchronous.concurrency.total + 3
    for n in range(3):
        await world.submit(n, "quick", f"quick-{n}")
    await world.settle()
    await world.advance(1)
    assert world.asynchronous.outcomes == {"Success": 3}
    world.asynchronous.cancel()


async def test_a_deleted_functions_events_go_with_it(world: World) -> None:
    function = world.function(reserved=1)
    lease = world.invoker._admission.lease(function.latest)
    for n in range(3):
        await world.submit(n, request_id=f"id-{n}")
    await world.settle()
    world.registry.remove(function)
    lease.close()
    await world.settle()
    assert world.asynchronous.pending == 0
    assert world.asynchronous.outcomes == {"FunctionDeleted": 3}
    world.function()
    await world.submit("new", request_id="new")
    await world.advance(1)
    assert [event for _, _, event in world.attempts] == ["new"]


async def test_a_deleted_functions_events_that_the_disk_keeps(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(name: str) -> None:
        raise StorageFull("the disk is full")

    function = world.function(reserved=0)
    await world.submit(1)
    await world.settle()
    (worker,) = world.asynchronous._workers.values()
    monkeypatch.setattr(world.engine, "drop_queue", full)
    world.registry.remove(function)
    await world.settle()
    assert [record.getMessage() for record in caplog.records] == [
        f"events of {ARN}, which is gone, are still kept: the disk is full"
    ]
    assert not worker.is_taking


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("fails", [False, True])
async def test_an_event_whose_record_the_disk_does_not_take_runs_again(
    world: World, monkeypatch: pytest.MonkeyPatch, wrapped: bool, fails: bool
) -> None:
    async def full(*arguments: Any) -> None:
        monkeypatch.undo()
        if wrapped:
            raise AwsError("ServiceException", "It was not kept.") from StorageFull("no room")
        raise StorageFull("no room")

    world.function(config={"MaximumRetryAttempts": 0, "DestinationConfig": SUCCESS | FAILURE})
    world.fails = lambda event: fails
    monkeypatch.setattr(world.told, "deliver", full)
    await world.submit({"n": 1})
    await world.settle()
    assert world.told.messages == []
    assert world.asynchronous.pending == 1
    await world.advance(60)
    ((_, record, _),) = world.told.messages
    assert record["requestPayload"] == {"n": 1}
    assert world.asynchronous.pending == 0


async def test_a_function_as_destination(world: World) -> None:
    target = ARN.replace("hello", "next")
    world.function(config={"DestinationConfig": {"OnSuccess": {"Destination": target}}})
    world.function("next")
    await world.submit({"n": 1})
    await world.settle()
    await world.settle()
    (_, first, _), (name, second, record) = world.attempts
    assert (name, record["requestPayload"]) == ("next", {"n": 1})
    assert first != second


async def test_what_cannot_be_delivered_is_said_and_the_event_ends(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.function(config={"DestinationConfig": SUCCESS})
    world.told.refuses = True
    await world.submit()
    await world.settle()
    assert world.asynchronous.destinations.undelivered == 1
    assert "The specified queue does not exist" in caplog.text
    assert world.asynchronous.pending == 0


async def test_destinations_nobody_serves_are_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:topic"
    world.function(config={"DestinationConfig": {"OnSuccess": {"Destination": topic}}})
    await world.submit()
    await world.settle()
    assert "destinations of sns are not served" in caplog.text


async def test_a_failed_event_that_the_disk_does_not_take_can_be_replayed_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.function(config={"MaximumRetryAttempts": 0})
    world.fails = lambda event: True
    await world.submit({"n": 1})
    await world.settle()
    world.fails = lambda event: False
    write = world.store.database.submit

    def full(work: Work[Any], done: Done) -> None:
        asyncio.get_running_loop().call_soon(done, None, StorageFull("the disk is full"))

    monkeypatch.setattr(world.store.database, "submit", full)
    first, second = await asyncio.gather(
        world.asynchronous.replay("id-1"),
        world.asynchronous.replay("id-1"),
        return_exceptions=True,
    )
    assert isinstance(first, StorageFull)
    assert second is False, "it is on its way already"
    assert [each.event.request_id for each in world.asynchronous.failed()] == ["id-1"]
    monkeypatch.setattr(world.store.database, "submit", write)
    assert await world.asynchronous.replay("id-1")
    assert not world.asynchronous.failed()
    await world.settle()
    assert [event for _, _, event in world.attempts] == [{"n": 1}, {"n": 1}]
    assert not await world.asynchronous.replay("id-1")


async def test_too_many_failed_events_are_deleted_when_the_disk_takes_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(handles: Sequence[str]) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(failures, "KEPT_EVENTS", 1)
    world.function(config={"MaximumRetryAttempts": 0})
    world.fails = lambda event: True
    kept = world.asynchronous.failures
    with monkeypatch.context() as patch:
        patch.setattr(kept._queue, "delete_many", full)
        for n in range(3):
            await world.submit({"n": n}, request_id=f"id-{n}")
            await world.settle()
    assert "old failed events are deleted later: the disk is full" in caplog.text
    assert len(world.asynchronous.failed()) == 3
    assert world.asynchronous.outcomes == {"RetriesExhausted": 3}
    await world.submit({"n": 3}, request_id="id-3")
    await world.settle()
    assert [each.event.request_id for each in world.asynchronous.failed()] == ["id-3"]


async def test_failed_events_are_bounded_by_the_memory_they_take(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short they are, and whichever way they go."""
    world.function(config={"MaximumRetryAttempts": 0})
    world.fails = lambda event: True
    kept = world.asynchronous.failures
    await world.submit({"n": 0}, request_id="id-0")
    await world.settle()
    one = kept._bytes
    assert one > len(b'{"n": 0}') + len("boom")
    monkeypatch.setattr(failures, "KEPT_BYTES", 3 * one)
    for n in range(1, 6):
        await world.submit({"n": n}, request_id=f"id-{n}")
        await world.settle()
    assert [each.event.request_id for each in world.asynchronous.failed()] == [
        "id-3",
        "id-4",
        "id-5",
    ]
    assert kept._bytes == 3 * one
    world.fails = lambda event: False
    for n in (3, 4, 5):
        assert await world.asynchronous.replay(f"id-{n}")
    await world.settle()
    assert kept._bytes == 0


async def test_failed_events_are_kept_and_replayed(world: World) -> None:
    world.function(config={"MaximumRetryAttempts": 0})
    world.fails = lambda event: True
    await world.submit({"n": 1})
    await world.settle()
    await world.crash()
    (failure,) = world.asynchronous.failed()
    assert failure.event.request_id == "id-1"
    assert (failure.condition, failure.error) == ("RetriesExhausted", "boom")
    world.fails = lambda event: False
    assert await world.asynchronous.replay("id-1")
    assert not await world.asynchronous.replay("id-1")
    await world.settle()
    assert world.attempts == [("hello", "id-1", {"n": 1})] * 2
    assert world.asynchronous.failed() == []
    assert world.asynchronous.pending == 0
