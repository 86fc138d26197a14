"""Looks at alarms when it is time, and does what follows when the state of one changes."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.outbox import Outbox
from emulator.invoke.targets import Delivery, DeliveryError
from emulator.model.errors import LocalfaasError
from emulator.registry.resource_table import ResourceTable
from emulator.schedules.timers import Timers
from emulator.services.cloudwatch.alarms import notices
from emulator.services.cloudwatch.alarms.alarm import Body, Key, written
from emulator.services.cloudwatch.alarms.decisions import State
from emulator.services.cloudwatch.alarms.evaluating import (
    interval_of,
    look,
    queries_of,
    window_of,
)
from emulator.services.cloudwatch.alarms.rules import RuleError, children_of, name_of, parse_rule
from emulator.services.cloudwatch.alarms.sender import AlarmSender
from emulator.services.cloudwatch.expressions.values import ExpressionError
from emulator.services.cloudwatch.queries import Evaluation, Query, read_queries
from emulator.services.cloudwatch.rows import Event

if TYPE_CHECKING:
    from emulator.services.cloudwatch.store import MetricStore
    from emulator.services.context import Parts

log = logging.getLogger(__name__)

#: Seconds after a period's end at which alarms are looked at: what functions log comes a little
#: later than it happened.
LAG_S = 1.0
_ACTIONS = {
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
    "OK": "OKActions",
}
#: Alarms that are looked at together.
_TOGETHER = 20


class Kept(Protocol):
    """What the service keeps, as far as it is needed here."""

    parts: Parts
    store: MetricStore
    alarms: ResourceTable

    def find(self, key: Key) -> Body | None:
        """Return an alarm, or None."""
        ...

    def evaluation(
        self, queries: Sequence[Query], start: float, end: float, scope: tuple[str, str]
    ) -> Evaluation:
        """Return what computes queries for a range of time."""
        ...


class Watch:
    """Waits for all alarms with one timer.

    Args:
        state: The service's.
    """

    def __init__(self, state: Kept) -> None:
        self._state, self._parts = state, state.parts
        self._clock = state.parts.clock
        self._timers: Timers[Key] = Timers(self._clock, self._on_due)
        self._looks: set[asyncio.Task[None]] = set()
        #: Alarms that are being looked at, and whether to look once more after that.
        self._looked_at: dict[Key, bool] = {}
        #: What has begun to change or to be written: it is not given up half-way.
        self._changes: set[asyncio.Task[None]] = set()
        self._closing = False
        self._turn = asyncio.Semaphore(_TOGETHER)
        self._outbox: Outbox | None = None
        self._opening = asyncio.Lock()
        #: Alarms whose expression fails: told once.
        self._told: set[Key] = set()

    async def open(self) -> None:
        """Go on with what an earlier process left behind."""
        if Outbox.is_needed("cloudwatch", self._parts.queues):
            await self._open_outbox()
        for account, region, name, _ in self._state.alarms.all():
            self.arm(Key(account, region, name))

    async def _open_outbox(self) -> Outbox:
        async with self._opening:
            if self._outbox is None:
                parts = self._parts
                self._outbox = await Outbox.open(
                    "cloudwatch",
                    AlarmSender(parts.targets, self._action_ended),
                    engine=parts.queues,
                    targets=parts.targets,
                    clock=parts.clock,
                )
            return self._outbox

    def arm(self, key: Key) -> None:
        """Have an alarm looked at soon, and then again and again."""
        self._timers.set(key, self._clock.now())

    def disarm(self, key: Key) -> None:
        """Look at an alarm no more."""
        self._timers.cancel(key)
        self._told.discard(key)

    async def reset(self, account: str | None) -> None:
        """Forget all alarms, or those of an account."""
        for owner, region, name, _ in self._state.alarms.all():
            if account in (None, owner):
                self.disarm(Key(owner, region, name))
        if account is None and self._outbox is not None:
            await self._outbox.clear()

    async def close(self) -> None:
        """Look at nothing any more; what has changed is told in full before.

        Actions that are being tried are tried at the next start.
        """
        self._closing = True
        for task in self._looks:
            task.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)
        await asyncio.gather(*self._changes, return_exceptions=True)
        self._timers.close()
        if self._outbox is not None:
            await self._outbox.close()

    # -- looking ------------------------------------------------------------------------------

    def _on_due(self, key: Key, at: float) -> None:
        body = self._state.find(key)
        if body is None or self._closing:
            return
        if body["kind"] == "MetricAlarm":
            interval = interval_of(body["fields"])
            following = math.floor((self._clock.now() - LAG_S) / interval + 1) * interval + LAG_S
            self._timers.set(key, following)
        _spawn(self.look(key), self._looks)

    async def look(self, key: Key) -> None:
        """Look at an alarm now; at one that is being looked at, once more after that.

        Two looks at once would both find the state that it had, and tell of its change twice.
        """
        if key in self._looked_at:
            self._looked_at[key] = True
            return
        self._looked_at[key] = False
        try:
            await self._look(key)
        finally:
            if self._looked_at.pop(key) and not self._closing:
                self.arm(key)

    async def _look(self, key: Key) -> None:
        async with self._turn:
            body = self._state.find(key)
            if body is None:
                return
            try:
                if body["kind"] == "CompositeAlarm":
                    await self._look_at_rule(key, body)
                else:
                    await self._look_at_data(key, body)
            except (ExpressionError, RuleError, LocalfaasError) as error:
                if key not in self._told:
                    self._told.add(key)
                    log.warning("the alarm %s can't be evaluated: %s", key.name, error)
            except Exception:  # A bug of ours: told in full, and looked at again.
                log.exception("the alarm %s could not be evaluated", key.name)

    async def _look_at_data(self, key: Key, body: Body) -> None:
        fields, now = body["fields"], self._clock.now()
        warm_up = (fields.get("WarmUpConfiguration") or {}).get("WarmUpPeriodDurationInMinutes", 0)
        if now < body["made"] + 60 * warm_up:
            return
        window = window_of(fields, now)
        queries = read_queries(queries_of(fields), key.account, key.region, "Metrics")
        evaluation = self._state.evaluation(queries, *window, (key.account, key.region))
        verdict = await look(fields, queries, evaluation, window, now, body["state"]["value"])
        if (
            verdict is not None
            and verdict.state != body["state"]["value"]
            and self._state.find(key) is body
        ):
            await self._change(key, body, verdict.state, verdict.reason, verdict.data)

    async def _look_at_rule(self, key: Key, body: Body) -> None:
        rule = parse_rule(body["fields"]["AlarmRule"])

        def state_of(name: str) -> str:
            child = self._state.find(Key(key.account, key.region, name))
            return "" if child is None else str(child["state"]["value"])

        state: State = "ALARM" if rule.holds(state_of) else "OK"
        if state != body["state"]["value"]:
            reason, data = self._why(key, rule.children, state)
            await self._change(key, body, state, reason, data)

    async def _change(self, *change: Any) -> None:
        """Change an alarm's state in full, even if whoever looked at it is called off."""
        await asyncio.shield(_spawn(self.change(*change), self._changes))

    def _why(self, key: Key, children: tuple[str, ...], state: str) -> tuple[str, str]:
        """Return why a composite alarm changes its state: what its children say."""
        now = self._clock.now()
        told, triggering = [], []
        for name in children:
            child = self._state.find(Key(key.account, key.region, name))
            if child is not None:
                its = child["state"]
                arn = Key(key.account, key.region, name).arn
                told.append((its["updated"], arn, its["value"]))
                timestamp = written(its["updated"])
                triggering.append(
                    {"arn": arn, "state": {"value": its["value"], "timestamp": timestamp}}
                )
        data = orjson.dumps({"triggeringAlarms": triggering}).decode()
        if not told:
            reason = f"{key.arn} was created and its alarm rule evaluates to {state}"
        else:
            at, arn, value = max(told)
            reason = f"{arn} transitioned to {value} at {written(at or now)}"
        return reason[:1023], data if len(data) <= 4000 else "{}"

    def _look_at_parents(self, key: Key) -> None:
        for name in self.parents(key):
            self._timers.set(Key(key.account, key.region, name), self._clock.now())

    def parents(self, key: Key) -> list[str]:
        """Return the composite alarms in whose rules an alarm stands, or which it suppresses."""
        found = []
        for account, region, name, body in self._state.alarms.all():
            if (account, region) == key[:2] and key.name in children_of(body):
                found.append(name)
        return found

    # -- changing -----------------------------------------------------------------------------

    async def change(self, key: Key, body: Body, value: State, reason: str, data: str) -> None:
        """Change an alarm's state, and do what it has to do then.

        Its actions are accepted first: a crash between the two notifies twice, and not never.
        Nothing is done with an alarm that is another by now, or gone; it is looked at again.

        Raises:
            LocalfaasError: The disk did not take it.
        """
        now = self._clock.now()
        before, found = body["state"], self._state.find(key)
        if found is not body:
            if found is not None and found["state"] == before:
                self.arm(key)
            return
        is_other = value != before["value"]
        state = {
            "value": value,
            "reason": reason,
            "data": data or None,
            "updated": now,
            "transitioned": now if is_other else before["transitioned"],
        }
        changed = {**body, "state": state, "suppressed": None}
        if is_other:
            changed["suppressed"] = self._suppression(key, changed)
            await self._act(key, changed, before)
        current = self._state.find(key)
        if current is None:
            return
        kept = {**current, "state": state, "suppressed": changed["suppressed"]}
        await self._state.alarms.put(*key, kept)
        await self._tell(key, kept, before, is_other=is_other)

    def _suppression(self, key: Key, body: Body) -> dict[str, str] | None:
        """Return why a composite alarm does not act; None: it does."""
        suppressor = body["fields"].get("ActionsSuppressor")
        if not suppressor:
            return None
        other = self._state.find(Key(key.account, key.region, name_of(suppressor)))
        if other is None or other["state"]["value"] != "ALARM":
            return None
        return {"by": "Alarm", "reason": f"{name_of(suppressor)} is in ALARM"}

    async def _act(self, key: Key, body: Body, before: Mapping[str, Any]) -> None:
        fields, value = body["fields"], body["state"]["value"]
        actions = fields.get(_ACTIONS[value]) or []
        if not actions or fields.get("ActionsEnabled") is False or body["suppressed"]:
            return
        outbox = await self._open_outbox()
        await outbox.accept([self._dispatch(key, body, before, arn) for arn in actions])

    def _dispatch(self, key: Key, body: Body, before: Mapping[str, Any], arn: str) -> Dispatch:
        if arn.split(":")[2:3] == ["lambda"]:
            payload, subject = notices.for_function(key, body, before), ""
        else:
            payload = notices.message(key, body, before)
            subject = notices.subject(key, body["state"]["value"])
        return Dispatch(
            target=arn,
            lane=f"{key.arn} {arn}",
            accepted=self._clock.now(),
            context={"alarm": list(key), "kind": body["kind"]},
            delivery=Delivery(payload=payload, source_arn=key.arn, subject=subject),
        )

    async def _tell(
        self, key: Key, body: Body, before: Mapping[str, Any], *, is_other: bool
    ) -> None:
        """Write the alarm's history, and tell the bus and the composite alarms above."""
        state = body["state"]
        if is_other:
            told = {
                "version": "1.0",
                "oldState": _in_history(before),
                "newState": _in_history(state),
            }
            summary = f"Alarm updated from {before['value']} to {state['value']}"
            await self.write(key, body["kind"], "StateUpdate", summary, told)
            self._parts.announce(
                "aws.cloudwatch",
                "CloudWatch Alarm State Change",
                notices.detail(key, body, before),
                [key.arn],
                account=key.account,
                region=key.region,
            )
            self._look_at_parents(key)

    async def write(
        self, key: Key, kind: str, item: str, summary: str, told: Mapping[str, Any]
    ) -> None:
        """Write a line of an alarm's history; an alarm goes on where it can't be written."""
        text = orjson.dumps(told).decode()
        if len(text) > 4095:
            text = orjson.dumps({"version": "1.0", "truncated": True}).decode()
        event = Event(*key, kind, self._clock.now(), item, summary[:255], text)
        try:
            await self._state.store.add_events([event])
        except LocalfaasError as error:
            log.error("the history of %s could not be written: %s", key.name, error)

    def _action_ended(self, dispatch: Dispatch, error: DeliveryError | None) -> None:
        key = Key(*dispatch.context["alarm"])
        told: dict[str, Any] = {
            "actionState": "Succeeded" if error is None else "Failed",
            "notificationResource": dispatch.target,
        }
        summary = f"Successfully executed action {dispatch.target}"
        if error is not None:
            told["error"] = str(error)[:1000]
            summary = f"Failed to execute action {dispatch.target}. Received error: {error}"
            self._parts.console.warn(f"the alarm {key.name}: {summary}")
        _spawn(self.write(key, dispatch.context["kind"], "Action", summary, told), self._changes)


def _spawn(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def _in_history(state: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"stateValue": state["value"], "stateReason": state["reason"]}
    if state.get("data"):
        try:
            shown["stateReasonData"] = orjson.loads(state["data"])
        except orjson.JSONDecodeError:  # SetAlarmState takes any text
            shown["stateReasonData"] = state["data"]
    return shown
