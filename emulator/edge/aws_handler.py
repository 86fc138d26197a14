"""Answers requests of AWS's own protocols: who asks for what; then the answer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_to_bytes

from emulator.edge.router import Headers, Message, Receive, Scope, Send, answer, read_body
from emulator.engines.base import EngineRequest, EngineResponse
from emulator.model import credentials
from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.model.ids import new_request_id
from emulator.model.lazy import LazyModule
from emulator.model.limits import CODE_REQUEST
from emulator.services import neighbours
from emulator.services.context import Context
from emulator.services.not_served import NotServed, foreign_codec
from emulator.services.table import Table
from emulator.wire import Operation, ServiceCodec, values
from emulator.wire.messages import Response
from emulator.wire.streams import ByteStream, as_stream, received

if TYPE_CHECKING:
    from emulator.edge import presigned, traced_calls
    from emulator.edge.strict_auth import StrictAuth
else:
    presigned = LazyModule("emulator.edge.presigned")
    traced_calls = LazyModule("emulator.edge.traced_calls")

_log = logging.getLogger(__name__)

_CREDENTIAL = re.compile(
    rb"Credential=(?P<key>[^/,\s]{1,128})/\d{8}/(?P<region>[a-z0-9-]{1,32})/"
    rb"(?P<service>[a-z0-9-]{1,64})/"
)
#: Before the credential of a presigned URL; of one that was signed by version 2.
_PRESIGNED = b"X-Amz-Credential="
_PRESIGNED_V2 = b"AWSAccessKeyId="
#: Signatures of version 2, in a query or a header: they name a key, and no service.
_CREDENTIAL_V2 = re.compile(rb"(?:\bAWSAccessKeyId=|^AWS )(?P<key>[^:&,\s]{1,128})")
_ACCOUNT = re.compile(r"\d{12}")
#: Callers remembered by their credential scope, and names of headers.
_REMEMBERED = 1024
#: Bytes of a header's name that is remembered.
_LONGEST_REMEMBERED = 128
#: Names of headers as text.
_NAMES: dict[bytes, str] = {}


class AwsHandler:
    """Serves the services of a table over HTTP.

    Args:
        table: The services, with the account and the region of callers that name none.
        strict: Refuse what policies do not allow.
    """

    def __init__(self, table: Table, *, strict: bool = False) -> None:
        self._table = table
        self._strict: StrictAuth | None = None
        if strict:
            from emulator.edge.strict_auth import StrictAuth

            self._strict = StrictAuth()
        #: Writes the errors of requests of which it is not known whom they are for.
        self._foreign = foreign_codec("rest-json")
        self._callers: dict[bytes, tuple[str, str, str]] = {}
        self._known = table.identify.by_signature
        self._by_host = table.identify.by_host
        self._neighbours = table.neighbours
        self._attached = table.neighbours.attached

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        account, region, signed_for = self.caller(headers, scope["query_string"])
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        texts = texts_of(headers)
        query: str = scope["query_string"].decode("latin-1")
        path: str = scope["raw_path"].decode("latin-1")
        codec = self._foreign
        if signed_for in self._by_host:
            path, signed_for = await self._table.locate(texts, path, signed_for)
        context: Context | None = None
        caller = (account, region, signed_for)
        try:
            if self._attached and signed_for in self._attached:
                asked = await _whole(scope, texts, first, receive, caller)
                await _send(send, await neighbours.forward(self._attached[signed_for], asked))
                return
            if first.get("more_body") and values.is_form(texts):
                first = await self._form(first, receive, path, signed_for)
            body: bytes = first.get("body", b"")
            service, codec, name = self._known.get(signed_for) or self._table.identify(
                scope["method"], path, query, texts, body, signed_for
            )
            params: Mapping[str, str] = {}
            if name is None:
                operation, params = codec.match(scope["method"], path, query, texts)
            else:
                operation = codec.operation(name)
            content: bytes | ByteStream = body
            if first.get("more_body") or operation.streams_request or len(body) > CODE_REQUEST:
                content = await _content(first, receive, codec, operation)
            endpoint = f"{scope['scheme']}://{texts.get('host', 'localhost')}"
            request = codec.read(
                operation,
                params=params,
                query=query,
                headers=texts,
                body=content,
                url=f"{endpoint}{path}",
            )
            handler = service.operations.get(operation.name)
            if handler is None:
                raise service.unsupported(operation.name)
            parts = self._table.parts
            if "=" in query and codec.model.deviations.whole_signatures:
                presigned.check_whole(query)
            if query and "Expires=" in query:
                presigned.check(query, parts.clock.now())
            trace_id = texts.get("x-amzn-trace-id", "")
            context = Context(
                account=account,
                region=region,
                request_id=request_id,
                endpoint=endpoint,
                parts=parts,
                operation=operation.name,
                trace_id=trace_id,
                user_agent=texts.get("user-agent", ""),
                session_token=texts.get("x-amz-security-token") or (query and _token_in(query)),
                request_headers=texts,
                state=service.state if service.is_open else await service.open(parts),
            )
            if self._strict is not None:
                whole = content if isinstance(content, bytes) else None
                await self._strict.check(service, context, request, scope, whole)
            if trace_id and traced_calls.is_traced(trace_id):
                result = await traced_calls.run(service, context, request, handler)
            else:
                result = await handler(context, request)
            status, answers, payload = codec.serialise(operation, result, request_id)
            answers += context.headers
            status = context.status or status
        except NotServed as refusal:
            found = await self._elsewhere(scope, texts, first, receive, caller, refusal)
            status, answers, payload = found or refusal.response(request_id)
        except Exception as error:  # noqa: BLE001 what is not expected is told to us in full
            status, answers, payload = codec.error(_as_aws_error(error, request_id), request_id)
            answers += () if context is None else context.headers
        await answer(send, status, answers, payload)

    async def _elsewhere(
        self,
        scope: Scope,
        texts: Mapping[str, str],
        first: Message,
        receive: Receive,
        caller: tuple[str, str, str],
        refusal: NotServed,
    ) -> Response | None:
        """Return what an engine answers to a request that no service of ours serves."""
        try:
            request = await _whole(scope, texts, first, receive, caller)
            answer = await self._neighbours.ask(request)
        except AwsError as error:
            return refusal.codec.error(error, new_request_id())
        if answer is None:
            refusal.error.message += self._neighbours.hint
            return None
        return answer.status, _encoded(answer.headers), answer.body

    async def _form(self, first: Message, receive: Receive, path: str, signed_for: str) -> Message:
        """Return the first message of a form with the whole of it, if its body says what it is for.

        Raises:
            AwsError: It is too large.
        """
        if self._table.identify.without_body(path, signed_for) is not None:
            return first  # "curl --data-binary" calls everything a form
        body = await read_body(receive, CODE_REQUEST, first)
        if body is None:
            text = f"Request must be smaller than {CODE_REQUEST} bytes"
            raise AwsError("RequestEntityTooLargeException", text, status=413)
        return {"type": "http.request", "body": body}

    def caller(self, headers: Headers, query: bytes) -> tuple[str, str, str]:
        """Return account, region and service of the caller's signature (which is not checked)."""
        authorization = headers.get(b"authorization", b"")
        if not authorization and (start := query.find(_PRESIGNED)) >= 0:
            authorization = unquote_to_bytes(query[start:])
        elif not authorization and (start := query.find(_PRESIGNED_V2)) >= 0:
            authorization = query[start:]
        known = self._callers.get(authorization[:200])
        if known is None:
            match = _CREDENTIAL.search(authorization)
            if match is not None:
                service, region = match["service"].decode(), match["region"].decode()
            else:
                match = _CREDENTIAL_V2.search(authorization)
                region = self._table.region
                service = "" if match is None else self._table.identify.signed_by_version_2
            account = None
            if match is not None:
                key = match["key"].decode("latin-1")
                account = key if _ACCOUNT.fullmatch(key) else credentials.account_of(key)
            known = (account or self._table.account, region, service)
            if len(self._callers) < _REMEMBERED:
                self._callers[authorization[:200]] = known
        return known


def texts_of(headers: Headers) -> dict[str, str]:
    """Return headers as text."""
    return {
        _NAMES.get(name) or _name(name): value.decode("latin-1") for name, value in headers.items()
    }


def _name(name: bytes) -> str:
    """Return a header's name as text, and remember it."""
    text = name.decode("latin-1")
    if len(_NAMES) < _REMEMBERED and len(name) <= _LONGEST_REMEMBERED:
        _NAMES[name] = text
    return text


async def _content(
    first: Message, receive: Receive, codec: ServiceCodec, operation: Operation
) -> bytes | ByteStream:
    """Return a request's body: as it comes, where its operation wants that, or whole.

    ``first`` is the request's first message, and ``receive`` gives the others.

    Raises:
        AwsError: It is too large to be read whole, or the client went away.
    """
    if codec.streams_request(operation):
        whole = not first.get("more_body")
        return as_stream(first["body"]) if whole else received(first["body"], receive)
    body = await read_body(receive, CODE_REQUEST, first)
    if body is None:
        raise _too_large(codec, operation)
    return body


async def _whole(
    scope: Scope,
    texts: Mapping[str, str],
    first: Message,
    receive: Receive,
    caller: tuple[str, str, str],
) -> EngineRequest:
    """Return a request as engines take it.

    Raises:
        AwsError: It is too large.
    """
    body = await read_body(receive, CODE_REQUEST, first)
    if body is None:
        text = f"Request must be smaller than {CODE_REQUEST} bytes"
        raise AwsError("RequestEntityTooLargeException", text, status=413)
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    account, region, service = caller
    return EngineRequest(
        method=scope["method"],
        target=target,
        headers=dict(texts),
        body=body,
        service=service,
        account=account,
        region=region,
    )


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


async def _send(send: Send, response: EngineResponse) -> None:
    await answer(send, response.status, _encoded(response.headers), response.body)


def _token_in(query: str) -> str:
    """Return the token of temporary credentials in a presigned URL; "" without one."""
    if "X-Amz-Security-Token=" not in query:
        return ""
    return parse_qs(query).get("X-Amz-Security-Token", [""])[0]


def _as_aws_error(error: Exception, request_id: str) -> AwsError:
    """Return what the caller is told of an error."""
    match error:
        case AwsError():
            return error
        case DriverFault():
            return AwsError("ServiceException", str(error), status=500)
        case StorageError():
            return AwsError("ServiceException", f"It was not kept: {error}", status=500)
    _log.error("request %s failed", request_id, exc_info=error)
    return AwsError("ServiceException", "localfaas failed; its log says why.", status=500)


def _too_large(codec: ServiceCodec, operation: Operation) -> AwsError:
    name = codec.model.deviations.operation_in_texts.get(operation.name, operation.name)
    return AwsError(
        "RequestEntityTooLargeException",
        f"Request must be smaller than {CODE_REQUEST} bytes for the {name} operation",
        status=413,
    )
