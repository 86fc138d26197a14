"""What the emulator tells its user while it runs: one interface for every part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the pull or the build of an image is, or a stack."""

    #: The image's name, or the stack's.
    image: str
    #: One line for people.
    status: str
    #: Bytes of all layers known so far: done, and in total. 0 where the engine gives none.
    done: int = 0
    total: int = 0
    #: What is said when it begins; "" says nothing.
    verb: str = "pulling"
    #: Nothing more follows.
    over: bool = False


class Console(Protocol):
    """Shows messages to the user. No method blocks or raises."""

    def warn(self, text: str) -> None:
        """Show what the emulator could not do as asked."""
        ...

    def info(self, text: str) -> None:
        """Show what the emulator did by itself, such as a reload."""
        ...

    def progress(self, progress: Progress) -> None:
        """Show how far something is that functions wait for."""
        ...


class SilentConsole:
    """A :class:`Console` that shows nothing."""

    def warn(self, text: str) -> None: ...

    def info(self, text: str) -> None: ...

    def progress(self, progress: Progress) -> None: ...
