"""What a bare folder declares, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDeclaration:
    """A function as its folder declares it."""

    name: str
    folder: Path
    handler: str
    #: AWS's identifier, e.g. "python3.12".
    runtime: str
    memory_mb: int
    timeout_s: int = 3
