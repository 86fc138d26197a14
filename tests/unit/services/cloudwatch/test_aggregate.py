"""Values kept as one, and their statistics."""

from __future__ import annotations

import random

import pytest

from emulator.services.cloudwatch.statistic import statistic
from emulator.telemetry.metrics.aggregate import MOST_VALUES, Aggregate, Sketch


def value(name: str, data: Aggregate) -> float | None:
    find = statistic(name)
    assert find is not None
    return find(data)


def test_many_values_stay_few_and_percentiles_near() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    data = Aggregate()
    given = [source.lognormvariate(3, 2) for _ in range(20_000)]
    for each in given:
        data.add(each)
    given.sort()
    assert data.values is not None
    assert len(data.values) <= MOST_VALUES
    assert data.samples == 20_000
    assert data.total == pytest.approx(sum(given))
    assert (data.least, data.most) == (given[0], given[-1])
    for share in (10, 50, 90, 99):
        exact = given[round(share / 100 * (len(given) - 1))]
        assert value(f"p{share}", data) == pytest.approx(exact, rel=0.1)


def test_what_is_packed_is_the_same_again() -> None:
    data = Aggregate()
    for each in (3.0, -1.5, 3.0, 0.0):
        data.add(each)
    again = Aggregate.unpacked(data.samples, data.total, data.least, data.most, data.packed())
    assert again.values == {3.0: 2.0, -1.5: 1.0, 0.0: 1.0}
    again.merge(Aggregate.of(9.0))
    assert (again.samples, again.total, again.most) == (5.0, 13.5, 9.0)


def test_a_statistic_set_makes_the_whole_unknown_but_for_single_values() -> None:
    data = Aggregate.of(1.0)
    data.add_set(1, 5, 5, 5)
    assert value("p100", data) == 5.0
    data.add_set(3, 6, 1, 3)
    assert value("p50", data) is None
    assert (value("Sum", data), value("Maximum", data)) == (12.0, 5.0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("p0", 1),
        ("p50", 5.5),
        ("p99.9", 9.991),
        ("tm90", 5.0),
        ("TM(10%:90%)", 5.5),
        ("TM(2:8)", 5.5),
        ("IQM", 5.5),
        ("wm90", 5.4),
        ("WM(3:8)", 5.5),
        ("tc80", 8),
        ("TS(80%:)", 19),
        ("PR(:3)", 30),
        ("PR(3:)", 70),
    ],
)
def test_extended_statistics_of_one_to_ten(name: str, wanted: float) -> None:
    data = Aggregate()
    for each in range(1, 11):
        data.add(float(each))
    assert value(name, data) == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["p101", "p", "TM(:)", "TM(10%:90)", "PR(1%:2%)", "average", ""])
def test_other_names_are_no_statistics(name: str) -> None:
    assert statistic(name) is None


def test_a_sketch_keeps_sums_and_ends_and_nearly_the_percentiles() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    source = random.Random(seed)
    given = [0.0, *(source.lognormvariate(3, 2) for _ in range(20_000))]
    sketch = Sketch()
    for first in range(0, len(given), 512):
        sketch.add(given[first : first + 512])
    data = sketch.aggregate()
    given.sort()
    assert data.values is not None
    assert len(data.values) <= MOST_VALUES
    assert (data.samples, data.values[0.0]) == (20_001, 1)
    assert data.total == pytest.approx(sum(given))
    assert (data.least, data.most) == (given[0], given[-1])
    for share in (10, 50, 90, 99):
        exact = given[round(share / 100 * (len(given) - 1))]
        assert value(f"p{share}", data) == pytest.approx(exact, rel=0.1)
