"""The AWS wire codec: bytes ↔ wire-shaped dicts, for the services the emulator speaks.

::

    lambda_ = codec.service("lambda")
    operation, params = lambda_.match(method, raw_path, query)
    request = lambda_.parse(operation, params=params, query=query, headers=headers, body=body)
    lambda_.validate(operation, request)
    status, headers, body = lambda_.serialise(operation, result, request_id)
    status, headers, body = lambda_.error(error, request_id)

Header names are in lower case, both ways. Moments are seconds since the epoch in requests; results
may hold those or datetimes. Which service a request means is :mod:`emulator.services.identify`'s
to find.
"""

from __future__ import annotations

from emulator.wire.model import Operation
from emulator.wire.services import ServiceCodec, service

__all__ = ["Operation", "ServiceCodec", "service"]
