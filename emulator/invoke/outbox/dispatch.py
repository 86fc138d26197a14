"""One event on its way to one target, as the outbox keeps it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import orjson

from emulator.invoke.targets import Delivery
from emulator.queues.message import Draft, Received, Seen

_DELIVERY = tuple(each.name for each in fields(Delivery) if each.name != "payload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One event on its way to one target."""

    #: Its ARN, or a URL.
    target: str
    delivery: Delivery
    #: Whose room it shares: a subscription's, a rule's target's. A slow lane slows no other.
    lane: str
    #: What the sender needs to know of it; JSON.
    context: Mapping[str, Any] = field(default_factory=dict)
    #: When it was accepted (seconds since the epoch).
    accepted: float
    #: Attempts that failed.
    failures: int = 0
    #: Its id; the engine gives one where there is none.
    id: str = ""

    def failed(self) -> Dispatch:
        """Return it with one more failure."""
        return replace(self, failures=self.failures + 1)

    def draft(self, delay_s: float = 0.0, *, ordered: bool = False) -> Draft:
        """Return it as a message of the outbox's queue.

        Args:
            delay_s: Seconds until it is tried.
            ordered: It waits for those of its lane and message group that came before it.
        """
        delivery = {name: value for name in _DELIVERY if (value := getattr(self.delivery, name))}
        if "attributes" in delivery:
            delivery["attributes"] = packed(delivery["attributes"])
        headers = {
            "target": self.target,
            "lane": self.lane,
            "accepted": self.accepted,
            "failures": self.failures,
            "delivery": delivery,
            "context": self.context,
        }
        return Draft(
            self.delivery.payload,
            orjson.dumps(headers).decode(),
            delay=delay_s,
            message_id=self.id or None,
            group=f"{self.lane}\0{self.delivery.group_id}" if ordered else None,
        )


def dispatch_of(message: Received | Seen) -> Dispatch:
    """Return what a message of the outbox's queue holds."""
    headers = orjson.loads(message.headers)
    body = message.body
    payload = body.encode() if isinstance(body, str) else body
    delivery = headers["delivery"]
    if "attributes" in delivery:
        delivery["attributes"] = unpacked(delivery["attributes"])
    # A message that keeps its place counts its failures by its receives.
    again = max(0, message.receive_count - 1)
    return Dispatch(
        target=headers["target"],
        lane=headers["lane"],
        accepted=headers["accepted"],
        failures=headers["failures"] + again,
        context=headers["context"],
        delivery=Delivery(payload=payload, **delivery),
        id=message.message_id,
    )


def packed(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return message attributes as JSON can hold them: bytes as base64."""
    return {
        name: {
            key: {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
            for key, value in each.items()
        }
        for name, each in attributes.items()
    }


def unpacked(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return message attributes that :func:`packed` has packed."""
    return {
        name: {
            key: b64decode(value["base64"]) if isinstance(value, dict) else value
            for key, value in each.items()
        }
        for name, each in attributes.items()
    }
