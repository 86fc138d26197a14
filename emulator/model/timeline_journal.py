"""The interface between the timeline and the store; neither knows the other."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class TimelinePage(NamedTuple):
    """Records of about a second, as the timeline has packed them."""

    #: The highest id or revision in it.
    last: int
    #: When the last of its records changed, seconds since the epoch.
    at: float
    content: bytes


class TimelineState(NamedTuple):
    """What a journal knows without reading its pages."""

    #: Names this journal: numbers of another one mean nothing here.
    identity: str
    #: The highest id or revision that was ever written.
    last: int
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
        """Return the pages whose numbers go no further than ``until``, oldest first."""
        ...
