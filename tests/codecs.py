"""The codecs of the services that are served, without an emulator."""

from __future__ import annotations

from emulator.services.table import Table
from emulator.wire import ServiceCodec

TABLE = Table()


def codec(model: str, protocol: str | None = None) -> ServiceCodec:
    """Return the codec of a service, by the name of its model."""
    return TABLE.find(model).codec(protocol)
