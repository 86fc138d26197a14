"""What an event source is, and what it needs of the rest.

A source of another kind is a ``source.py`` in its service's folder, whose ``open(parts)`` returns a
:class:`SourceKind`. Nothing here or in :mod:`emulator.sources.pollers` knows which kinds there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from emulator.model.function import FunctionVersion
from emulator.sources.mapped_function import MappedFunction


class EventSource(Protocol):
    """Feeds a function from one source, for one mapping."""

    async def run(self, function: MappedFunction) -> None:
        """Poll, and begin an invocation for each batch, until cancelled."""
        ...

    async def drain(self) -> None:
        """Return when nothing that was begun is in flight any more."""
        ...

    def cancel(self) -> None:
        """Give up what is in flight: its records are received again."""
        ...


class SourceKind(Protocol):
    """The resources of one service as event sources.

    A mapping is a document as the Lambda API shows it.
    """

    async def check(self, mapping: Mapping[str, Any], version: FunctionVersion) -> None:
        """Check that there is such a source, and that it suits a function.

        Raises:
            AwsError: It does not, in AWS's words.
        """
        ...

    async def begin(self, mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return further members for a mapping that is made now: where it begins.

        What comes after the answer that made the mapping must not be missed, whenever the first
        poll is. Members that no mapping of the API has are kept and never shown.

        Raises:
            AwsError: The source can't be read now.
            StorageError: It can't be read now.
        """
        ...

    def make(self, mapping: Mapping[str, Any]) -> EventSource:
        """Return what polls for a mapping. Nothing is polled yet, and the source may be missing.

        Raises:
            ConfigurationError: The mapping, kept by another release, can't be polled as it says.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; called when no source of this kind runs any more."""
        ...
