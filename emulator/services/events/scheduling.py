"""Rules with a schedule: each fires when it is due.

What was due while the emulator was down is made up for once, as the last of the times that were
missed, if that is not longer ago than AWS would have tried to deliver it.
"""

from __future__ import annotations

import logging
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.schedules.expressions import Rate, parse_rule_expression
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
    """

    def __init__(self, buses: Buses, fired: ResourceTable) -> None:
        self._buses, self._fired = buses, fired
        self._clock = buses.parts.clock
        self._timers: Timers[_Key] = Timers(self._clock, self._due)

    def resume(self, rule: Rule) -> None:
        """Have a rule that was kept fire again, now if it is late."""
        schedule = _schedule(rule)
        if schedule is None:
            return
        now = self._clock.now()
        kept = self._fired.find(rule.bus.account, rule.bus.region, rule.arn) or {}
        fired: float = kept.get("at") or rule.body["scheduled"]
        begins = max(fired, now - _MAKES_UP_FOR_S)
        missed = schedule.last_until(begins, now)
        key = (rule.bus, rule.body["name"])
        due = schedule.next_after(now) if missed is None else missed
        if due is not None:
            self._timers.set(key, due)

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

    def _due(self, key: _Key, at: float) -> None:
        bus, name = key
        rule = self._buses.rule(bus, name)
        if rule is None:
            return
        self.follow(rule)
        self._buses.parts.spawn(self._fire(rule, at))

    async def _fire(self, rule: Rule, at: float) -> None:
        bus, now = rule.bus, self._clock.now()
        event = made(
            source="aws.events",
            detail_type="Scheduled Event",
            detail={},
            resources=[rule.arn],
            account=bus.account,
            region=bus.region,
            at=at,
            received=now,
        )
        dispatches = [dispatch_of(rule, target, event) for target in rule.body["targets"]]
        if dispatches:
            await accept_at_last(self._buses, dispatches, f"what rule {rule.arn} fired")
        try:
            await self._fired.put(bus.account, bus.region, rule.arn, {"at": at})
        except AwsError as error:
            log.error("rule %s has fired, which could not be written down: %s", rule.arn, error)


def _schedule(rule: Rule) -> Schedule | None:
    body: dict[str, Any] = rule.body
    if not body["schedule"] or body["state"] == "DISABLED":
        return None
    expression = parse_rule_expression(body["schedule"])
    period_s = expression.period_s if isinstance(expression, Rate) else 0
    return Schedule(expression=expression, anchor=body["scheduled"] + period_s)
