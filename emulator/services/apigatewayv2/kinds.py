"""Resource types."""

from __future__ import annotations

KINDS: dict[str, object] = {}
