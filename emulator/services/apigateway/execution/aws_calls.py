"""Requests to AWS services that are served here, as integrations make them.

They are read, checked and answered as those of clients are, in the service's own protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

from emulator.engines.base import EngineRequest
from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.model.ids import new_request_id
from emulator.services.apigateway.execution.call import Pairs
from emulator.services.context import Context, Parts
from emulator.services.neighbours import forward
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
    if request.service in table.neighbours.attached:
        found = await _elsewhere(table, request, account, region)
        assert found is not None  # an attached endpoint answers, or fails
        return found
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
        parsed = codec.read(
            operation,
            params=params,
            query=request.query,
            headers=request.headers,
            body=content,
            url=f"{table.endpoint}{path}",
        )
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
        found = await _elsewhere(table, request, account, region)
        if found is not None:
            return found
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


async def _elsewhere(
    table: Table, request: AwsRequest, account: str, region: str
) -> tuple[int, Pairs, bytes] | None:
    """Return what an attached endpoint answers, or the embedded library; None: nobody does."""
    headers = {**request.headers}
    headers.setdefault("authorization", _signature(request.service, account, region))
    asked = EngineRequest(
        method=request.method,
        target=request.path + (f"?{request.query}" if request.query else ""),
        headers=headers,
        body=request.body,
        service=request.service,
        account=account,
        region=region,
    )
    try:
        engine = table.neighbours.attached.get(request.service)
        answer = (
            await table.neighbours.ask(asked) if engine is None else await forward(engine, asked)
        )
    except AwsError as error:
        text = json.dumps({"__type": error.code, "message": error.message})
        return error.status or 503, [("Content-Type", "application/json")], text.encode()
    return None if answer is None else (answer.status, answer.headers, answer.body)


def _signature(service: str, account: str, region: str) -> str:
    """Return a header that says who asks whom, for those who don't check it."""
    scope = f"{account}/20260101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"


def _fault(error: Exception) -> AwsError:
    return AwsError("ServiceException", str(error), status=500)
