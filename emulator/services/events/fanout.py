"""From an event on a bus to its deliveries: one for each target of each rule that it matches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery
from emulator.model.errors import LocalfaasError
from emulator.services.events.arns import BusPlace
from emulator.services.events.envelope import Event
from emulator.services.events.inputs import InputError, payload
from emulator.services.events.rule import Buses, Rule
from emulator.sources.paths import MISSING, find

log = logging.getLogger(__name__)

#: Seconds until what the disk did not take is accepted again.
_PAUSE_S = 5.0
#: The target of what no template makes an input of: it is attempted once, and fails.
UNUSABLE = "unusable"
#: The target of what an archive keeps.
ARCHIVE = "archive"


def dispatches_of(
    events: Buses,
    bus: BusPlace,
    event: Event,
    *,
    trace_id: str = "",
    hops: Sequence[str] = (),
) -> list[Dispatch]:
    """Return an event's deliveries to all targets of all rules that it matches.

    Args:
        events: The service's state.
        bus: Where the event is.
        event: It.
        trace_id: The trace header of the chain of calls that it belongs to.
        hops: The buses that it was on before.
    """
    found = [
        dispatch_of(rule, target, event, trace_id=trace_id, hops=hops)
        for rule in events.matching(bus, event.document)
        for target in rule.body["targets"]
    ]
    for archive in events.archives_of(bus, event.document):
        found.append(
            Dispatch(
                target=ARCHIVE,
                lane=archive["arn"],
                accepted=event.received,
                context={"archive": archive["arn"]},
                delivery=Delivery(payload=event.text),
            )
        )
    return found


def dispatch_of(
    rule: Rule,
    target: Mapping[str, Any],
    event: Event,
    *,
    trace_id: str = "",
    hops: Sequence[str] = (),
) -> Dispatch:
    """Return the delivery of an event to one target of a rule."""
    arn, text = target["Arn"], event.text
    context: dict[str, Any] = {"rule": rule.arn, "hops": [*hops, rule.bus.arn]}
    try:
        text = payload(target, event, rule.body["name"], rule.arn)
    except InputError as error:
        context |= {"target": arn, "reason": str(error)}
        arn = UNUSABLE
    dead = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead:
        context["dead"] = dead
        if text is not event.text:
            context["event"] = event.text.decode()
    if target.get("RetryPolicy"):
        context["retry"] = target["RetryPolicy"]
    if target.get("HttpParameters"):
        context["http"] = _resolved(target["HttpParameters"], event.document)
    return Dispatch(
        target=arn,
        lane=f"{rule.arn} {target['Id']}",
        accepted=event.received,
        context=context,
        delivery=Delivery(
            payload=text,
            trace_id=trace_id,
            group_id=_group(target, event),
            source_arn=rule.arn,
        ),
    )


async def accept_at_last(buses: Buses, dispatches: Sequence[Dispatch], what: str) -> None:
    """Accept deliveries that no caller would send again, however long the disk takes nothing.

    Args:
        buses: All buses.
        dispatches: The deliveries.
        what: What they are of, for the log.
    """
    while True:
        try:
            await buses.outbox.accept(dispatches)
            return
        except LocalfaasError as error:
            log.error("%s is accepted again in %g s: %s", what, _PAUSE_S, error)
            await buses.parts.clock.sleep(_PAUSE_S)


def _resolved(value: Any, document: dict[str, Any]) -> Any:
    """Return parameters of HTTP with what paths among them find in an event."""
    if isinstance(value, Mapping):
        return {name: _resolved(each, document) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, document) for each in value]
    if isinstance(value, str) and value.startswith("$."):
        found = find(value, document)
        if found is MISSING:
            return ""
        return found if isinstance(found, str) else orjson.dumps(found).decode()
    return value


def _group(target: Mapping[str, Any], event: Event) -> str:
    """Return what keeps events together: a FIFO queue's group, or a stream's partition key."""
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    if group:
        return str(group)
    path = (target.get("KinesisParameters") or {}).get("PartitionKeyPath")
    if path:
        found = find(path, event.document)
        if found is not MISSING:
            return found if isinstance(found, str) else orjson.dumps(found).decode()
    return str(event.document["id"]) if ":kinesis:" in target["Arn"] else ""
