"""A rule of a bus, and what those who send events ask of all buses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from emulator.services.events.arns import BusPlace, rule_arn

if TYPE_CHECKING:
    from emulator.invoke.outbox.outbox import Outbox
    from emulator.services.context import Parts

Body = dict[str, Any]


class Rule(NamedTuple):
    """A rule, ready for events."""

    bus: BusPlace
    body: Body

    @property
    def arn(self) -> str:
        return rule_arn(self.bus, self.body["name"])


class Buses(Protocol):
    """All buses; :class:`emulator.services.events.state.Events` has them."""

    parts: Parts
    #: What is on its way to targets.
    outbox: Outbox

    def bus(self, place: BusPlace) -> Body | None:
        """Return a bus; None: there is none."""
        ...

    def matching(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Rule]:
        """Return the rules that an event on a bus matches."""
        ...
