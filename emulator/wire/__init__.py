"""The AWS wire codec: bytes ↔ wire-shaped dicts, for the services the emulator speaks.

::

    lambda_ = codec.service("lambda")
    operation, params = lambda_.match(method, raw_path, query)
    request = lambda_.parse(operation, params=params, query=query, headers=headers, body=body)
    lambda_.validate(operation, request)
    status, headers, body = lambda_.serialise(operation, result, request_id)
    status, headers, body = lambda_.error(error, request_id)

For the protocols that name the operation in the request (json, query) ``codec.identify`` finds
service, protocol and operation. Header names are in lower case, both ways. Moments are seconds
since the epoch in requests; results may hold those or datetimes.
"""

from __future__ import annotations

from emulator.wire.model import Operation
from emulator.wire.services import ServiceCodec, Target, identify, service

__all__ = ["Operation", "ServiceCodec", "Target", "identify", "service"]
