"""Events on their way to another bus."""

from __future__ import annotations

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryRefused
from emulator.services.events.arns import BusPlace, parse
from emulator.services.events.envelope import Event, made, passed_on
from emulator.services.events.fanout import dispatches_of
from emulator.services.events.rule import Buses

#: The most buses that an event passes: one that comes back again and again ends here.
_MOST_HOPS = 10


async def forward(events: Buses, dispatch: Dispatch) -> None:
    """Put an event on the bus that is a rule's target.

    Raises:
        DeliveryRefused: It is no bus, or the event has come too far.
        StorageError: The disk did not take it.
    """
    hops = dispatch.context["hops"]
    _check_hops(dispatch.target, [*hops, dispatch.target])
    await publish(events, dispatch.target, dispatch.delivery, hops)


async def publish(events: Buses, arn: str, delivery: Delivery, hops: list[str]) -> None:
    """Put an event on a bus.

    Args:
        events: The service's state.
        arn: The bus's.
        delivery: The event.
        hops: The buses that it was on before.

    Raises:
        DeliveryRefused: There is no such bus, or it is no event.
        StorageError: The disk did not take it.
    """
    bus = _bus(events, arn)
    event = _event(events, bus, arn, delivery)
    dispatches = dispatches_of(events, bus, event, trace_id=delivery.trace_id, hops=hops)
    if dispatches:
        await events.outbox.accept(dispatches)


def _bus(events: Buses, arn: str) -> BusPlace:
    parsed = parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or kind != "event-bus":
        raise DeliveryRefused(arn, f"{arn} takes no events", "NO_RESOURCE")
    place = BusPlace(parsed.account, parsed.region, name)
    if events.bus(place) is None:
        raise DeliveryRefused(arn, f"Event bus {name} does not exist.", "NO_RESOURCE")
    return place


def _event(events: Buses, bus: BusPlace, arn: str, delivery: Delivery) -> Event:
    now = events.parts.clock.now()
    try:
        document = orjson.loads(delivery.payload)
    except orjson.JSONDecodeError:
        document = None
    if delivery.detail_type and isinstance(document, dict):
        sender = parse(delivery.source_arn)
        return made(
            source=delivery.source or (sender.service if sender else ""),
            detail_type=delivery.detail_type,
            detail=document,
            resources=[arn, *([delivery.source_arn] if delivery.source_arn else [])],
            account=sender.account if sender else bus.account,
            region=sender.region if sender else bus.region,
            at=now,
            received=now,
        )
    if not isinstance(document, dict) or not document.keys() >= {"source", "detail-type", "detail"}:
        raise DeliveryRefused(arn, "what is sent to a bus has to be an event", "INVALID_PARAMETER")
    return passed_on(document, now)


def _check_hops(arn: str, hops: list[str]) -> None:
    """Refuse what AWS passes on no further: to a third account or region, or on and on.

    Raises:
        DeliveryRefused: It has come too far.
    """
    places = [parsed for each in hops if (parsed := parse(each))]
    if len({each.account for each in places}) > 2:
        text = "the event has come from another account and is not sent to a third one"
        raise DeliveryRefused(arn, text, "THIRD_ACCOUNT_HOP_DETECTED")
    if len({each.region for each in places}) > 2:
        text = "the event has come from another region and is not sent to a third one"
        raise DeliveryRefused(arn, text, "THIRD_REGION_HOP_DETECTED")
    if len(hops) > _MOST_HOPS:
        text = f"the event has passed {_MOST_HOPS} buses: the rules send it around"
        raise DeliveryRefused(arn, text, "LOOP_DETECTED")
