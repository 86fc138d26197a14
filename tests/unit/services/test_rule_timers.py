"""EventBridge's decisions: when rules fire, when deliveries are tried again, what rules match."""

from __future__ import annotations

import asyncio
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryFailed, DeliveryRefused
from emulator.model.errors import StorageError
from emulator.services.events.arns import BusPlace
from emulator.services.events.envelope import made
from emulator.services.events.fanout import ARCHIVE
from emulator.services.events.inputs import InputError, payload
from emulator.services.events.rule import Rule
from emulator.services.events.scheduling import RuleTimers
from emulator.services.events.sender import EventsSender, size_of
from emulator.sources.paths import MISSING, find
from emulator.sources.pattern_index import Index
from emulator.sources.patterns import Pattern
from emulator.testing import FakeClock

BUS = BusPlace("000000000000", "us-east-1", "default")
#: 2023-11-14T22:13:20Z.
NOW = 1_700_000_000.0


class Fired(dict[str, Any]):
    """Keeps when rules have fired."""

    def find(self, account: str, region: str, key: str) -> Any:
        return self.get(key)

    async def put(self, account: str, region: str, key: str, body: Any) -> None:
        self[key] = body


class Buses:
    """A bus with one rule."""

    def __init__(self, clock: FakeClock, schedule: str, **body: Any) -> None:
        self.accepted: list[Dispatch] = []
        self.is_disk_full = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.parts = SimpleNamespace(clock=clock, spawn=self._spawn)
        self.outbox = SimpleNamespace(accept=self._accept)
        target = {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"}
        body = {"name": "nightly", "schedule": schedule, "state": "ENABLED",
                "scheduled": clock.now(), "targets": [target], **body}  # fmt: skip
        self.one = Rule(BUS, body)

    def rule(self, bus: BusPlace, name: str) -> Rule:
        return self.one

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, dispatches: list[Dispatch]) -> None:
        if self.is_disk_full:
            raise StorageError("the disk is full")
        self.accepted += dispatches

    @property
    def times(self) -> list[str]:
        return [json.loads(each.delivery.payload)["time"] for each in self.accepted]


async def test_a_rate_counts_from_when_the_rule_was_made() -> None:
    clock = FakeClock()
    buses = Buses(clock, "rate(5 minutes)")
    timers = RuleTimers(buses, Fired())  # type: ignore[arg-type]
    timers.follow(buses.one)
    await clock.advance(299)
    assert buses.accepted == []
    await clock.advance(601)
    assert buses.times == [f"2023-11-14T22:{minute}:20Z" for minute in (18, 23, 28)]
    event = json.loads(buses.accepted[0].delivery.payload)
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/nightly"]
    assert (event["source"], event["detail-type"], event["detail"]) == (
        "aws.events",
        "Scheduled Event",
        {},
    )
    timers.forget(BUS, "nightly")
    await clock.advance(900)
    assert len(buses.accepted) == 3
    timers.close()


async def test_what_the_disk_does_not_take_is_accepted_later() -> None:
    clock, fired = FakeClock(), Fired()
    buses = Buses(clock, "rate(5 minutes)")
    buses.is_disk_full = True
    timers = RuleTimers(buses, fired)  # type: ignore[arg-type]
    timers.follow(buses.one)
    await clock.advance(320)
    assert (buses.accepted, fired) == ([], {})
    buses.is_disk_full = False
    await clock.advance(5)
    assert buses.times == ["2023-11-14T22:18:20Z"]
    assert fired == {buses.one.arn: {"at": NOW + 300}}
    timers.close()


async def test_each_time_that_was_missed_is_made_up_for() -> None:
    clock, fired = FakeClock(), Fired()
    arn = "arn:aws:sqs:us-east-1:000000000000:{}"
    policies = {
        "day": {},
        "hours": {"MaximumEventAgeInSeconds": 7200},
        "never": {"MaximumRetryAttempts": 0},
    }
    targets = [
        {"Id": name, "Arn": arn.format(name), "RetryPolicy": policy}
        for name, policy in policies.items()
    ]
    buses = Buses(clock, "cron(0 * * * ? *)", scheduled=NOW - 86_400 * 3, targets=targets)
    fired[buses.one.arn] = {"at": NOW - 3 * 86_400}
    timers = RuleTimers(buses, fired)  # type: ignore[arg-type]
    timers.resume(buses.one)
    await clock.advance(1)

    def times(name: str) -> list[str]:
        texts = [each.delivery.payload for each in buses.accepted if each.target.endswith(name)]
        return [json.loads(each)["time"] for each in texts]

    assert times("day") == [
        *(f"2023-11-13T{hour}:00:00Z" for hour in (23,)),
        *(f"2023-11-14T{hour:02}:00:00Z" for hour in range(23)),
    ]
    assert times("hours") == [f"2023-11-14T{hour}:00:00Z" for hour in (21, 22)]
    assert times("never") == []
    # It is as old as if it had been tried since.
    assert buses.accepted[-1].accepted == NOW - 800
    await clock.advance(3600)
    assert times("never") == ["2023-11-14T23:00:00Z"]
    assert times("hours")[2:] == ["2023-11-14T23:00:00Z"]
    timers.close()


async def test_a_rule_that_could_not_be_fired_fires_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    buses = Buses(clock, "rate(5 minutes)")
    timers = RuleTimers(buses, Fired())  # type: ignore[arg-type]
    timers.follow(buses.one)
    with monkeypatch.context() as broken:
        broken.setattr("emulator.services.events.scheduling.made", None)
        await clock.advance(301)
    assert "could not be fired" in caplog.text
    await clock.advance(300)
    assert buses.times == ["2023-11-14T22:23:20Z"]
    timers.close()


async def test_a_disabled_rule_does_not_fire() -> None:
    clock = FakeClock()
    buses = Buses(clock, "rate(1 minute)", state="DISABLED")
    timers = RuleTimers(buses, Fired())  # type: ignore[arg-type]
    timers.resume(buses.one)
    await clock.advance(3600)
    assert buses.accepted == []


def dispatch(failures: int, **context: Any) -> Dispatch:
    return Dispatch(
        target="arn:aws:sqs:us-east-1:000000000000:q",
        delivery=Delivery(payload=b"{}"),
        lane="a",
        context={"rule": "r", "hops": [], **context},
        accepted=NOW,
        failures=failures,
    )


@pytest.fixture
def sender() -> EventsSender:
    return EventsSender(SimpleNamespace(parts=SimpleNamespace(clock=FakeClock())))


async def test_an_archive_refuses_what_is_no_whole_event(sender: EventsSender) -> None:
    event = {"id": "1", "source": "s", "detail-type": "d", "detail": {}}
    for time in ({}, {"time": "soon"}, {"time": "2023-11-14T22:13:20Z"}):
        archived = Dispatch(
            target=ARCHIVE,
            delivery=Delivery(payload=json.dumps({**event, **time}).encode()),
            lane="a",
            context={"archive": "a"},
            accepted=NOW,
        )
        with pytest.raises(DeliveryRefused, match="no whole event"):
            await sender.attempt(archived)


def test_deliveries_are_tried_185_times_within_a_day(sender: EventsSender) -> None:
    now, attempts = NOW, 0
    error = DeliveryFailed("a", "later", "ThrottlingException")
    while (delay := sender.next_attempt(dispatch(attempts + 1), error, now)) is not None:
        now, attempts = now + delay, attempts + 1
        assert 0.8 <= delay <= 720
    assert 120 < attempts <= 185
    assert now - NOW <= 86_400
    assert sender.next_attempt(dispatch(1), DeliveryRefused("a", "never"), NOW) is None


def test_a_targets_own_policy_holds(sender: EventsSender) -> None:
    error = DeliveryFailed("a", "later", "ThrottlingException")
    policy = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}
    assert sender.next_attempt(dispatch(2, retry=policy), error, NOW) is not None
    assert sender.next_attempt(dispatch(3, retry=policy), error, NOW) is None
    assert sender.next_attempt(dispatch(1, retry=policy), error, NOW + 61) is None
    letter = sender.dead_letter(dispatch(3, retry=policy, dead="arn:dead", event='{"a":1}'), error)
    assert letter is not None
    said = {name: each["StringValue"] for name, each in letter.delivery.attributes.items()}
    assert said == {
        "RULE_ARN": "r",
        "TARGET_ARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "later",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "2",
    }
    assert letter.delivery.payload == b'{"a":1}'
    assert sender.dead_letter(dispatch(3), error) is None


def test_the_index_finds_what_patterns_match() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)

    def rule() -> Any:
        text, number = chance.choice("abc"), chance.randrange(3)
        return chance.choice([text, number, None, {"prefix": text}, {"anything-but": [text]}])

    def pattern() -> Any:
        found: Any = {"source": [chance.choice("abc") for _ in range(chance.randrange(1, 3))]}
        if chance.random() < 0.6:
            found = {**found, "detail": {"k": [rule()]}}
        if chance.random() < 0.3:
            found = {"detail": {"k": [rule()]}}
        if chance.random() < 0.3:
            found["$or"] = [{"x": [rule()]}, {"y": [rule()]}]
        return found

    patterns = [Pattern(json.dumps(pattern())) for _ in range(300)]
    index = Index((each, number) for number, each in enumerate(patterns))
    for _ in range(200):
        value = chance.choice(["a", "b", "c", 0, 1, None, ["a", 2]])
        event = {"source": chance.choice("abcd"), "detail": {"k": value}, "x": value, "y": "c"}
        expected = [number for number, each in enumerate(patterns) if each.matches(event)]
        assert index.find(event) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a.b", 1), ("$['a']['b']", 1), ("$.l[1]", 3), ("$.l[*]", [2, 3]), ("$.a.*", [1]),
        ("$.no", MISSING), ("$.l[9]", MISSING), ("$.x-y_z", 4), ("$", None),
    ],
)  # fmt: skip
def test_paths(path: str, expected: Any) -> None:
    document = {"a": {"b": 1}, "l": [2, 3], "x-y_z": 4}
    assert find(path, document) == (document if path == "$" else expected)


def test_a_template_that_makes_no_json_fails() -> None:
    event = made(source="s", detail_type="t", detail={"o": {"a": 1}, "t": 'x"y'}, resources=[],
                 account="000000000000", region="r", at=NOW, received=NOW)  # fmt: skip
    assert size_of(event.document) == 14 + 1 + 1 + 12 + len('{"o":{"a":1},"t":"x\\"y"}')

    def of(template: str) -> bytes:
        paths = {"o": "$.detail.o", "t": "$.detail.t"}
        target = {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
        return payload(target, event, "rule", "arn")

    assert of('{"a": <o>, "b": "<t>!"}') == b'{"a":{"a":1},"b":"x\\"y!"}'
    assert of('"Got <o>"') == b'"Got {a:1}"'
    assert json.loads(of('{"e": <aws.events.event>}'))["e"].keys() == event.document.keys() - {
        "detail"
    }
    assert json.loads(of('{"e": <aws.events.event.json>}'))["e"] == event.document
    with pytest.raises(InputError):
        of('{"a": "<o>"}')
