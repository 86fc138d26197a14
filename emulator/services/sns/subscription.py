"""A subscription, and what those who send messages ask of all topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from emulator.services.sns.filtering import ATTRIBUTES, Filter

if TYPE_CHECKING:
    from emulator.invoke.outbox.outbox import Outbox
    from emulator.services.context import Parts
    from emulator.services.sns.arns import Place
    from emulator.services.sns.audience import Audience
    from emulator.services.sns.signing import Signer
    from emulator.store.event_archive import EventArchive

Topic = dict[str, Any]
Body = dict[str, Any]


class Subscription:
    """A subscription, with what its deliveries need of it ready to be used.

    Args:
        body: As it is kept; it never changes.
        endpoint: Where clients reach the emulator.
        rests: It wants no message, for its filter policy can't be read today.

    Attributes:
        is_pending: Its endpoint has not confirmed it yet.
        is_raw: Its endpoint gets messages without an envelope.
        dead_letter: The ARN of its dead-letter queue; None: it has none.
        ends_at: The address that ends it.
        place: Its place in the order of its topic's subscriptions.
    """

    __slots__ = (
        "arn", "body", "dead_letter", "ends_at", "filter", "is_pending", "is_raw", "place",
        "protocol", "rests",
    )  # fmt: skip

    def __init__(self, body: Body, endpoint: str, *, rests: bool = False) -> None:
        self.body = body
        self.arn: str = body["arn"]
        self.protocol: str = body["protocol"]
        self.place = [body.get("created", 0.0), self.arn]
        attributes = body["attributes"]
        policy = attributes.get("FilterPolicy")
        scope = attributes.get("FilterPolicyScope", ATTRIBUTES)
        self.rests = rests
        self.filter = Filter(policy, scope) if policy and not rests else None
        self.is_pending = bool(body.get("token"))
        self.is_raw = attributes.get("RawMessageDelivery") == "true"
        redrive = attributes.get("RedrivePolicy")
        self.dead_letter: str | None = (
            json.loads(redrive)["deadLetterTargetArn"] if redrive else None
        )
        query = f"SubscriptionArn={quote(self.arn, safe=':')}"
        self.ends_at = url_of(endpoint, "Unsubscribe", query)


def url_of(endpoint: str, action: str, query: str) -> str:
    """Return the address of an operation that its receiver may want."""
    return f"{endpoint}/?Action={action}&{query}&Version=2010-03-31"


class Topics(Protocol):
    """All topics; :class:`emulator.services.sns.state.Sns` has them."""

    parts: Parts
    #: What is on its way to endpoints.
    outbox: Outbox
    #: The messages of FIFO topics that keep them.
    archive: EventArchive
    signer: Signer
    #: Subscriptions whose replay is under way.
    replaying: set[str]

    def topic(self, place: Place) -> Topic | None:
        """Return a topic; None: there is none."""
        ...

    def subscription(self, arn: str) -> Subscription | None:
        """Return a subscription by its ARN; None: there is none."""
        ...

    async def put_subscription(self, body: Body) -> Subscription:
        """Keep a subscription."""
        ...

    def audience(self, topic: str) -> Audience:
        """Return who wants the messages of a topic, by its ARN."""
        ...

    def note_unsent(self, protocol: str, endpoint: str, text: str, message_id: str) -> None:
        """Keep a message that nobody sends, to be looked at."""
        ...
