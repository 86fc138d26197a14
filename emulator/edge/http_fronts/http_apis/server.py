"""Serves HTTP APIs: a request to its stage, its route, its integration; then the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from emulator.edge.http_fronts import cors
from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.live_stages import LiveStages
from emulator.edge.http_fronts.apis.measuring import HTTP, measure
from emulator.edge.http_fronts.authorizers.base import Refused
from emulator.edge.http_fronts.exchange import (
    BodyTooLarge,
    DomainMapping,
    HttpRequest,
    HttpResponse,
    message,
    new_gateway_id,
)
from emulator.edge.http_fronts.http_apis import integrations
from emulator.edge.http_fronts.http_apis.authorizing import Challenged, authorize
from emulator.edge.http_fronts.http_apis.context import Exchange
from emulator.edge.http_fronts.http_apis.live import LiveStage
from emulator.services.apigatewayv2.state import Api, ApiGateway, Body

if TYPE_CHECKING:
    from emulator.edge.http_fronts.traced_requests import TracedRequest

#: The most bytes of a request's body.
LARGEST = 10 * 1024 * 1024
_DEFAULT = "$default"
_NOT_FOUND = "Not Found"
#: What clients are told of a refusal, by its status.
_REFUSED = {401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}


class HttpApis:
    """Serves HTTP APIs."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._state: ApiGateway | None = None
        self._stages: LiveStages[LiveStage] | None = None

    async def find(self, api_id: str) -> Api | None:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`."""
        state = self._state
        if state is None:
            state = self._state = await self._room.parts.table.state("apigatewayv2")
            self._stages = LiveStages(state, self._room.parts.clock, LiveStage)
        api = state.apis.get(api_id)
        return api if api is not None and api.is_http else None

    async def mappings(self, domain: str) -> Iterable[DomainMapping]:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`."""
        state: ApiGateway = await self._room.parts.table.state("apigatewayv2")
        return [
            DomainMapping(domain, each["ApiMappingKey"], each["ApiId"], each["Stage"])
            for each in state.mappings_by_name(domain)
        ]

    async def serve(self, api: Any, request: HttpRequest) -> None:
        """See :class:`emulator.edge.http_fronts.apis.base.ApiServer`."""
        request_id = new_gateway_id()
        added = [(b"apigw-requestid", request_id.encode())]
        if request.is_websocket:
            await request.send({"type": "websocket.close", "code": 1008})
            return
        found = await self._find_stage(api, request)
        if found is None:
            await request.answer(message(404, _NOT_FOUND), added)
            return
        live, path = found
        tracer = self._room.parts.tracing.tracer
        # As on AWS, HTTP APIs have no setting for traces; all there is goes on with --trace.
        traced = self._trace(api, request, live.name) if tracer.everything else None
        exchange = Exchange(request=request, live=live, path=path, id=request_id)
        rules: Body = api.body.get("CorsConfiguration") or {}
        sent = dict(request.headers) if rules else {}
        origin = sent.get("origin", "").encode("latin-1") or None
        if (
            rules
            and request.method == "OPTIONS"
            and origin
            and ("access-control-request-method" in sent)
        ):
            response = HttpResponse(204, cors.preflight_headers(rules, origin), b"")
        else:
            response = await self._respond(exchange)
            if rules:
                response = _with_cors(response, rules, origin)
        exchange.status, exchange.response_length = response.status, len(response.body)
        await request.answer(response, added)
        if traced is not None:
            traced.end(response.status, len(response.body))
        parts = self._room.parts
        latency_ms = max(0.0, parts.clock.now() - request.now) * 1000
        where = (api.account, api.region, ("ApiId", api.id), live.name)
        measure(parts.own_metrics, *where, HTTP, response.status, latency_ms)
        if live.log_destination:
            stage = f"{api.id}/{live.name}"
            self._room.access_logs.write(
                live.log_destination, stage, live.log_format, exchange.context
            )

    def _trace(self, api: Api, request: HttpRequest, stage: str) -> TracedRequest:
        """Make a request a part of a trace."""
        from emulator.edge.http_fronts.traced_requests import TracedRequest

        parts = self._room.parts
        named = {
            "account": api.account,
            "region": api.region,
            "id": api.id,
            "name": str(api.body.get("Name") or ""),
            "kind": "apis",
        }
        return TracedRequest(parts.tracing.tracer, parts.clock, request, named, stage)

    async def _find_stage(self, api: Api, request: HttpRequest) -> tuple[LiveStage, str] | None:
        """Return the stage of a request, and its path there; None if there is no such stage."""
        if request.mapping is not None and request.mapping.stage:
            name, path = request.mapping.stage, request.raw_path
        else:
            if api.body["DisableExecuteApiEndpoint"] and request.mapping is None:
                return None
            name, _, rest = request.raw_path[1:].partition("/")
            path = f"/{rest}"
            if api.stage(name) is None:
                name, path = _DEFAULT, request.raw_path
        assert self._stages is not None  # find() has opened them
        live = await self._stages.find(api, name)
        return None if live is None else (live, path)

    async def _respond(self, exchange: Exchange) -> HttpResponse:
        """Return the answer to a request."""
        request, live = exchange.request, exchange.live
        match = live.router.find(request.method, exchange.path)
        if match is None:
            exchange.error = _NOT_FOUND
            return message(404, _NOT_FOUND)
        exchange.match = match
        route = match.route
        if not live.lets_pass(route["RouteKey"], self._room.parts.clock.monotonic()):
            exchange.error = "Too Many Requests"
            return message(429, exchange.error)
        try:
            await request.read(LARGEST)
        except BodyTooLarge:
            exchange.error = "Request Entity Too Large"
            return message(413, exchange.error)
        if route.get("AuthorizationType", "NONE") != "NONE":
            try:
                exchange.grant = await authorize(self._room, exchange, route)
            except Refused as refusal:
                return _refused(exchange, refusal)
        integration = live.integration(route.get("Target") or "")
        if integration is None:
            exchange.error = "Internal Server Error"
            exchange.integration_error = "the route has no integration"
            return message(500, exchange.error)
        return await integrations.call(self._room, exchange, integration)


def open(room: Room) -> HttpApis:
    """Return what serves HTTP APIs."""
    return HttpApis(room)


def _refused(exchange: Exchange, refusal: Refused) -> HttpResponse:
    exchange.error = _REFUSED[refusal.status]
    exchange.integration_error = refusal.reason
    if isinstance(refusal, Challenged):
        challenge = (b"www-authenticate", refusal.challenge.encode("latin-1", "replace"))
        return message(refusal.status, exchange.error, challenge)
    return message(refusal.status, exchange.error)


def _with_cors(response: HttpResponse, rules: Body, origin: bytes | None) -> HttpResponse:
    """Return a response with the API's CORS headers in place of its integration's."""
    kept = [pair for pair in response.headers if not pair[0].startswith(b"access-control-")]
    return response._replace(headers=kept + cors.answer_headers(rules, origin))
