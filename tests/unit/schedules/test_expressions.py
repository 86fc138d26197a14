"""Schedule expressions: what is one, and when it is due."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter

from emulator.schedules.cron import parse_cron
from emulator.schedules.errors import ScheduleError
from emulator.schedules.expressions import parse_rule_expression, parse_schedule_expression
from emulator.schedules.schedule import Schedule, window_offset_s, zone_of

_VALID = [
    "cron(0 10 * * ? *)",
    "cron(15 12 * * ? *)",
    "cron(0 18 ? * MON-FRI *)",
    "cron(0 8 1 * ? *)",
    "cron(0/10 * ? * MON-FRI *)",
    "cron(0/5 8-17 ? * MON-FRI *)",
    "cron(0 9 ? * 2#1 *)",
    "cron(15 10 ? * 6L 2019-2030)",
    "cron(* * ? * SAT#3 *)",
    "cron(0/5 5 ? JAN 1-5 2022)",
    "cron(0 10 L * ? *)",
    "cron(0 10 LW * ? *)",
    "cron(0 10 15W JAN,MAR-MAY ? *)",
    "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)",
    "cron(30-30 13-13 ? * 2,4,6 *)",
    "cron(1-31/30 1-1 ? * 1,7 *)",
    "cron(0 0 ? * fri-mon *)",
    "rate(1 minute)",
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(7 days)",
]
_INVALID = [
    "",
    "rate",
    "rate()",
    "rate(10)",
    "rate(10 years)",
    "rate(-10 minutes)",
    "rate(0 minutes)",
    "rate(1.5 hours)",
    " rate(10 minutes)",
    "rate(10 minutes) ",
    "rate( 10 minutes)",
    "RATE(10 minutes)",
    "rate(10 Minutes)",
    "rate(10minutes)",
    "cron()",
    "cron(INVALID)",
    "cron(0 dummy ? * MON-FRI *)",
    "cron(71 8 1 * ? *)",
    "cron(0 24 1 * ? *)",
    "cron(0 1 * * * *)",
    "cron(0 1 ? * ? *)",
    "cron(0 1 1 * MON *)",
    "cron(7 20 * * NOT *)",
    "cron(0 10 * * ?)",
    "cron(0 10 * * ? * *)",
    "cron(0 10 32 * ? *)",
    "cron(0 10 0 * ? *)",
    "cron(0 10 * 13 ? *)",
    "cron(0 10 ? * 8 *)",
    "cron(0 10 ? * 0 *)",
    "cron(0 10 ? * 2#6 *)",
    "cron(0 10 ? * 2#0 *)",
    "cron(0 10 ? * MON,TUE#2 *)",
    "cron(0 10 L,15 * ? *)",
    "cron(0 10 * * ? 1969)",
    "cron(0 10 * * ? 2200)",
    "cron(0 10 * * ? 2030-2020)",
    "cron(0/0 10 * * ? *)",
    "cron(0/ 10 * * ? *)",
    "cron(0, 10 * * ? *)",
    "cron(- 10 * * ? *)",
    "cron(1- 10 * * ? *)",
    "cron(٣ 10 * * ? *)",
    "cron(0 10 * * ? *",
    "*/5 * * * *",
    "at(2021-12-31)",
    "at(2021-12-31T23:59:59Z)",
    "at(2021-12-31 23:59:59)",
    "at(2021-02-30T00:00:00)",
    "at(2021-12-31T24:00:00)",
    "at(2021-12-31T23:59)",
]


@pytest.mark.parametrize("text", _VALID)
def test_both_services_take_rates_and_crons(text: str) -> None:
    parse_schedule_expression(text)
    parse_rule_expression(text)


@pytest.mark.parametrize("text", _INVALID)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule_expression(text)
    with pytest.raises(ScheduleError):
        parse_rule_expression(text)


@pytest.mark.parametrize(
    "text", ["rate(1 minutes)", "rate(2 minute)", "rate(1 days)", "at(2030-01-01T00:00:00)"]
)
def test_rules_want_the_fitting_unit_and_know_no_at(text: str) -> None:
    parse_schedule_expression(text)
    with pytest.raises(ScheduleError):
        parse_rule_expression(text)


def _times(text: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    schedule = Schedule(expression=parse_schedule_expression(text), zone=zone_of(zone))
    instant = datetime.fromisoformat(after).replace(tzinfo=schedule.zone).timestamp()
    found = []
    for _ in range(count):
        following = schedule.next_after(instant)
        if following is None:
            break
        instant = following
        local = datetime.fromtimestamp(instant, schedule.zone)
        found.append(local.isoformat(timespec="minutes").partition("+00:00")[0])
    return found


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("cron(0 10 L * ? *)", "2024-01-31T10:00", ["2024-02-29T10:00", "2024-03-31T10:00"]),
        ("cron(0 10 L-2 2 ? *)", "2024-01-31T10:00", ["2024-02-27T10:00", "2025-02-26T10:00"]),
        # The 30th of November 2024 is a Saturday; the 31st of August 2025 a Sunday.
        ("cron(0 0 LW 11 ? 2024)", "2024-01-01T00:00", ["2024-11-29T00:00"]),
        ("cron(0 0 LW 8 ? 2025)", "2024-01-01T00:00", ["2025-08-29T00:00"]),
        # The 1st of June 2024 is a Saturday: the nearest weekday of the same month is Monday.
        ("cron(0 0 1W 6 ? 2024)", "2024-01-01T00:00", ["2024-06-03T00:00"]),
        ("cron(0 0 15W 6,9 ? 2024)", "2024-01-01T00:00", ["2024-06-14T00:00", "2024-09-16T00:00"]),
        ("cron(0 0 31W 2,5 ? 2025)", "2025-01-01T00:00", ["2025-05-30T00:00"]),
        ("cron(0 0 ? * 6L 2024)", "2024-05-01T00:00", ["2024-05-31T00:00", "2024-06-28T00:00"]),
        ("cron(0 0 ? * 2#5 2024)", "2024-01-30T00:00", ["2024-04-29T00:00", "2024-07-29T00:00"]),
        ("cron(0 0 ? * L 2024)", "2024-06-01T00:00", ["2024-06-08T00:00", "2024-06-15T00:00"]),
        (
            "cron(0 0 ? * FRI-SUN 2024)",
            "2024-06-06T00:00",
            ["2024-06-07T00:00", "2024-06-08T00:00"],
        ),
        ("cron(0 0 29 2 ? *)", "2097-01-01T00:00", ["2104-02-29T00:00"]),
        ("cron(0 0 31 2 ? *)", "2024-01-01T00:00", []),
        ("cron(0/5 5 ? JAN 1-5 2022)", "2022-01-31T05:54", ["2022-01-31T05:55"]),
        ("cron(0 0 1 1 ? 2199)", "2024-01-01T00:00", ["2199-01-01T00:00"]),
        ("at(2024-06-01T12:00:30)", "2024-06-01T12:00", ["2024-06-01T12:00"]),
        ("at(2024-06-01T12:00:30)", "2024-06-01T12:01", []),
    ],
)
def test_times_that_are_meant(text: str, after: str, expected: list[str]) -> None:
    assert _times(text, after, 2)[: len(expected) or 1] == expected


def test_the_hour_that_is_skipped_skips_what_cron_means_in_it() -> None:
    # In Berlin the clocks go from 02:00 to 03:00 on 31 March 2024.
    assert _times("cron(30 2 * * ? *)", "2024-03-30T00:00", 2, "Europe/Berlin") == [
        "2024-03-30T02:30+01:00",
        "2024-04-01T02:30+02:00",
    ]
    assert _times("cron(0/30 * * * ? *)", "2024-03-31T01:00", 2, "Europe/Berlin") == [
        "2024-03-31T01:30+01:00",
        "2024-03-31T03:00+02:00",
    ]


def test_the_hour_that_comes_twice_counts_once() -> None:
    assert _times("cron(30 2 * * ? *)", "2024-10-26T12:00", 2, "Europe/Berlin") == [
        "2024-10-27T02:30+02:00",
        "2024-10-28T02:30+01:00",
    ]
    assert _times("cron(0/30 * * * ? *)", "2024-10-27T02:00", 2, "Europe/Berlin") == [
        "2024-10-27T02:30+02:00",
        "2024-10-27T03:00+01:00",
    ]


def test_a_day_that_a_zone_left_out_costs_no_more_than_a_look_at_it() -> None:
    # Samoa had no 30 December 2011.
    assert _times("cron(* * ? * * *)", "2011-12-29T23:59", 1, "Pacific/Apia") == [
        "2011-12-31T00:00+14:00"
    ]


def test_an_at_in_the_hour_that_is_skipped_is_an_hour_later() -> None:
    assert _times("at(2024-03-31T02:30:00)", "2024-03-31T00:00", 1, "Europe/Berlin") == [
        "2024-03-31T03:30+02:00"
    ]


def test_a_zone_that_is_none_is_refused() -> None:
    for name in ("Mars/Olympus", "../etc/passwd", "", "\0", "Europe"):
        with pytest.raises(ScheduleError):
            zone_of(name)


def test_a_rate_counts_from_its_anchor_and_days_have_24_hours() -> None:
    anchor = datetime(2024, 3, 30, 12, tzinfo=UTC).timestamp()
    daily = Schedule(
        expression=parse_schedule_expression("rate(1 day)"),
        zone=zone_of("Europe/Berlin"),
        anchor=anchor,
    )
    assert daily.next_after(anchor - 10) == anchor
    assert daily.next_after(anchor) == anchor + 86_400
    assert daily.next_after(anchor + 10 * 86_400 + 1) == anchor + 11 * 86_400


def test_start_and_end_bound_what_recurs() -> None:
    start = datetime(2024, 5, 1, 10, tzinfo=UTC).timestamp()
    schedule = Schedule(
        expression=parse_schedule_expression("cron(0 10 * * ? *)"),
        start=start,
        end=start + 86_400,
    )
    assert schedule.next_after(0.0) == start
    assert schedule.next_after(start) == start + 86_400
    assert schedule.next_after(start + 86_400) is None


def _random_field(rng: random.Random, low: int, high: int) -> str:
    kind = rng.randrange(4)
    # croniter takes 8-8 for every hour.
    first, last = sorted(rng.sample(range(low, high + 1), 2))
    return ["*", str(first), f"{first}-{last}", f"{first}/{rng.randint(1, 12)}"][kind]


def test_croniter_finds_the_same_where_both_mean_the_same() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(300):
        minute, hour = _random_field(rng, 0, 59), _random_field(rng, 0, 23)
        day, month = _random_field(rng, 1, 28), _random_field(rng, 1, 12)
        text = f"{minute} {hour} {day} {month}"
        begin = datetime(2024, 1, 1) + timedelta(minutes=rng.randrange(2_000_000))
        theirs = croniter(f"{text} *", begin)
        ours = parse_cron(f"{text} ? *").following(begin + timedelta(minutes=1))
        for _ in range(5):
            assert next(ours) == theirs.get_next(datetime), text


def test_next_is_the_first_that_is_meant_whatever_the_zone() -> None:
    """By looking at each minute: what is due is shown by the zone's clock, in its first hour."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    for name in ("America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"):
        zone = zone_of(name)
        # Days around New York's and Lord Howe's changes.
        for month, day in ((3, 10), (4, 7), (10, 6), (11, 3)):
            hours = rng.sample(range(5), 2)
            minutes = rng.sample(range(60), 3)
            text = f"cron({','.join(map(str, minutes))} {','.join(map(str, hours))} * * ? *)"
            schedule = Schedule(expression=parse_schedule_expression(text), zone=zone)
            begin = datetime(2024, month, day, tzinfo=zone).timestamp() - 3_600
            expected = []
            for offset in range(0, 36 * 3_600, 60):
                local = datetime.fromtimestamp(begin + offset, zone)
                if local.hour in hours and local.minute in minutes and not local.fold:
                    expected.append(begin + offset)
            found, instant = [], begin - 1
            while (following := schedule.next_after(instant)) is not None:
                if following >= begin + 36 * 3_600:
                    break
                found.append(following)
                instant = following
            assert found == expected, (name, text)


def test_a_window_is_used_evenly_and_always_the_same() -> None:
    offsets = [window_offset_s(900.0, f"schedule-{each}", 1e9) for each in range(1000)]
    assert offsets == [window_offset_s(900.0, f"schedule-{each}", 1e9) for each in range(1000)]
    assert 0 <= min(offsets) < 30
    assert 870 < max(offsets) < 900
    assert window_offset_s(0.0, "a", 1e9) == 0.0
