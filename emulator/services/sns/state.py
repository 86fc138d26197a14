"""What SNS keeps: topics, subscriptions, platform applications, and what is on its way."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.invoke.outbox.outbox import Outbox
from emulator.registry.resource_table import ResourceTable
from emulator.services.resting import resting
from emulator.services.sns import replaying
from emulator.services.sns.arns import Place, split
from emulator.services.sns.audience import Audience
from emulator.services.sns.fanout import expand
from emulator.services.sns.sender import SnsSender
from emulator.services.sns.signing import FILE, Signer
from emulator.services.sns.subscription import Body, Subscription, Topic
from emulator.store.event_archive import EventArchive

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: Messages to phones and devices that are kept to be looked at.
_KEPT = 1000


class Sns:
    """The service's state; :func:`open` makes it.

    Attributes:
        topics: By the names in their ARNs.
        applications: Platform applications, by what follows the account in their ARNs.
        endpoints: Their endpoints, likewise.
        outbox: What is on its way to endpoints.
        archive: The messages of FIFO topics that keep them.
        signer: Signs messages.
        unsent: Messages to phones and devices, which nobody sends: the last ones.
    """

    outbox: Outbox

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        documents = parts.documents
        self.topics = ResourceTable("sns-topic", documents)
        self.applications = ResourceTable("sns-application", documents)
        self.endpoints = ResourceTable("sns-endpoint", documents)
        self.settings = ResourceTable("sns-settings", documents)
        self._subscriptions = ResourceTable("sns-subscription", documents)
        #: Topic's ARN → subscription's ARN → subscription, in the order in which they came.
        self._by_topic: dict[str, dict[str, Subscription]] = defaultdict(dict)
        self.archive = EventArchive("sns", parts.store, parts.clock)
        #: Subscriptions whose replay is under way.
        self.replaying: set[str] = set()
        #: Topic's ARN → who wants its messages; made anew when a subscription changes.
        self._audiences: dict[str, Audience] = {}
        #: (topic's ARN, protocol, endpoint) → subscription's ARN.
        self._by_endpoint: dict[tuple[str, str, str], str] = {}
        self.signer = Signer(parts.table.endpoint, documents)
        self.unsent: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        #: Subscriptions that have ended, by the token that brings them back: the last ones.
        self.ended: dict[str, Body] = {}
        self.sequence = 0

    async def open(self) -> None:
        """Bring back what was kept, and go on with what was on its way."""
        for table in (self.topics, self.applications, self.endpoints, self.settings):
            await table.load()
        await self._subscriptions.load()
        kept = (body for *_, body in self._subscriptions.all())
        for body in sorted(kept, key=lambda each: (each["created"], each["arn"])):
            made = Subscription(body, self.parts.table.endpoint, rests=True)
            with resting(self.parts.console, f"the subscription {body['arn']}"):
                made = Subscription(body, self.parts.table.endpoint)
            self._show(made)
        parts = self.parts
        self.outbox = await Outbox.open(
            "sns",
            SnsSender(parts.targets, lambda arn: self.subscription(arn) is None, parts.own_metrics),
            engine=parts.queues,
            targets=parts.targets,
            clock=parts.clock,
            expand=partial(expand, self),
        )
        for subscription in self.every_subscription():
            replay = subscription.body.get("replay") or {}
            if replay.get("state") == replaying.IN_PROGRESS and not subscription.rests:
                replaying.go_on(self, subscription.arn)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for table in (self.topics, self.applications, self.endpoints, self.settings):
            table.clear(account)
        self._subscriptions.clear(account)
        for topic in [arn for arn in self._by_topic if account in (None, arn.split(":")[4])]:
            if topic.endswith(".fifo"):
                await self.archive.forget(topic)
        if account is None:
            await self.outbox.clear()
        for arn in [each for each in self._by_topic if account in (None, each.split(":")[4])]:
            del self._by_topic[arn]
            self._audiences.pop(arn, None)
        self._by_endpoint = {
            key: arn for key, arn in self._by_endpoint.items() if key[0] in self._by_topic
        }

    async def close(self) -> None:
        """Give up what is being tried; it is tried again at the next start."""
        await self.outbox.close()
        await self.archive.close()
        self.signer.close()

    async def public_file(self, name: str) -> bytes | None:
        """Return a file that messages point to: the certificate of their signatures."""
        return await self.signer.certificate() if name == FILE else None

    # -- subscriptions --------------------------------------------------------------------------

    def subscriptions(self, topic: str) -> Iterator[Subscription]:
        """Return a topic's subscriptions, by its ARN."""
        return iter(self._by_topic.get(topic, {}).values())

    def every_subscription(self) -> Iterator[Subscription]:
        """Return the subscriptions of all topics."""
        for held in self._by_topic.values():
            yield from held.values()

    def all_subscriptions(self, account: str, region: str) -> list[Subscription]:
        """Return an account's subscriptions in a region."""
        return [
            each
            for arn, held in self._by_topic.items()
            if (place := split(arn, "")) and (place.account, place.region) == (account, region)
            for each in held.values()
        ]

    def subscription(self, arn: str) -> Subscription | None:
        """Return a subscription by its ARN."""
        return self._by_topic.get(arn.rpartition(":")[0], {}).get(arn)

    async def put_subscription(self, body: Body) -> Subscription:
        """Keep a subscription.

        Raises:
            AwsError: Its filter policy is none, or the disk did not take it.
        """
        made = Subscription(body, self.parts.table.endpoint)
        place = split(body["arn"], "SubscriptionArn")
        await self._subscriptions.put(place.account, place.region, place.name, body)
        self._show(made)
        return made

    def _show(self, subscription: Subscription) -> None:
        body = subscription.body
        self._by_topic[body["topic"]][body["arn"]] = subscription
        self._by_endpoint[body["topic"], body["protocol"], body["endpoint"]] = body["arn"]
        self._audiences.pop(body["topic"], None)

    def audience(self, topic: str) -> Audience:
        """Return who wants the messages of a topic, by its ARN."""
        found = self._audiences.get(topic)
        if found is None:
            found = self._audiences[topic] = Audience(self.subscriptions(topic))
        return found

    def subscribed(self, topic: str, protocol: str, endpoint: str) -> Subscription | None:
        """Return the subscription of an endpoint to a topic; None: there is none."""
        arn = self._by_endpoint.get((topic, protocol, endpoint))
        return None if arn is None else self.subscription(arn)

    async def drop_subscription(self, arn: str) -> None:
        """Remove a subscription."""
        place = split(arn, "SubscriptionArn")
        await self._subscriptions.delete(place.account, place.region, place.name)
        topic = arn.rpartition(":")[0]
        gone = self._by_topic.get(topic, {}).pop(arn, None)
        self._audiences.pop(topic, None)
        if gone is not None:
            self._by_endpoint.pop((topic, gone.body["protocol"], gone.body["endpoint"]), None)

    def keep_ended(self, token: str, body: Body) -> None:
        """Let a subscription that has ended be brought back by a token."""
        self.ended[token] = body
        if len(self.ended) > _KEPT:
            del self.ended[next(iter(self.ended))]

    def note_unsent(self, protocol: str, endpoint: str, text: str, message_id: str) -> None:
        """Keep a message that nobody sends, to be looked at."""
        self.unsent.append(
            {
                "protocol": protocol,
                "endpoint": endpoint,
                "message": text,
                "message_id": message_id,
                "at": self.parts.clock.now(),
            }
        )

    def topic(self, place: Place) -> Topic | None:
        """Return a topic."""
        return self.topics.find(*place)

    def next_sequence(self) -> str:
        """Return the next number of a message of a FIFO topic: 20 digits, increasing."""
        now = int(self.parts.clock.now() * 1_000_000) * 10
        self.sequence = max(self.sequence + 1, now)
        return f"1{self.sequence:019d}"


async def open(parts: Parts) -> Sns:
    """Open the service's state."""
    state = Sns(parts)
    await state.open()
    return state


def of(context: Context) -> Sns:
    """Return the state of a request."""
    state: Sns = context.state
    return state
