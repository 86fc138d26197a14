"""Function URLs: HTTP in, an invocation, HTTP out.

A URL is reached at ``http://<url-id>.lambda-url.<region>.localhost:<port>/…`` and, by clients
that cannot resolve names under ``localhost``, at ``http://localhost:<port>/_function_url/<url-id>/…``.
The function sees no difference.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.edge.http_fronts import cors
from emulator.edge.http_fronts.authorizers.iam import signer_of
from emulator.edge.http_fronts.exchange import EMPTY, JSON, HttpRequest, HttpResponse
from emulator.edge.router import Headers, Receive, Scope, Send, answer, read_body
from emulator.invoke.function_invoker import PreparedInvocation, payload_too_large
from emulator.invoke.streaming import StreamedInvocation
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.ids import new_request_id, new_trace_root
from emulator.model.invocation import InvocationResult
from emulator.model.lazy import LazyModule
from emulator.model.limits import SYNC_PAYLOAD
from emulator.registry.attachments import FunctionUrl
from emulator.services.context import Parts
from emulator.wire import ServiceCodec

if TYPE_CHECKING:
    from emulator.edge.http_fronts import payload_v2
else:
    payload_v2 = LazyModule("emulator.edge.http_fronts.payload_v2")

_log = logging.getLogger(__name__)

#: Where function URLs are for clients that cannot resolve names under localhost.
URL_PATH = "/_function_url/"

_HOST = re.compile(r"(?P<id>[a-z0-9-]+)\.lambda-url\.(?P<region>[a-z0-9-]+)\.")
_PATH = re.compile(URL_PATH + r"(?P<id>[^/]*)(?P<rest>/.*)?", re.DOTALL)
_FAILED = HttpResponse(502, [(b"content-type", b"application/json")], b"Internal Server Error")


class _Url:
    """A function URL: its configuration, and what it invokes."""

    def __init__(
        self, url_id: str, account: str, region: str, name: str, qualifier: str, config: FunctionUrl
    ) -> None:
        self.id = url_id
        self.account = account
        self.region = region
        self.name = name
        #: The alias, or $LATEST.
        self.qualifier = qualifier
        self.config = config

    @property
    def cors(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.config.cors or {}
        return found


class FunctionUrlFront:
    """Serves function URLs.

    Args:
        codec: Of the Lambda API, whose errors they answer with.
    """

    def __init__(self, parts: Parts, codec: ServiceCodec) -> None:
        self._parts = parts
        self._codec = codec
        self._places: dict[str, tuple[str, str, str, str]] = {}
        logging.getLogger("uvicorn.error").addFilter(_not_of_a_cut_stream)

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request is for a function URL, by its host or by its path."""
        if scope["type"] != "http":
            return False
        return _in_host(headers) or scope["path"].startswith(URL_PATH)

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        trace_id = _text(headers.get(b"x-amzn-trace-id", b"")) or new_trace_root(
            self._parts.clock.now()
        )
        added = [
            (b"x-amzn-requestid", request_id.encode()),
            (b"x-amzn-trace-id", trace_id.encode("latin-1")),
        ]
        try:
            url, path = self._find(scope, headers)
            method: str = scope["method"]
            if url.cors and cors.is_preflight(method, headers):
                added += cors.preflight_headers(url.cors, headers[b"origin"])
                await answer(send, 200, added, b"")
                return
            if url.cors:
                added += cors.answer_headers(url.cors, headers.get(b"origin"))
            account, authorizer = self._authorise(url, scope, headers)
            body = await read_body(receive, SYNC_PAYLOAD)
            if body is None:
                raise payload_too_large(SYNC_PAYLOAD)
            request = HttpRequest(
                method=method,
                raw_path=path,
                query=scope["query_string"].decode("utf-8", "replace"),
                headers=[(_text(name), _text(value)) for name, value in scope["headers"]],
                body=body,
                http_version=scope["http_version"],
                source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
                port=(scope.get("server") or ("", 80))[1] or 80,
                scheme=scope["scheme"],
                request_id=request_id,
                trace_id=trace_id,
                api_id=url.id,
                domain_name=_text(headers[b"host"])
                if _in_host(headers)
                else f"{url.id}.lambda-url.{url.region}.localhost",
                now=self._parts.clock.now(),
                scope=scope,
                receive=receive,
                send=send,
            )
            route = payload_v2.Route(path=path, request_id=request_id)
            event = payload_v2.event_of(request, route, account=account, authorizer=authorizer)
            prepared = await self._parts.functions.prepare(
                url.account,
                url.region,
                url.name,
                None if url.qualifier == LATEST else url.qualifier,
                orjson.dumps(event),
                request_id=request_id,
                trace_id=trace_id,
                is_json=True,
            )
            if url.config.invoke_mode == "RESPONSE_STREAM":
                await self._stream(send, prepared, added)
                return
            result = await self._parts.functions.invoke(prepared)
            await _answer(send, _response(request_id, result), added)
        except AwsError as error:
            await _answer(send, _refusal(self._codec, error, request_id), added)

    # --- which URL -----------------------------------------------------------------------------

    def _find(self, scope: Scope, headers: Headers) -> tuple[_Url, str]:
        """Return the function URL that a request is for, and the path behind it.

        Raises:
            AwsError: The URL does not exist: 403, as on AWS.
        """
        raw_path: str = scope["raw_path"].decode("latin-1")
        region = None
        if _in_host(headers):
            match = _HOST.match(_text(headers[b"host"]).lower())
            region = match["region"] if match else None
            path = raw_path or "/"
        else:
            match = _PATH.fullmatch(raw_path)
            path = (match and match["rest"]) or "/"
        url = self._url(match["id"]) if match else None
        if url is None or region not in (None, url.region):
            raise AwsError("AccessDeniedException", "", status=403)
        return url, path

    def _url(self, url_id: str) -> _Url | None:
        place = self._places.get(url_id)
        url = self._at(url_id, *place) if place else None
        if url is not None:
            return url
        # It is new or has moved: search all functions once.
        self._places.pop(url_id, None)
        for function in self._parts.registry.all():
            for qualifier, config in function.attached.urls.items():
                if config.url_id == url_id:
                    latest = function.latest
                    place = (latest.account, latest.region, latest.name, qualifier)
                    self._places[url_id] = place
                    return _Url(url_id, *place, config)
        return None

    def _at(self, url_id: str, account: str, region: str, name: str, qualifier: str) -> _Url | None:
        function = self._parts.registry.find(account, region, name)
        config = function.attached.urls.get(qualifier) if function else None
        if config is None or config.url_id != url_id:
            return None
        return _Url(url_id, account, region, name, qualifier, config)

    def _authorise(
        self, url: _Url, scope: Scope, headers: Headers
    ) -> tuple[str, dict[str, Any] | None]:
        """Return the caller's account, and the caller as the function sees it.

        A signature is required but not checked, as everywhere here.

        Raises:
            AwsError: The URL requires signed requests, and this one is not.
        """
        if url.config.auth_type != "AWS_IAM":
            return "anonymous", None
        text = _text(headers.get(b"authorization", b""))
        signer = signer_of(text, _text(scope["query_string"]), url.account)
        if signer is None:
            raise AwsError("AccessDeniedException", "Forbidden", status=403)
        return signer.account, {"iam": signer.identity}

    # --- streams -------------------------------------------------------------------------------

    async def _stream(
        self,
        send: Send,
        prepared: PreparedInvocation,
        added: list[tuple[bytes, bytes]],
    ) -> None:
        """Answer with the response as it comes.

        Raises:
            AwsError: The invocation could not be run.
        """
        streamed = self._parts.functions.stream(prepared)
        try:
            await streamed.begin()
            if not streamed.streams:
                # The result of a function that does not stream is sent as it is.
                result = await streamed.result()
                whole = HttpResponse(200, [(b"content-type", result.content_type.encode())], b"")
                whole = _FAILED if result.function_error else whole._replace(body=result.payload)
                await _answer(send, whole, added)
                return
            try:
                status, headers, first = await _beginning(streamed)
            except payload_v2.Malformed as error:
                _say_malformed(prepared.invocation.request_id, error)
                await _answer(send, _FAILED, added)
                while await streamed.chunk() is not None:
                    pass
                return
            headers += added
            await send({"type": "http.response.start", "status": status, "headers": headers})
            chunk: bytes | None = first
            while chunk is not None:
                if chunk and status not in EMPTY:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await streamed.chunk()
            if not (await streamed.result()).function_error:
                await send({"type": "http.response.body", "body": b""})
            # Cut the connection, so that the client knows that something is missing.
        finally:
            streamed.close()


async def _beginning(streamed: StreamedInvocation) -> HttpResponse:
    """Return status, headers and the first bytes of a stream.

    Raises:
        Malformed: It announces a prelude that cannot be read.
    """
    if not streamed.content_type.startswith(payload_v2.PRELUDE):
        kind = streamed.content_type or "application/octet-stream"
        return HttpResponse(200, [(b"content-type", kind.encode("latin-1"))], b"")
    data = b""
    while payload_v2.DELIMITER not in data:
        chunk = await streamed.chunk()
        if chunk is None or len(data) > payload_v2.PRELUDE_LIMIT:
            raise payload_v2.Malformed("the prelude does not end")
        data += chunk
    head, _, rest = data.partition(payload_v2.DELIMITER)
    return HttpResponse(*payload_v2.prelude_of(head), rest)


def _response(request_id: str, result: InvocationResult) -> HttpResponse:
    if result.function_error:
        return _FAILED
    try:
        return payload_v2.response_of(result.payload, result.content_type)
    except payload_v2.Malformed as error:
        _say_malformed(request_id, error)
        return _FAILED


def _say_malformed(request_id: str, error: payload_v2.Malformed) -> None:
    _log.warning("the response of %s means no HTTP response: %s", request_id, error)


def _refusal(codec: ServiceCodec, error: AwsError, request_id: str) -> HttpResponse:
    """Return the platform's answer for an error."""
    if error.code == "AccessDeniedException":
        message = orjson.dumps({"Message": error.message or None})
        return HttpResponse(403, [JSON, (b"x-amzn-errortype", b"AccessDeniedException")], message)
    status, headers, body = codec.error(error, request_id)
    kept = [(name, value) for name, value in headers if name != b"x-amzn-requestid"]
    return HttpResponse(status if status < 500 else 502, kept, body)


async def _answer(send: Send, response: HttpResponse, added: list[tuple[bytes, bytes]]) -> None:
    if response.status in EMPTY:
        headers = [*response.headers, *added]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await answer(send, response.status, [*response.headers, *added], response.body)


def _in_host(headers: Headers) -> bool:
    return b".lambda-url." in headers.get(b"host", b"")


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _not_of_a_cut_stream(record: logging.LogRecord) -> bool:
    """Keep uvicorn from logging a stream that is cut on purpose as an error."""
    return record.getMessage() != "ASGI callable returned without completing response."
