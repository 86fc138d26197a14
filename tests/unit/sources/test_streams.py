"""The poller of streams, over a stream in memory and a clock moved by hand."""

from __future__ import annotations

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulator.invoke.redelivery import Redelivery
from emulator.invoke.targets import Delivery, DeliveryFailed
from emulator.model.errors import AwsError
from emulator.model.invocation import InvocationResult
from emulator.sources.mapped_function import Attempt
from emulator.sources.streams import lineage, outcomes
from emulator.sources.streams.base import Position, ShardInfo, StreamKind, StreamRecord
from emulator.sources.streams.checkpoints import MIGRATIONS, Checkpoint, Checkpoints
from emulator.sources.streams.outcomes import Part
from emulator.sources.streams.settings import StreamSettings
from emulator.sources.streams.source import StreamSource
from emulator.store.store import Store
from emulator.testing import FakeClock, until_idle

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:hello"
KIND = StreamKind("KinesisBatchInfo", milliseconds=True, content="data", filtered="kinesis")
FAILED = InvocationResult(payload=b'{"errorMessage": "boom"}', function_error="Unhandled")


@dataclass
class Shard:
    info: ShardInfo
    records: list[StreamRecord] = field(default_factory=list)
    closed: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Cursor:
    def __init__(self, shard: Shard, at: int) -> None:
        self._shard, self._at = shard, at

    @property
    def ended(self) -> bool:
        return self._shard.closed and self._at >= len(self._shard.records)

    async def read(self, limit: int) -> Sequence[StreamRecord]:
        found = self._shard.records[self._at : self._at + limit]
        self._at += len(found)
        return found

    async def wait(self) -> None:
        while not self.ended and self._at >= len(self._shard.records):
            self._shard.news.clear()
            await self._shard.news.wait()

    def close(self) -> None: ...


class Stream:
    """Satisfies ``PolledStream``."""

    def __init__(self) -> None:
        self.there: dict[str, Shard] = {}
        self.news = asyncio.Event()
        self.broken: AwsError | None = None

    async def shards(self) -> list[ShardInfo]:
        self.news.clear()
        if self.broken is not None:
            raise self.broken
        return [each.info for each in self.there.values()]

    async def latest(self) -> dict[str, str]:
        return {key: each.records[-1].sequence for key, each in self.there.items() if each.records}

    async def open(self, shard: ShardInfo, position: Position) -> Cursor:
        found = self.there[shard.key]
        at = 0
        if position.after:
            at = 1 + [each.sequence for each in found.records].index(position.after)
        return Cursor(found, at)

    async def changed(self) -> None:
        await self.news.wait()

    def close(self) -> None: ...


class Function:
    """A function that answers what ``answer`` says, and remembers what it was called with."""

    arn = FUNCTION

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.there = True
        self.events: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Any] = lambda event: None
        self.gate: asyncio.Event | None = None
        self.running = self.most = 0
        #: How old the last record of each batch was, in seconds.
        self.ages: list[float] = []
        #: Says what is delivered twice.
        self.redelivery: Redelivery | None = None

    def comes_again(
        self, id: str, give_back: Callable[[], object], *, ordered: bool = False
    ) -> bool:
        found = self.redelivery
        return found is not None and found.comes_again(self.arn, id, give_back, ordered=ordered)

    def is_ready(self) -> bool:
        return self.there

    async def ready(self) -> None:
        while not self.there:
            await self.changed.wait()

    def measure_age(self, age_s: float) -> None:
        self.ages.append(age_s)

    async def attempt(self, payload: bytes, trace_id: str = "") -> Attempt:
        event = json.loads(payload)
        self.events.append(event)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            answer = self.answer(event)
        finally:
            self.running -= 1
        if isinstance(answer, BaseException):
            raise answer
        if not isinstance(answer, InvocationResult):
            answer = InvocationResult(payload=json.dumps(answer).encode())
        return Attempt(f"request-{len(self.events)}", "$LATEST", answer)

    def batches(self) -> list[list[str]]:
        return [[_name(record) for record in event["Records"]] for event in self.events]


def _name(record: dict[str, Any]) -> str:
    return str(record["kinesis"]["sequenceNumber"])


class Kept:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.all: dict[str, Checkpoint] = {}

    async def load(self, mapping: str) -> dict[str, Checkpoint]:
        return dict(self.all)

    def save(self, mapping: str, shard: str, checkpoint: Checkpoint) -> None:
        self.all[shard] = checkpoint

    def forget(self, mapping: str, shard: str) -> None:
        self.all.pop(shard, None)

    async def flush(self) -> None: ...


class Targets:
    def __init__(self) -> None:
        self.delivered: list[dict[str, Any]] = []
        #: Where each went, and as which object.
        self.places: list[tuple[str, str]] = []
        self.refusals = 0

    async def deliver(self, arn: str, delivery: Delivery) -> None:
        if self.refusals:
            self.refusals -= 1
            raise DeliveryFailed(arn, "not now")
        self.delivered.append(json.loads(delivery.payload))
        self.places.append((arn, delivery.object_key))


class World:
    def __init__(self) -> None:
        self.clock, self.stream, self.function = FakeClock(), Stream(), Function()
        self.kept, self.targets = Kept(), Targets()
        self.results: list[str] = []
        self.source: StreamSource
        self._run: asyncio.Task[None] | None = None
        self._number = 0

    def shard(self, name: str = "shard", *parents: str) -> Shard:
        shard = self.stream.there[name] = Shard(ShardInfo(name, name, parents))
        self.stream.news.set()
        return shard

    def put(self, shard: Shard, *data: str, key: str = "k") -> None:
        for each in data:
            self._number += 1
            sequence = f"{self._number}"
            event = {
                "kinesis": {
                    "sequenceNumber": sequence,
                    "partitionKey": key,
                    "data": b64encode(each.encode()).decode(),
                }
            }
            record = StreamRecord(sequence, key, self.clock.now(), event, 100 + len(each))
            shard.records.append(record)
        shard.news.set()

    def close(self, shard: Shard) -> None:
        shard.closed = True
        shard.news.set()

    async def poll(self, **mapping: Any) -> None:
        settings = StreamSettings.of(
            {
                "UUID": "mapping",
                "EventSourceArn": ARN,
                "FunctionArn": FUNCTION,
                "StartingPosition": "TRIM_HORIZON",
                **mapping,
            },
            KIND,
        )

        self.source = StreamSource(
            settings,
            self.stream,
            self.clock,
            self.kept,  # type: ignore[arg-type]
            targets=self.targets,  # type: ignore[arg-type]
            report=self.results.append,
            before=getattr(self, "source", None),
        )
        self._run = asyncio.get_running_loop().create_task(
            self.source.run(self.function)  # type: ignore[arg-type]
        )
        await until_idle()

    async def stop(self, *, drain: bool = True) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait((self._run,))
            if not drain:
                self.source.cancel()
            await self.source.drain()
            if not self._run.cancelled():
                self._run.result()
            self._run = None

    @property
    def batches(self) -> list[list[str]]:
        return self.function.batches()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.stop(drain=False)


async def test_batches_follow_each_other_in_order(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"abcde")
    await world.poll(BatchSize=2)
    assert world.batches == [["1", "2"], ["3", "4"], ["5"]]
    assert world.function.most == 1
    assert world.kept.all["shard"] == Checkpoint("5")
    assert world.results[-1] == "OK"


async def test_a_batch_waits_for_its_window_or_until_it_is_full(world: World) -> None:
    shard = world.shard()
    await world.poll(BatchSize=3, MaximumBatchingWindowInSeconds=5)
    world.put(shard, "a")
    await world.clock.advance(4.9)
    assert world.batches == []
    await world.clock.advance(0.1)
    assert world.batches == [["1"]]
    world.put(shard, *"bcd")
    await until_idle()
    assert world.batches[1:] == [["2", "3", "4"]]


async def test_records_of_one_key_keep_their_order_in_parallel_lanes(world: World) -> None:
    rng = random.Random(13)
    shard = world.shard()
    world.function.gate = asyncio.Event()
    await world.poll(BatchSize=1, ParallelizationFactor=3)
    for _ in range(60):
        world.put(shard, "x", key=rng.choice("abcdefgh"))
    await until_idle()
    assert world.function.most == 3
    world.function.gate.set()
    await until_idle()
    seen: dict[str, list[int]] = {}
    for event in world.function.events:
        for record in event["Records"]:
            kinesis = record["kinesis"]
            seen.setdefault(kinesis["partitionKey"], []).append(int(kinesis["sequenceNumber"]))
    assert sum(map(len, seen.values())) == 60
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert world.kept.all["shard"].sequence == "60"


async def test_a_failed_batch_is_tried_again_with_growing_pauses(world: World) -> None:
    shard = world.shard()
    world.function.answer = lambda event: FAILED
    await world.poll(MaximumRetryAttempts=3, DestinationConfig={"OnFailure": {"Destination": ARN}})
    world.put(shard, "a")
    await until_idle()
    for pause, calls in ((0.5, 2), (1.0, 3), (2.0, 4)):
        await world.clock.advance(pause - 0.01)
        assert len(world.batches) == calls - 1
        await world.clock.advance(0.01)
        assert len(world.batches) == calls
    (record,) = world.targets.delivered
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 4
    assert record["responseContext"] == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
    }  # fmt: skip
    assert record["KinesisBatchInfo"]["batchSize"] == 1
    assert "payload" not in record
    assert world.kept.all["shard"].sequence == "1"
    world.put(shard, "b")
    await until_idle()
    assert world.batches[-1] == ["2"]


@pytest.mark.parametrize("closed", [True, False])
async def test_a_shard_whose_batch_failed_here_is_read_again(world: World, closed: bool) -> None:
    shard = world.shard()
    world.put(shard, "a")
    if closed:
        world.close(shard)
    world.function.answer = lambda event: RuntimeError("a bug")
    await world.poll()
    assert not world.kept.all.get("shard", Checkpoint()).finished
    world.function.answer = lambda event: None
    await world.clock.advance(1.0)
    assert world.batches == [["1"], ["1"]]
    assert world.kept.all["shard"] == Checkpoint("1", finished=closed)


async def test_without_bounds_a_batch_is_tried_for_ever(world: World) -> None:
    shard = world.shard()
    world.function.answer = lambda event: FAILED
    await world.poll()
    world.put(shard, "a")
    await world.clock.advance(86400)
    assert len(world.batches) > 1000
    assert set(map(tuple, world.batches)) == {("1",)}


async def test_a_failed_batch_is_split_until_its_culprit_is_alone(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"abcdefgh")
    world.function.answer = lambda event: FAILED if "6" in map(_name, event["Records"]) else None
    await world.poll(
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": ARN}},
    )
    await world.clock.advance(60)
    assert world.batches == [
        list("12345678"), list("1234"), list("5678"), list("56"), ["5"], ["6"], ["6"], list("78"),
    ]  # fmt: skip
    (record,) = world.targets.delivered
    info = record["KinesisBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == ("6", "6")
    assert world.kept.all["shard"].sequence == "8"


async def test_a_function_says_where_it_failed(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"abcde")
    failures = {"batchItemFailures": [{"itemIdentifier": "4"}, {"itemIdentifier": "3"}]}
    answers = iter([failures, {"batchItemFailures": []}])
    world.function.answer = lambda event: next(answers)
    await world.poll(FunctionResponseTypes=["ReportBatchItemFailures"])
    assert world.kept.all["shard"].sequence == "2"
    await world.clock.advance(1)
    assert world.batches == [list("12345"), list("345")]
    assert world.kept.all["shard"].sequence == "5"


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": {}}]},
        {"batchItemFailures": [{"itemIdentifier": "9"}]},
        {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": None}]},
        {"batchItemFailures": "2"},
        [1],
        "text",
    ],
)
async def test_an_answer_that_cannot_be_understood_fails_the_batch(
    world: World, answer: Any
) -> None:
    shard = world.shard()
    world.put(shard, *"ab")
    answers = iter([answer, None])
    world.function.answer = lambda event: next(answers)
    await world.poll(FunctionResponseTypes=["ReportBatchItemFailures"])
    await world.clock.advance(1)
    assert world.batches == [["1", "2"], ["1", "2"]]


async def test_records_that_are_too_old_are_given_up(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a", "b")
    await world.clock.advance(61)
    world.put(shard, "c")
    await world.poll(
        MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": ARN}}
    )
    assert world.batches == [["3"]]
    (record,) = world.targets.delivered
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert "responseContext" not in record
    assert record["KinesisBatchInfo"]["batchSize"] == 2


async def test_retries_end_when_the_record_has_grown_old(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a")
    world.function.answer = lambda event: FAILED
    await world.poll(
        MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": ARN}}
    )
    await world.clock.advance(59)
    assert world.targets.delivered == []
    await world.clock.advance(1)
    (record,) = world.targets.delivered
    assert record["requestContext"]["approximateInvokeCount"] == 8


async def test_throttling_is_no_attempt_and_ends_with_age(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a")
    throttled = AwsError("TooManyRequestsException", "Rate Exceeded.")
    answers = iter([throttled] * 3 + [None])
    world.function.answer = lambda event: next(answers)
    await world.poll(MaximumRetryAttempts=0)
    await world.clock.advance(2)
    assert len(world.batches) == 4
    assert world.targets.delivered == []
    assert world.kept.all["shard"].sequence == "1"


async def test_a_record_of_a_failure_goes_to_a_bucket_with_its_payload(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a")
    world.function.answer = lambda event: FAILED
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::failures"}}
    await world.poll(MaximumRetryAttempts=0, DestinationConfig=destination)
    ((bucket, key),), (body,) = world.targets.places, world.targets.delivered
    assert bucket == "arn:aws:s3:::failures"
    assert key.startswith("aws/lambda/mapping/shard/2023/11/14/2023-11-14T22.13.20-")
    assert json.loads(body["payload"])["Records"][0]["kinesis"]["sequenceNumber"] == "1"


async def test_a_destination_that_fails_is_asked_again(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a", "b")
    world.function.answer = lambda event: FAILED
    world.targets.refusals = 2
    await world.poll(
        BatchSize=1, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": ARN}}
    )
    assert world.batches == [["1"]]
    await world.clock.advance(3)
    assert len(world.targets.delivered) == 2


async def test_what_no_destination_took_comes_again_after_the_end(world: World) -> None:
    shard = world.shard()
    world.put(shard, "a")
    world.function.answer = lambda event: FAILED
    world.targets.refusals = 2
    options: dict[str, Any] = {
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnFailure": {"Destination": ARN}},
    }
    await world.poll(**options)
    await world.stop()
    assert world.kept.all == {}
    await world.poll(**options)
    assert len(world.targets.delivered) == 1
    assert world.batches == [["1"], ["1"]]


async def test_filters_see_the_decoded_data(world: World) -> None:
    shard = world.shard()
    world.put(shard, '{"kind": "a"}', '{"kind": "b"}', "text", '{"kind": "a"}')
    pattern = json.dumps({"data": {"kind": ["a"]}})
    await world.poll(FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert world.batches == [["1", "4"]]
    world.put(shard, "text")
    await until_idle()
    assert world.kept.all["shard"].sequence == "5"


async def test_children_are_read_after_their_parents(world: World) -> None:
    parent = world.shard("parent")
    world.put(parent, *"ab")
    world.function.gate = asyncio.Event()
    await world.poll(BatchSize=1)
    child, other = world.shard("child", "parent"), world.shard("other")
    world.put(child, "c")
    world.put(other, "d")
    world.close(parent)
    await until_idle()
    assert sorted(world.batches) == [["1"], ["4"]]
    world.function.gate.set()
    await until_idle()
    assert world.batches.index(["3"]) > world.batches.index(["2"])
    assert world.kept.all["parent"].finished
    del world.stream.there["parent"]
    world.stream.news.set()
    await until_idle()
    assert "parent" not in world.kept.all


async def test_what_is_in_flight_ends_before_a_changed_mapping_goes_on(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"ab")
    world.function.gate = asyncio.Event()
    await world.poll(BatchSize=1)
    run, before = world._run, world.source
    assert run is not None
    run.cancel()
    draining = asyncio.ensure_future(before.drain())
    await world.poll(BatchSize=2)
    assert world.batches == [["1"]]
    world.function.gate.set()
    await draining
    await until_idle()
    assert world.batches == [["1"], ["2"]]


async def test_what_was_done_is_not_done_again_after_a_restart(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"abc")
    await world.poll(BatchSize=1)
    await world.stop()
    world.put(shard, "d")
    await world.poll(BatchSize=10)
    assert world.batches == [["1"], ["2"], ["3"], ["4"]]


async def test_a_batch_that_was_cut_off_comes_again(world: World) -> None:
    shard = world.shard()
    world.put(shard, *"ab")
    world.function.gate = asyncio.Event()
    await world.poll(BatchSize=1)
    await world.stop(drain=False)
    world.function.gate = None
    await world.poll(BatchSize=1)
    assert world.batches == [["1"], ["1"], ["2"]]


async def test_a_window_keeps_its_state_and_is_closed(world: World) -> None:
    shard = world.shard()
    await world.clock.advance(40)  # to the beginning of a window of a minute
    start = "2023-11-14T22:14:00Z"

    def count(event: dict[str, Any]) -> Any:
        return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}

    world.function.answer = count
    await world.poll(BatchSize=2, TumblingWindowInSeconds=60)
    world.put(shard, *"abc")
    await until_idle()
    assert [event["state"] for event in world.function.events] == [{}, {"n": 2}]
    first = world.function.events[0]
    assert first["window"] == {"start": start, "end": "2023-11-14T22:15:00Z"}
    assert (first["shardId"], first["eventSourceARN"]) == ("shard", ARN)
    assert not first["isFinalInvokeForWindow"]
    await world.stop()
    await world.poll(BatchSize=2, TumblingWindowInSeconds=60)
    await world.clock.advance(59)
    assert len(world.function.events) == 2
    await world.clock.advance(1)
    last = world.function.events[-1]
    assert last["Records"] == []
    assert last["state"] == {"n": 3}
    assert last["isFinalInvokeForWindow"]
    assert not last["isWindowTerminatedEarly"]
    world.put(shard, "d")
    await until_idle()
    assert world.function.events[-1]["state"] == {}


async def test_records_of_two_windows_share_no_batch(world: World) -> None:
    shard = world.shard()
    await world.clock.advance(40)
    world.put(shard, *"ab")
    await world.clock.advance(60)
    world.put(shard, "c")
    await world.poll(TumblingWindowInSeconds=60)
    assert world.batches == [["1", "2"], [], ["3"]]


async def test_a_window_whose_state_is_too_large_ends_early(world: World) -> None:
    shard = world.shard()
    world.function.answer = lambda event: {"state": "x" * (1 << 20)}
    await world.poll(TumblingWindowInSeconds=900)
    world.put(shard, "a")
    await until_idle()
    last = world.function.events[-1]
    assert last["isFinalInvokeForWindow"]
    assert last["isWindowTerminatedEarly"]


async def test_a_stream_that_is_gone_is_told_and_tried_again(world: World) -> None:
    world.stream.broken = AwsError("ResourceNotFoundException", "Stream s not found.")
    await world.poll()
    assert world.results == ["PROBLEM: Stream s not found."]
    world.stream.broken = None
    world.put(world.shard(), "a")
    await world.clock.advance(1)
    assert world.batches == [["1"]]


async def test_a_function_that_is_not_there_is_waited_for(world: World) -> None:
    shard = world.shard()
    world.function.there = False
    world.put(shard, "a")
    await world.poll()
    assert world.batches == []
    world.function.there = True
    world.function.changed.set()
    await until_idle()
    assert world.batches == [["1"]]


def test_only_shards_whose_parents_are_done_may_be_read() -> None:
    shards = [
        ShardInfo("0", "0"),
        ShardInfo("1", "1", ("0",)),
        ShardInfo("2", "2", ("0", "gone")),
        ShardInfo("3", "3", ("1", "2")),
    ]
    assert lineage.readable(shards, [], []) == [shards[0]]
    assert lineage.readable(shards, ["0"], ["1"]) == [shards[2]]
    assert lineage.readable(shards, ["0", "1", "2"], []) == [shards[3]]


@pytest.mark.parametrize("seed", range(20))
def test_every_record_ends_once(seed: int) -> None:
    rng = random.Random(seed)
    parts = [Part(0, 50)]
    done: list[int] = []
    given_up: list[int] = []
    for _ in range(10_000):
        if not parts:
            break
        part = parts.pop(0)
        failed = rng.choice([None, rng.randrange(part.start, part.end)])
        outcome = outcomes.judge(
            part, failed, bisects=bool(seed % 2), retries=rng.choice([0, 1, 3])
        )
        done += range(part.start, outcome.done)
        if outcome.given_up is not None:
            given_up += range(outcome.given_up.start, outcome.given_up.end)
        parts[:0] = outcome.retry
    assert parts == [], f"seed {seed}"
    assert sorted(done + given_up) == list(range(50)), f"seed {seed}"


async def test_checkpoints_last(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    kept = Checkpoints(store.open_database("checkpoints", MIGRATIONS))
    kept.save("one", "a", Checkpoint("1"))
    kept.save("one", "a", Checkpoint("2", windows="{}"))
    kept.save("one", "b", Checkpoint("3", finished=True))
    kept.save("two", "a", Checkpoint("9"))
    kept.forget("one", "b")
    await kept.close()
    await store.close()
    store = Store.open(tmp_path)
    kept = Checkpoints(store.open_database("checkpoints", MIGRATIONS))
    assert await kept.load("one") == {"a": Checkpoint("2", windows="{}")}
    await kept.keep(["one"])
    assert await kept.load("two") == {}
    await store.close()


async def test_a_batch_comes_twice_before_any_that_follow(world: World) -> None:
    shard = world.shard()
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.put(shard, *"abcde")
    await world.poll(BatchSize=2)
    # It is not done before it has come again: whoever reads the shard anew loses nothing.
    assert world.batches == [["1", "2"]]
    assert "shard" not in world.kept.all
    for _ in range(10):
        await world.clock.advance(0.2)
    assert world.batches == [["1", "2"]] * 2 + [["3", "4"]] * 2 + [["5"]] * 2
    assert world.function.most == 1
    assert world.kept.all["shard"] == Checkpoint("5")


async def test_only_a_batch_that_did_not_fail_comes_again(world: World) -> None:
    shard = world.shard()
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.function.answer = lambda event: FAILED if len(world.function.events) == 1 else None
    world.put(shard, "a")
    await world.poll()
    await world.clock.advance(0.6)
    await world.clock.advance(0.3)
    await world.clock.advance(60)
    assert world.batches == [["1"]] * 3
    assert world.kept.all["shard"] == Checkpoint("1")


async def test_the_end_does_not_wait_for_a_second_delivery(world: World) -> None:
    shard = world.shard()
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.put(shard, "a")
    await world.poll()
    await world.stop()
    assert world.batches == [["1"]]
    assert world.kept.all == {}  # it comes again after the start


async def test_the_second_delivery_of_a_window_has_the_state_of_the_first(world: World) -> None:
    shard = world.shard()
    world.function.redelivery = Redelivery(world.clock, everything=True)
    world.function.answer = lambda event: {
        "state": {"sum": event["state"].get("sum", 0) + len(event["Records"])}
    }
    world.put(shard, *"abc")
    await world.poll(BatchSize=2, TumblingWindowInSeconds=60)
    for _ in range(5):
        await world.clock.advance(0.2)
    assert world.batches == [["1", "2"]] * 2 + [["3"]] * 2
    assert [event["state"] for event in world.function.events] == [{}, {}, {"sum": 2}, {"sum": 2}]
