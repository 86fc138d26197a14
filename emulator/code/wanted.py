"""What a folder wants installed, whatever its language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The packages that a function's own files name."""

    #: The file that names them.
    file: str
    #: What installs them.
    program: str
    #: All that decides what is installed.
    key: Sequence[bytes]
    #: Installs them as a layer into an empty folder; returns why it failed, or None.
    install: Callable[[Path], Awaitable[str | None]]


def read(path: Path) -> bytes:
    """Return a file's content; nothing where it can't be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
