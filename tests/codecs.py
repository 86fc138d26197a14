"""The codecs of the services that are served, without an emulator."""

from __future__ import annotations

from emulator.services.table import Table
from emulator.wire import ServiceCodec, s3, service
from emulator.wire.deviations import NONE

TABLE = Table()


def codec(model: str, protocol: str | None = None) -> ServiceCodec:
    """Return the codec of a service, by the name of its model; also of one that is not served."""
    try:
        return TABLE.find(model).codec(protocol)
    except LookupError:
        return service(model, protocol, s3.DEVIATIONS if model == "s3" else NONE)
