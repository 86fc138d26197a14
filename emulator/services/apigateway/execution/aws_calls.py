"""Requests to AWS services that are served here, as integrations make them.

They are read, checked and answered as those of clients are, in the service's own protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.model.ids import new_request_id
from emulator.services.apigateway.execution.call import Pairs
from emulator.services.context import Context, Parts
from emulator.services.not_served import NotServed
from emulator.services.table import Table
from emulator.wire.streams import as_stream


class AwsRequest(NamedTuple):
    """A request to a service, signed by an account."""

    #: As signatures name it.
    service: str
    method: str
    #: Percent-encoded.
    path: str
    query: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes


async def send(
    parts: Parts, request: AwsRequest, account: str, region: str
) -> tuple[int, Pairs, bytes]:
    """Return status, headers and body of a service's answer, be it an error.

    Raises:
        LookupError: The service is not served.
    """
    table = cast(Table, parts.table)
    request_id = new_request_id()
    codec = None
    context: Context | None = None
    path, service_name = await table.locate(request.headers, request.path, request.service)
    try:
        service, codec, name = table.identify(
            request.method, path, request.query, request.headers, request.body, service_name
        )
        params: Mapping[str, str] = {}
        if name is None:
            operation, params = codec.match(request.method, path, request.query, request.headers)
        else:
            operation = codec.operation(name)
        content = as_stream(request.body) if codec.streams_request(operation) else request.body
        parsed = codec.parse(
            operation, params=params, query=request.query, headers=request.headers, body=content
        )
        if (add := codec.model.deviations.add_from_url) is not None:
            add(operation, parsed, codec.protocol, f"{table.endpoint}{path}")
        codec.validate(operation, parsed)
        handler = service.operations.get(operation.name)
        if handler is None:
            raise service.unsupported(operation.name)
        context = Context(
            account=account,
            region=region,
            request_id=request_id,
            endpoint=table.endpoint,
            parts=parts,
            operation=operation.name,
            request_headers=request.headers,
            state=await service.open(parts),
        )
        result = await handler(context, parsed)
        status, answers, body = codec.serialise(operation, result, request_id)
        answers += context.headers
        status = context.status or status
    except NotServed as refusal:
        status, answers, body = refusal.response(request_id)
    except (AwsError, DriverFault, StorageError) as error:
        if codec is None:
            raise LookupError(request.service) from error
        known = error if isinstance(error, AwsError) else _fault(error)
        status, answers, body = codec.error(known, request_id)
        answers += () if context is None else context.headers
    if not isinstance(body, bytes):
        body = b"".join([each async for each in body])
    return status, [(k.decode("latin-1"), v.decode("latin-1")) for k, v in answers], body


def _fault(error: Exception) -> AwsError:
    return AwsError("ServiceException", str(error), status=500)
