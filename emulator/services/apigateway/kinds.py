"""API Gateway's resource types in templates."""

from __future__ import annotations

from emulator.stack.kinds import Kind

KINDS: dict[str, Kind] = {}
