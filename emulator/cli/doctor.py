"""The command ``doctor``: what this machine has for the emulator, and what to do about the rest."""

from __future__ import annotations

from emulator.cli.client import DEFAULT_ENDPOINT, Endpoint, Json


def doctor(json: Json = False, endpoint: Endpoint = DEFAULT_ENDPOINT) -> None:
    """Look at this machine.

    Example: localfaas doctor
    """
