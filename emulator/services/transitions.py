"""Functions on their way: created, updated or restored, and not yet there."""

from __future__ import annotations

import asyncio

#: What a version runs on: runtime (empty: an image of its own), image, architecture.
RuntimePlatform = tuple[str, str, str]


class Transition:
    """The transitions of one function that are under way."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        #: Set once the transition need not be shown any longer.
        self.end = asyncio.Event()
        #: Versions whose state a client has been shown.
        self.seen: set[str] = set()
