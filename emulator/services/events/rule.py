"""A rule of a bus, and what those who send events ask of all buses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from emulator.services.events.arns import BusPlace, rule_arn

if TYPE_CHECKING:
    from emulator.invoke.outbox.outbox import Outbox
    from emulator.services.context import Parts
    from emulator.store.event_archive import EventArchive

Body = dict[str, Any]


class Rule(NamedTuple):
    """A rule, ready for events."""

    bus: BusPlace
    body: Body

    @property
    def arn(self) -> str:
        return rule_arn(self.bus, self.body["name"])


class Tokens(Protocol):
    """Who keeps secrets; :class:`emulator.services.events.authorizing.Authorizer` does."""

    async def secret_of(self, connection: Body) -> dict[str, Any]:
        """Return what Secrets Manager keeps of a connection."""
        ...

    async def token(self, connection: Body, secret: Mapping[str, Any]) -> str:
        """Return the header that an OAuth server's token makes."""
        ...

    def drop_token(self, connection: Body) -> None:
        """Fetch a new token the next time."""
        ...


class Buses(Protocol):
    """All buses; :class:`emulator.services.events.state.Events` has them."""

    parts: Parts
    #: What is on its way to targets.
    outbox: Outbox
    #: The events of archives.
    archive_store: EventArchive

    @property
    def authorizer(self) -> Tokens:
        """The secrets and tokens of connections."""
        ...

    def bus(self, place: BusPlace) -> Body | None:
        """Return a bus; None: there is none."""
        ...

    def rule(self, bus: BusPlace, name: str) -> Rule | None:
        """Return a rule; None: there is none."""
        ...

    def connection(self, arn: str) -> Body | None:
        """Return a connection by its ARN; None: there is none."""
        ...

    def destination(self, arn: str) -> Body | None:
        """Return an API destination by its ARN; None: there is none."""
        ...

    def archives_of(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Body]:
        """Return the archives of a bus that want an event."""
        ...

    def matching(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Rule]:
        """Return the rules that an event on a bus matches."""
        ...
