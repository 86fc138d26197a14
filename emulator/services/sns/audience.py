"""Who wants a message of a topic: quick for thousands of subscriptions with a filter policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Protocol

from emulator.services.sns.envelope import Message
from emulator.services.sns.filtering import Filter, of_attributes, of_body
from emulator.sources.pattern_index import Index


class Subscriber(Protocol):
    """What is asked of a subscription."""

    body: dict[str, Any]
    filter: Filter | None
    is_pending: bool
    rests: bool
    place: list[Any]


class Audience:
    """The confirmed subscriptions of a topic, in the order in which they came.

    Args:
        subscriptions: All of the topic.
    """

    def __init__(self, subscriptions: Iterable[Subscriber]) -> None:
        confirmed = (each for each in subscriptions if not each.is_pending and not each.rests)
        self._all = sorted(confirmed, key=lambda each: each.place)
        self._always: list[int] = []
        by_attributes: list[tuple[Any, int]] = []
        by_body: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        for order, each in enumerate(self._all):
            wanted = each.filter
            if wanted is None:
                self._always.append(order)
            elif wanted.of_body:
                by_body[each.body["protocol"]].append((wanted.pattern, order))
            else:
                by_attributes.append((wanted.pattern, order))
        #: The last message, and who wants it: what goes to very many is asked for again and again.
        self._last: tuple[Message | None, list[Any]] = (None, [])
        self._by_attributes = Index(by_attributes)
        self._by_body = {protocol: Index(kept) for protocol, kept in by_body.items()}

    def of(self, message: Message) -> list[Any]:
        """Return the subscriptions that want a message."""
        last, wanting = self._last
        if last != message:
            wanting = self._found(message)
            self._last = message, wanting
        return wanting

    def _found(self, message: Message) -> list[Any]:
        found = list(self._always)
        if self._by_attributes:
            found += self._by_attributes.find(of_attributes(message.attributes))
        for protocol, index in self._by_body.items():
            event = of_body(message.body(protocol))
            if event is not None:
                found += index.find(event)
        return [self._all[order] for order in sorted(found)]
