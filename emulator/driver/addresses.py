"""Addresses of this machine, and of those that a driver talks to."""

from __future__ import annotations

import socket

from emulator.model.errors import ConfigurationError


def resolve(host: str) -> str:
    """Return the address of ``host``, of version 4 if it has one.

    Raises:
        ConfigurationError: It has none.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(f"{host} can't be resolved: {error}") from error
    return str(min(found, key=lambda each: each[0] != socket.AF_INET)[4][0])


def can_bind(address: str) -> bool:
    """Say whether ``address`` is this machine's own."""
    with socket.socket(_family(address), socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def own_address_towards(host: str) -> str:
    """Return this machine's address on the way to ``host``; nothing is sent.

    Raises:
        ConfigurationError: ``host`` has no address, or there is no way to it.
    """
    address = resolve(host)
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # no packet leaves
        except OSError as error:
            raise ConfigurationError(f"there is no way to {host}: {error}") from error
        return str(probe.getsockname()[0])


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
