"""The interface between traces and the store; neither knows the other."""

from __future__ import annotations

from typing import Protocol


class TraceJournal(Protocol):
    """Durable storage of traces. Every method may raise a StorageError."""

    async def write(self, page: bytes, limit_bytes: int) -> None:
        """Add a page, and drop the oldest ones where all have more than ``limit_bytes``."""
        ...

    async def pages(self) -> list[bytes]:
        """Return all pages, oldest first."""
        ...

    async def clear(self) -> None:
        """Drop all pages."""
        ...
