"""What Kinesis does as time passes, on a clock that jumps; and what a shard takes in a second."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.services.kinesis import limits, sequences
from emulator.services.kinesis.chunks import pack, unpack
from emulator.services.kinesis.limits import Meter
from emulator.services.kinesis.log import Log, ShardLog
from emulator.services.kinesis.sequences import Sequence
from emulator.settings import Settings
from emulator.store.store import Store
from emulator.testing import FakeClock, ScriptedDriver
from tests.api.conftest import Running
from tests.api.standing_clock import StandingClock
from tests.patience import until

HOUR_S = 3600
_accounts = count(1)


@pytest.fixture(scope="module")
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture(scope="module")
def running(clock: JumpingClock) -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=clock)
    yield running
    running.stop()


@pytest.fixture
def kinesis(running: Running) -> Iterator[Any]:
    # Each test has an account of its own.
    client = running.client("kinesis", account=f"{next(_accounts):012d}")
    client.create_stream(StreamName="s", ShardCount=1)
    yield client
    client.close()
    running.call(lambda: running.emulator.table.reset(None))


def iterator(kinesis: Any, kind: str = "TRIM_HORIZON", shard: int = 0, **more: Any) -> str:
    answer = kinesis.get_shard_iterator(
        StreamName="s", ShardId=sequences.shard_id(shard), ShardIteratorType=kind, **more
    )
    return str(answer["ShardIterator"])


def put(kinesis: Any, data: str) -> str:
    answer = kinesis.put_record(StreamName="s", Data=data.encode(), PartitionKey="k")
    return str(answer["SequenceNumber"])


def read(kinesis: Any, at: str) -> list[str]:
    return [each["Data"].decode() for each in kinesis.get_records(ShardIterator=at)["Records"]]


def test_records_are_found_by_time_and_trimmed_after_theirs(
    running: Running, kinesis: Any, clock: JumpingClock
) -> None:
    put(kinesis, "a")
    running.call(lambda: clock.jump(HOUR_S))
    between = running.call(clock.now)
    last = put(kinesis, "b")
    assert read(kinesis, iterator(kinesis, "AT_TIMESTAMP", Timestamp=between)) == ["b"]
    answer = kinesis.get_records(ShardIterator=iterator(kinesis), Limit=1)
    assert answer["MillisBehindLatest"] >= HOUR_S * 1000 - 1000
    running.call(lambda: clock.jump(23.5 * HOUR_S))
    assert read(kinesis, iterator(kinesis)) == ["b"]
    log = running.call(lambda: running.emulator.table.state("kinesis")).log
    until(lambda: log.size == len("kb"))
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    running.call(lambda: clock.jump(5 * HOUR_S))
    assert read(kinesis, iterator(kinesis)) == ["b"]
    running.call(lambda: clock.jump(24 * HOUR_S))
    assert read(kinesis, iterator(kinesis)) == []
    # Numbers grow on, though nothing is left.
    until(lambda: log.size == 0)
    assert int(put(kinesis, "c")) > int(last)


def test_a_closed_shard_goes_with_its_records(
    running: Running, kinesis: Any, clock: JumpingClock
) -> None:
    put(kinesis, "a")
    kinesis.split_shard(
        StreamName="s", ShardToSplit=sequences.shard_id(0), NewStartingHashKey=str(2**127)
    )
    running.call(lambda: clock.jump(25 * HOUR_S))

    def shards() -> list[str]:
        return [each["ShardId"] for each in kinesis.list_shards(StreamName="s")["Shards"]]

    until(lambda: shards() == [sequences.shard_id(1), sequences.shard_id(2)])
    (first, _) = kinesis.list_shards(StreamName="s")["Shards"]
    # Its parent is gone, and named all the same, as on AWS.
    assert first["ParentShardId"] == sequences.shard_id(0)


@pytest.fixture
def standing() -> Iterator[tuple[Any, StandingClock]]:
    """A client of an emulator with a stream, and its clock."""
    clock = StandingClock()
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=clock)
    kinesis = running.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    yield kinesis, clock
    kinesis.close()
    running.stop()


def test_iterators_expire_after_five_minutes(standing: tuple[Any, StandingClock]) -> None:
    kinesis, clock = standing
    at = iterator(kinesis)
    clock.moment += 299
    assert read(kinesis, at) == []
    clock.moment += 2
    with pytest.raises(ClientError, match=r"Iterator expired\. The iterator was created at time"):
        kinesis.get_records(ShardIterator=at)


def test_a_shard_takes_and_gives_so_much_a_second(standing: tuple[Any, StandingClock]) -> None:
    kinesis, clock = standing
    records = [{"Data": b"x", "PartitionKey": "k"}] * 400
    failed = sum(
        kinesis.put_records(StreamName="s", Records=records)["FailedRecordCount"] for _ in range(5)
    )
    assert failed == 1000
    clock.moment += 1
    large = {"StreamName": "s", "Data": b"x" * 900_000, "PartitionKey": "k"}
    kinesis.put_record(**large)
    with pytest.raises(ClientError, match=r"Rate exceeded for shard shardId-0{12} in stream s"):
        kinesis.put_record(**large)
    clock.moment += 1
    at = iterator(kinesis, "LATEST")
    for _ in range(5):
        kinesis.get_records(ShardIterator=at)
    with pytest.raises(ClientError) as caught:
        kinesis.get_records(ShardIterator=at)
    assert caught.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"


def test_all_lasts(tmp_path: Path) -> None:
    running = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    kinesis = running.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1, Tags={"a": "b"})
    first = put(kinesis, "a")
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    kinesis.split_shard(
        StreamName="s", ShardToSplit=sequences.shard_id(0), NewStartingHashKey=str(2**127)
    )
    second = put(kinesis, "b")
    before = kinesis.list_shards(StreamName="s")["Shards"]
    kinesis.close()
    running.stop()
    running = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    kinesis = running.client("kinesis")
    assert kinesis.list_shards(StreamName="s")["Shards"] == before
    assert kinesis.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "a", "Value": "b"}]
    assert len(kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]) == 1
    parent = kinesis.get_records(ShardIterator=iterator(kinesis))
    assert [each["SequenceNumber"] for each in parent["Records"]] == [first]
    assert "NextShardIterator" not in parent
    found = sequences.parse(second)
    assert found is not None
    assert read(kinesis, iterator(kinesis, shard=found.shard)) == ["b"]
    assert int(put(kinesis, "c")) > int(second)
    kinesis.close()
    running.stop()


def test_a_reset_of_an_account_leaves_the_others(running: Running, kinesis: Any) -> None:
    other = running.client("kinesis", account="111111111111")
    other.create_stream(StreamName="s", ShardCount=1)
    running.call(lambda: running.emulator.table.reset(f"{next(_accounts) - 1:012d}"))
    assert kinesis.list_streams()["StreamNames"] == []
    assert other.list_streams()["StreamNames"] == ["s"]
    other.close()


def test_sequence_numbers_are_awss() -> None:
    made = Sequence(made_s=1_764_342_000, shard=17, number=5, arrived_ms=1_764_342_001_234)
    assert len(str(made)) == 56
    assert sequences.parse(str(made)) == made
    following = Sequence(1_764_342_000, 17, 6, 1_764_342_001_000)
    child = Sequence(1_764_342_001, 18, 1, 1_764_342_001_000)
    assert int(str(made)) < int(str(following)) < int(str(child))
    base, step = sequences.writer(1_764_342_000, 17, 1_764_342_001_234)
    assert str(base + 5 * step) == str(made)
    assert sequences.parse("12") is None
    assert sequences.parse("x" * 56) is None


def test_ranges_of_hash_keys_have_no_gaps() -> None:
    for shards in (1, 2, 3, 7, 100):
        ranges = sequences.uniform(shards)
        assert ranges[0][0] == 0
        assert ranges[-1][1] == sequences.LARGEST_HASH
        pairs = pairwise(ranges)
        assert all(one[1] + 1 == other[0] for one, other in pairs)


def test_records_are_packed_and_unpacked() -> None:
    records = [("k", b""), ("é" * 100, b"\x00" * 1000), ("", b"x")]
    assert unpack(pack(records)) == records


def test_on_demand_a_shard_takes_twice_what_it_took_before() -> None:
    meter = limits.written(on_demand=True)
    taken = [sum(meter.takes(1, second) for _ in range(5000)) for second in range(4)]
    assert taken == [1000, 2000, 4000, 5000]
    fixed = Meter(10, 100)
    assert [fixed.takes(60, 0.0), fixed.takes(60, 0.5), fixed.takes(60, 1.0)] == [True, False, True]


def test_young_records_are_found_behind_many_old_ones(
    running: Running, kinesis: Any, clock: JumpingClock
) -> None:
    for n in range(12):
        put(kinesis, f"old-{n}")
    at = iterator(kinesis)
    running.call(lambda: clock.jump(200))
    put(kinesis, "young")

    async def read_late() -> list[str]:
        state = await running.emulator.table.state("kinesis")
        (stream,) = state.of(kinesis_account(), "us-east-1")
        (shard,) = stream.shards.values()
        # As after a restart: nothing is in memory.
        state.log.forget(shard.log)
        after_ms = int((clock.now() - 100) * 1000)
        found = await state.log.read(shard.log, 1, limit=2, most_bytes=1000, after_ms=after_ms)
        return [each.data.decode() for each in found]

    assert running.call(read_late) == ["young"]
    assert len(read(kinesis, at)) == 13


def kinesis_account() -> str:
    """Return the account of the test that runs."""
    return f"{next(_accounts) - 1:012d}"


async def test_the_oldest_records_go_first_for_want_of_room() -> None:
    store = Store.open(None)
    migrations = files("emulator.services.kinesis") / "migrations"
    database = store.open_database("kinesis", migrations)
    log = Log(database, FakeClock(), most_bytes=1000)
    shard = ShardLog(1)
    for _ in range(50):
        await log.append(shard, [("k", b"x" * 99)])
    await database.read(lambda connection: None)
    assert 800 <= log.size <= 1000
    assert log.size + log.dropped == 5000
    # As after a restart: nothing is in memory. What has gone is passed over.
    log.forget(shard)
    found = await log.read(shard, 1, limit=100, most_bytes=10**6)
    assert [each.number for each in found] == list(range(51 - log.size // 100, 51))
    await store.close()
