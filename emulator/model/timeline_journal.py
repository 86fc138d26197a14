"""The interface between the timeline and the store; neither knows the other."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class TimelineNumbers(NamedTuple):
    """How far a page goes."""

    #: The page's own.
    number: int = 0
    #: The highest id of its invocations, and of all before.
    id: int = 0
    #: The highest revision of its environments, and of all before.
    revision: int = 0


class TimelinePage(NamedTuple):
    """Records of about a second, as the timeline has packed them."""

    last: TimelineNumbers
    #: When the last of its records changed, seconds since the epoch.
    at: float
    content: bytes


class TimelineState(NamedTuple):
    """What a journal knows without reading its pages."""

    #: Names this journal: numbers of another one mean nothing here.
    identity: str
    #: The last page's; zeros where there is none.
    last: TimelineNumbers
    #: All since then is in its pages, seconds since the epoch.
    known_from: float


class TimelineJournal(Protocol):
    """Durable storage of the timeline. Every method may raise a StorageError."""

    async def open(self, identity: str, now: float) -> TimelineState:
        """Return what is there; a new journal takes ``identity``, and knows all from ``now``."""
        ...

    async def write(self, page: TimelinePage, limit_bytes: int) -> None:
        """Add a page, and drop the oldest ones where all have more than ``limit_bytes``."""
        ...

    async def pages(self, until: int) -> list[TimelinePage]:
        """Return the pages with numbers up to ``until``, oldest first."""
        ...
