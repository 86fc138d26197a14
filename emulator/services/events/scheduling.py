"""Rules with a schedule: each fires when it is due.

Each time that was missed (the emulator was down, the machine slept) is made up for in turn, for
the targets whose retry policy would still have it tried.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.schedules.expressions import Rate, parse_rule_expression
from emulator.schedules.missed import PRECISION_S, Missed
from emulator.schedules.schedule import Schedule
from emulator.schedules.timers import Timers
from emulator.services.events.arns import BusPlace
from emulator.services.events.envelope import made
from emulator.services.events.fanout import accept_at_last, dispatch_of
from emulator.services.events.rule import Buses, Rule

log = logging.getLogger(__name__)

#: Seconds for which a delivery is tried, and so for which a missed time is made up for.
_MAKES_UP_FOR_S = 86_400.0

_Key = tuple[BusPlace, str]


class RuleTimers:
    """Fires rules.

    Args:
        buses: All buses.
        fired: Keeps when each rule has fired last.
        missed: Told of each time that targets are called for; None: nobody is.
    """

    def __init__(self, buses: Buses, fired: ResourceTable, missed: Missed | None = None) -> None:
        self._buses, self._fired, self._missed = buses, fired, missed
        self._clock = buses.parts.clock
        self._timers: Timers[_Key] = Timers(self._clock, self._due)

    def resume(self, rule: Rule) -> None:
        """Have a rule that was kept fire again, now if it is late."""
        schedule = _schedule(rule)
        if schedule is None:
            return
        kept = self._fired.find(rule.bus.account, rule.bus.region, rule.arn) or {}
        self._wait_after(rule, schedule, kept.get("at") or rule.body["scheduled"])

    def _wait_after(self, rule: Rule, schedule: Schedule, fired: float) -> None:
        """Have a rule fire at the time after one, or at once where that was missed."""
        oldest = self._clock.now() - _MAKES_UP_FOR_S
        due = schedule.next_after(max(fired, oldest))
        if due is not None:
            self._timers.set((rule.bus, rule.body["name"]), due)

    def follow(self, rule: Rule) -> None:
        """Have a rule fire as it says from now on."""
        schedule, key = _schedule(rule), (rule.bus, rule.body["name"])
        due = None if schedule is None else schedule.next_after(self._clock.now())
        if due is None:
            self._timers.cancel(key)
        else:
            self._timers.set(key, due)

    def forget(self, bus: BusPlace, name: str) -> None:
        """Let a rule fire no more."""
        self._timers.cancel((bus, name))

    def close(self) -> None:
        """Fire nothing any more."""
        self._timers.close()
        if self._missed is not None:
            self._missed.close()

    def _due(self, key: _Key, at: float) -> None:
        bus, name = key
        rule = self._buses.rule(bus, name)
        if rule is not None:
            self._buses.parts.spawn(self._see_to(rule, at))

    async def _see_to(self, rule: Rule, at: float) -> None:
        """Fire a rule, and have it fire again: times that were missed come one after the other."""
        try:
            await self._fire(rule, at)
        except Exception:  # A bug of ours: told in full, and the rule fires the next time.
            log.exception("rule %s could not be fired", rule.arn)
        schedule, now = _schedule(rule), self._buses.rule(rule.bus, rule.body["name"])
        # One that was changed meanwhile follows its new schedule.
        if schedule is not None and now is not None and now.body is rule.body:
            self._wait_after(rule, schedule, at)

    async def _fire(self, rule: Rule, at: float) -> None:
        bus = rule.bus
        event = made(
            source="aws.events",
            detail_type="Scheduled Event",
            detail={},
            resources=[rule.arn],
            account=bus.account,
            region=bus.region,
            at=at,
            # What was missed is as old as if it had been tried since.
            received=at,
        )
        late_s = self._clock.now() - at
        dispatches = [
            dispatch_of(rule, target, event)
            for target in rule.body["targets"]
            if late_s <= _tried_for_s(target)
        ]
        if dispatches:
            if self._missed is not None:
                self._missed.note(at)
            await accept_at_last(self._buses, dispatches, f"what rule {rule.arn} fired")
        try:
            await self._fired.put(bus.account, bus.region, rule.arn, {"at": at})
        except AwsError as error:
            log.error("rule %s has fired, which could not be written down: %s", rule.arn, error)


def _tried_for_s(target: Mapping[str, Any]) -> float:
    """Return for how many seconds a delivery to a target is tried."""
    policy = target.get("RetryPolicy") or {}
    if policy.get("MaximumRetryAttempts") == 0:
        return PRECISION_S
    age_s: float = policy.get("MaximumEventAgeInSeconds") or _MAKES_UP_FOR_S
    return max(PRECISION_S, age_s)


def _schedule(rule: Rule) -> Schedule | None:
    body: dict[str, Any] = rule.body
    if not body["schedule"] or body["state"] == "DISABLED":
        return None
    expression = parse_rule_expression(body["schedule"])
    period_s = expression.period_s if isinstance(expression, Rate) else 0
    return Schedule(expression=expression, anchor=body["scheduled"] + period_s)
