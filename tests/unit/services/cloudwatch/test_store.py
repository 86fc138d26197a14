"""Metrics on the disk: put together as they get old, and bounded in bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from emulator.services.cloudwatch import rows
from emulator.services.cloudwatch.series import Data, Series
from emulator.services.cloudwatch.statistic import statistic
from emulator.services.cloudwatch.store import MetricStore
from emulator.store.store import Store
from emulator.telemetry.metrics.aggregate import Aggregate
from emulator.testing import FakeClock, RecordingConsole

_DAY_S = 86_400
_SERIES = Series("000000000000", "us-east-1", "Shop", "orders")


class Kept:
    """A store of metrics on a clock that a test moves."""

    def __init__(self, store: Store, most_bytes: int) -> None:
        self.clock, self.console = FakeClock(), RecordingConsole()
        self.metrics = MetricStore(store, self.clock, self.console, most_bytes)

    async def put(self, ago_s: float, width: int, *values: float, name: str = "orders") -> int:
        """Put values of some time ago; return where their stretch of time begins."""
        at = int(self.clock.now() - ago_s) // width * width
        data = Aggregate()
        for value in values:
            data.add(value)
        series = _SERIES._replace(name=name)
        await self.metrics.put([Data(series, "Count", at, width, data)])
        return at

    async def widths(self) -> list[tuple[int, int]]:
        """Return the stretches of time that data is kept of, each with how many there are."""
        question = "SELECT width, count(*) FROM data GROUP BY width ORDER BY width"
        database = self.metrics._database
        return await database.read(lambda c: list(c.execute(question)))

    async def age(self) -> None:
        """Let what is due happen, and be written."""
        await self.clock.advance(301)
        await self.metrics._database.write(lambda c: None)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = Store.open(None)
    yield made
    await made.close()


async def test_data_is_put_together_as_it_gets_old(store: Store) -> None:
    kept = Kept(store, 64 << 20)
    at = int(kept.clock.now() - 20 * _DAY_S) // 300 * 300
    for minute in range(5):
        await kept.put(
            kept.clock.now() - at - 60 * minute, 60, *range(10 * minute, 10 * minute + 10)
        )
    await kept.put(4 * 3600, 1, 1.0)
    await kept.put(3600, 1, 2.0)
    await kept.put(100 * _DAY_S, 300, 3.0)
    await kept.put(456 * _DAY_S, 3600, 4.0, name="forgotten")
    await kept.age()
    # 20 days old: five minutes; 4 hours: a minute; 100 days: an hour; an hour: as it came.
    assert await kept.widths() == [(1, 1), (60, 1), (300, 1), (3600, 1)]
    (found,) = await kept.metrics.read(_SERIES, "Count", at, at + 300, 300)
    assert (found.values.samples, found.values.total) == (50, sum(range(50)))
    assert (found.values.least, found.values.most) == (0, 49)
    half = statistic("p50")
    assert half is not None
    assert half(found.values) == pytest.approx(24.5, abs=1)
    # What is kept by five minutes has no data by the minute, as on AWS.
    assert await kept.metrics.read(_SERIES, "Count", at, at + 300, 60) == []
    known = await kept.metrics.metrics("000000000000", "us-east-1")
    assert {each.series.name for each in known} == {"orders"}
    await kept.metrics.close()


async def test_it_is_bounded_in_bytes_and_the_newest_stay(store: Store) -> None:
    kept = Kept(store, 1 << 20)
    size = kept.metrics._database
    for number in range(25_000):
        if number % 500 == 0:
            every = [
                Data(
                    _SERIES._replace(name=f"m{each:06}"),
                    "Count",
                    60 * each,
                    60,
                    Aggregate.of(float(each)),
                )
                for each in range(number, number + 500)
            ]
            await kept.metrics.put(every)
    # It is looked at again after some thousand writes.
    assert await size.read(rows.size) < (1 << 20) + (1 << 19)
    known = await kept.metrics.metrics("000000000000", "us-east-1")
    names = [each.series.name for each in known]
    assert 1_000 < len(names) < 24_000
    assert names[-1] == "m024999"
    assert names == [f"m{each:06}" for each in range(25_000 - len(names), 25_000)]
    (warned,) = kept.console.warnings
    assert "removes the oldest ones" in warned
    await kept.metrics.close()
