"""The AWS wire codec: bytes ↔ dicts in the shape of the service models.

::

    lambda_ = wire.service("lambda")
    operation, params = lambda_.match(method, raw_path, query, headers)   # REST protocols
    operation = sqs.operation("SendMessage")                              # all others
    request = lambda_.parse(operation, params=params, query=query, headers=headers, body=body)
    lambda_.validate(operation, request)
    status, headers, body = lambda_.serialise(operation, result, request_id)
    status, headers, body = lambda_.error(error, request_id)

Header names are in lower case, both ways. Moments are seconds since the epoch in requests; results
may hold those or datetimes. :mod:`emulator.services.identify` finds the service that a request
means.

Where :meth:`ServiceCodec.streams_request` says so, the body may be a
:class:`emulator.wire.streams.ByteStream`, which the payload's member then is. Where
``operation.streams_response`` is true, the result's member may be an asynchronous generator: of
bytes, or of events (``{"PayloadChunk": {...}}``); ``body`` is then one of bytes.

A protocol is a module of :mod:`emulator.wire.protocols` and a line in its table. A service that
answers otherwise than its model says states that in :class:`emulator.wire.deviations.Deviations`.
"""

from __future__ import annotations

from emulator.wire.model import Operation
from emulator.wire.services import ServiceCodec, service

__all__ = ["Operation", "ServiceCodec", "service"]
