"""The Telemetry API and the Logs API: who wants to hear the environment's log."""

from __future__ import annotations

from emulator.pool.extensions.group import Extensions, Refused
from emulator.pool.extensions.members import Extension


def subscribe(extensions: Extensions, member: Extension, api: str, body: bytes) -> None:
    """Have an extension hear the log.

    Raises:
        Refused: It can't.
    """
    raise Refused("Telemetry.NotSupported", f"The {api} API is not served")
