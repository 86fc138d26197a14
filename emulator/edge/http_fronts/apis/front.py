"""Finds the API that a request is for, by its host or its path, and lets its kind serve it.

An API is reached at ``http://<api-id>.execute-api.<region>.localhost:<port>/<stage>/…``, by clients
that cannot resolve names under ``localhost`` at
``http://localhost:<port>/_aws/execute-api/<api-id>/<stage>/…`` (what was made for LocalStack calls
``/restapis/<api-id>/<stage>/_user_request_/…``), and at its custom domain names.
"""

from __future__ import annotations

import logging
import re
from importlib import import_module

from emulator.edge.http_fronts.apis.base import Api, ApiServer, Room
from emulator.edge.http_fronts.apis.table import SERVERS
from emulator.edge.http_fronts.authorizers.token_issuer import TokenIssuer
from emulator.edge.http_fronts.exchange import (
    DomainMapping,
    HttpRequest,
    message,
)
from emulator.edge.router import Handler, Headers, Receive, Scope, Send
from emulator.model.ids import new_request_id, new_trace_root
from emulator.services.context import Parts

_log = logging.getLogger(__name__)

#: Where APIs are for clients that cannot resolve names under localhost.
API_PATH = "/_aws/execute-api/"
_USER_REQUEST = "/_user_request_"

_HOST = re.compile(r"(?P<id>[a-z0-9]+)\.execute-api\.(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.)?")
_PATH = re.compile(API_PATH + r"(?P<id>[^/]*)(?P<rest>/.*)?", re.DOTALL)
_OLD_PATH = re.compile(
    rf"/restapis/(?P<id>[^/]+)(?P<stage>/[^/]+)/{_USER_REQUEST[1:]}(?P<rest>/.*)?", re.DOTALL
)
#: The most bytes of a request's line and headers, as on AWS.
LARGEST_HEAD = 10240
_FORBIDDEN = (b"x-amzn-errortype", b"ForbiddenException")


class ApiFront:
    """Serves APIs of API Gateway.

    Args:
        parts: What the kinds of APIs may use.
        aws: Answers the requests to AWS's own APIs that come by an API's address.

    Attributes:
        issuer: Signs tokens that the APIs believe.
    """

    def __init__(self, parts: Parts, aws: Handler) -> None:
        self._parts = parts
        self._aws = aws
        self._servers: tuple[ApiServer, ...] | None = None
        self._find_host = parts.hosts.find
        self.issuer = TokenIssuer(parts.folder)

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request is for an API, by its host or by its path."""
        host = headers.get(b"host", b"")
        if b".execute-api." in host or self._find_host(host) is not None:
            return True
        path: str = scope["path"]
        return path.startswith(API_PATH) or (
            path.startswith("/restapis/") and _USER_REQUEST in path
        )

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        request = self._read(scope, headers, receive, send)
        try:
            if _size_of_head(request) > LARGEST_HEAD:
                await refuse(request, 431, "Request Header Fields Too Large")
                return
            found = await self._locate(request, headers.get(b"host", b""))
            if found is None:
                return
            server, api = found
            await server.serve(api, request)
        except Exception:  # noqa: BLE001 the client gets the gateway's own error
            _log.exception("request %s to API %s failed", request.request_id, request.api_id)
            await refuse(request, 500, "Internal Server Error")

    def _read(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> HttpRequest:
        now = self._parts.clock.now()
        trace_id = headers.get(b"x-amzn-trace-id", b"").decode("latin-1") or new_trace_root(now)
        return HttpRequest(
            method=scope.get("method", "GET"),
            raw_path=scope["raw_path"].decode("latin-1") or "/",
            query=scope["query_string"].decode("latin-1"),
            headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]],
            http_version=scope.get("http_version", "1.1"),
            source_ip=(scope.get("client") or ("127.0.0.1", 0))[0],
            port=(scope.get("server") or ("", 80))[1] or 80,
            scheme=scope["scheme"],
            request_id=new_request_id(),
            trace_id=trace_id,
            now=now,
            api_id="",
            domain_name=headers.get(b"host", b"").decode("latin-1").lower(),
            scope=scope,
            receive=receive,
            send=send,
        )

    # --- which API -----------------------------------------------------------------------------

    async def _locate(self, request: HttpRequest, host: bytes) -> tuple[ApiServer, Api] | None:
        """Return the API that a request is for, and who serves it; None: the request is refused.

        It gives the request its API's id, and takes from its path what only says which API.
        """
        servers = self._servers or self._open()
        domain = self._find_host(host)
        region: str | None = None
        if domain is not None:
            request.mapping = await self._mapping(servers, domain, request.raw_path)
            if request.mapping is None:
                await refuse(request, 403, "Forbidden", _FORBIDDEN)
                return None
            request.api_id = request.mapping.api_id
            request.domain_name = host.decode("latin-1").lower().partition(":")[0]
            request.raw_path = _behind(request.mapping.base_path, request.raw_path)
        elif (match := _HOST.match(request.domain_name)) is not None:
            request.api_id, region = match["id"], match["region"]
        else:
            _take_from_path(request)
        for server in servers:
            api = await server.find(request.api_id) if request.api_id else None
            if api is not None and region in (None, api.region):
                if not request.domain_name:
                    request.domain_name = f"{request.api_id}.execute-api.{api.region}.localhost"
                return server, api
        # AWS says no more of an API that is not there; the header tells who is puzzled by it.
        text = f"there is no API with the id {request.api_id}".encode("latin-1", "replace")
        await refuse(request, 403, "Forbidden", _FORBIDDEN, (b"x-localfaas-reason", text))
        return None

    async def _mapping(
        self, servers: tuple[ApiServer, ...], domain: str, raw_path: str
    ) -> DomainMapping | None:
        """Return the longest base path of a custom domain name that a path begins with."""
        found = [
            mapping
            for server in servers
            for mapping in await server.mappings(domain)
            if _begins_with(raw_path, mapping.base_path)
        ]
        return max(found, key=lambda each: len(each.base_path), default=None)

    def _open(self) -> tuple[ApiServer, ...]:
        """Return who serves the kinds of APIs; nobody needs it before the first request."""
        from emulator.edge.http_fronts.apis.access_logs import AccessLogs
        from emulator.edge.http_fronts.authorizers.jwt_tokens import JwtVerifier
        from emulator.edge.http_fronts.authorizers.lambda_functions import LambdaAuthorizers

        parts = self._parts
        room = Room(
            parts=parts,
            aws=self._aws,
            lambda_authorizers=LambdaAuthorizers(parts.functions, parts.clock),
            jwt=JwtVerifier(parts.clock, self.issuer, parts.settings.jwks),
            access_logs=AccessLogs(parts.logs),
        )
        modules = [import_module(f"emulator.edge.http_fronts.{name}") for name in SERVERS]
        self._servers = tuple(module.open(room) for module in modules)
        return self._servers


def _take_from_path(request: HttpRequest) -> None:
    """Take from a path which API it is for. The API's host is made up then, as it is not known."""
    request.domain_name = ""
    if (match := _PATH.fullmatch(request.raw_path)) is not None:
        request.api_id, request.raw_path = match["id"], match["rest"] or "/"
    elif (match := _OLD_PATH.fullmatch(request.raw_path)) is not None:
        request.api_id = match["id"]
        request.raw_path = match["stage"] + (match["rest"] or "/")


def _begins_with(raw_path: str, base_path: str) -> bool:
    return not base_path or f"{raw_path}/".startswith(f"/{base_path}/")


def _behind(base_path: str, raw_path: str) -> str:
    return raw_path[len(base_path) + 1 :] or "/" if base_path else raw_path


def _size_of_head(request: HttpRequest) -> int:
    head = len(request.raw_path) + len(request.query)
    return head + sum(len(name) + len(value) for name, value in request.headers)


async def refuse(
    request: HttpRequest, status: int, text: str, *headers: tuple[bytes, bytes]
) -> None:
    """Answer that a request reaches no API; a WebSocket is not accepted."""
    ids = (b"x-amzn-requestid", request.request_id.encode())
    response = message(status, text, ids, *headers)
    if request.is_websocket:
        await request.refuse(response)
        return
    await request.answer(response)
