"""Serves REST APIs: stage, deployment, route, access, method, answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-rest-api.html
"""

from __future__ import annotations

import json
import logging
import random
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.measuring import REST, measure
from emulator.edge.http_fronts.exchange import BodyTooLarge, DomainMapping, HttpRequest
from emulator.edge.http_fronts.rest_api import binary, compression
from emulator.edge.http_fronts.rest_api.access import LARGEST_BODY, Access, throttled
from emulator.edge.http_fronts.rest_api.context import request_context, spelled
from emulator.edge.http_fronts.rest_api.refusals import Refusal
from emulator.edge.http_fronts.rest_api.routes import Routes
from emulator.edge.router import answer as send_answer
from emulator.services.apigateway.execution import method as execution
from emulator.services.apigateway.execution.call import (
    Answer,
    GatewayFailure,
    MethodCall,
    Pairs,
    internal,
)
from emulator.services.apigateway.execution.expressions import context_value
from emulator.services.apigateway.execution.validation import validate
from emulator.services.apigateway.state import Gateway
from emulator.telemetry.traces.tracer import Tracer

if TYPE_CHECKING:
    from emulator.edge.http_fronts.traced_requests import TracedRequest

_log = logging.getLogger(__name__)

#: Routes of deployments that are kept ready.
_READY = 256
_EMPTY = frozenset({204, 304})
_FORBIDDEN = GatewayFailure("ACCESS_DENIED", "Forbidden", "ForbiddenException", status=403)


@dataclass(frozen=True, slots=True)
class RestApi:
    """A REST API that was found."""

    id: str
    account: str
    region: str


class RestApiServer:
    """Serves REST APIs; satisfies ``ApiServer``."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._routes: OrderedDict[tuple[str, str], Routes] = OrderedDict()
        self._random = random.Random()

    async def _state(self) -> Gateway:
        state: Gateway = await self._room.parts.table.state("apigateway")
        return state

    async def find(self, api_id: str) -> RestApi | None:
        """Return an API by its id, or by the id that its tags ask for."""
        place = (await self._state()).place(api_id)
        return None if place is None else RestApi(api_id, *place)

    async def mappings(self, domain: str) -> Iterable[DomainMapping]:
        """Return what the base paths of a custom domain name lead to."""
        state = await self._state()
        return [
            DomainMapping(
                domain,
                "" if base == "(none)" else base,
                mapping["restApiId"],
                mapping.get("stage", ""),
            )
            for _, _, name, held in state.domains.all()
            if name.lower() == domain
            for base, mapping in (held.get("mappings") or {}).items()
        ]

    async def serve(self, api: RestApi, request: HttpRequest) -> None:
        """Answer a request."""
        if request.is_websocket:
            await request.send({"type": "websocket.close", "code": 1008})
            return
        exchange = _Exchange(self._room, await self._state(), api, request, self._random)
        answer = await exchange.run(self.routes_of)
        exchange.compress(answer)
        await exchange.send(answer)

    def routes_of(self, key: tuple[str, str], snapshot: Mapping[str, Any]) -> Routes:
        """Return the routes of a deployment."""
        routes = self._routes.get(key)
        if routes is None:
            routes = self._routes[key] = Routes(snapshot["resources"].values())
            if len(self._routes) > _READY:
                self._routes.popitem(last=False)
        return routes


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, room: Room, state: Gateway, api: RestApi, request: HttpRequest, draw: random.Random
    ) -> None:
        self._room = room
        self._state = state
        self._api = api
        self._request = request
        self._draw = draw
        self._document = state.apis.find(api.account, api.region, api.id) or {"api": {}}
        self._stage: Mapping[str, Any] = {}
        self._snapshot: Mapping[str, Any] = {"api": {}, "resources": {}}
        self._variables: dict[str, str] = {}
        self._parameters: dict[str, str] = {}
        self._headers = _headers(request)
        self._query = parse_qsl(request.query, keep_blank_values=True)
        self._context: dict[str, Any] = {"requestId": request.request_id}
        self._call: MethodCall | None = None
        self._begun = room.parts.clock.monotonic()
        self._traced: TracedRequest | None = None

    async def run(self, routes_of: Any) -> Answer:
        """Return the answer, be it a refusal."""
        try:
            call, wants_binary = await self._prepared(routes_of)
            return await execution.run(call, wants_binary=wants_binary)
        except GatewayFailure as failure:
            refused = failure
        except Exception:  # noqa: BLE001 the client gets the gateway's own error
            _log.exception("request %s to API %s failed", self._request.request_id, self._api.id)
            refused = internal(status=500)
        self._context["error"] = {
            "message": refused.message,
            "messageString": json.dumps(refused.message),
            "responseType": refused.kind,
            "validationErrorString": refused.details or None,
        }
        refusal = Refusal(
            self._headers, self._query, self._parameters, self._context, self._variables
        )
        return refusal.answer(self._snapshot, refused)

    async def _prepared(self, routes_of: Any) -> tuple[MethodCall, bool]:
        """Return the call of a request that may call, and whether its answer is to be bytes.

        Raises:
            GatewayFailure: It may not, or there is nothing to call.
        """
        path, shown = self._choose_stage()
        deployment_id = self._choose_deployment()
        match = routes_of((self._api.id, deployment_id), self._snapshot).match(path)
        methods = {} if match is None else match.resource["methods"]
        method = methods.get(self._request.method) or methods.get("ANY")
        is_canary = self._context.get("isCanaryRequest")
        self._context = request_context(
            self._request,
            account=self._api.account,
            resource={"id": None, "path": None} if match is None else match.resource,
            method=method or {},
            stage=self._stage["stageName"],
            deployment_id=deployment_id,
            raw_path=shown,
        )
        if is_canary:
            self._context["isCanaryRequest"] = True
        if match is None or method is None:
            raise GatewayFailure(
                "MISSING_AUTHENTICATION_TOKEN",
                "Missing Authentication Token",
                "MissingAuthenticationTokenException",
            )
        self._parameters = match.parameters
        types = self._snapshot["api"].get("binaryMediaTypes") or ()
        call = self._call = MethodCall(
            parts=self._room.parts,
            account=self._api.account,
            region=self._api.region,
            api_id=self._api.id,
            snapshot=self._snapshot,
            resource=match.resource,
            method=method,
            http_method=self._request.method,
            path=path,
            path_parameters=match.parameters,
            query=self._query,
            headers=self._headers,
            body=b"",
            is_binary=binary.is_binary(types, self._request.header("content-type")),
            stage_variables=self._variables,
            context=self._context,
            trace_id=self._request.trace_id,
            request_id=self._request.request_id,
        )
        self._throttle(call)
        try:
            access = Access(self._room, self._state)
            await access.check(call, self._stage["stageName"], self._request)
            call.body = await self._request.read(LARGEST_BODY)
        except BodyTooLarge:
            raise GatewayFailure(
                "REQUEST_TOO_LARGE", "Request Too Long", "RequestTooLargeException"
            ) from None
        self._decode(call)
        await validate(call)
        return call, binary.wants_binary(types, self._request.header("accept"))

    def _choose_stage(self) -> tuple[str, str]:
        """Return the path below the stage, and the path as events show it.

        Raises:
            GatewayFailure: There is no such stage.
        """
        mapping, raw = self._request.mapping, self._request.raw_path
        if mapping is None and self._document["api"].get("disableExecuteApiEndpoint"):
            raise _FORBIDDEN
        if mapping is not None and mapping.stage:
            name, rest = mapping.stage, raw
            shown = f"/{mapping.base_path}{raw}" if mapping.base_path else raw
        else:
            name, _, rest = raw.lstrip("/").partition("/")
            rest = f"/{rest}" if "/" in raw.lstrip("/") else ""
            shown = f"/{name}{rest}"
            if mapping is not None:
                shown = f"/{mapping.base_path}{shown}" if mapping.base_path else shown
        stage = (self._document.get("stages") or {}).get(name)
        if stage is None:
            raise _FORBIDDEN
        self._stage = stage
        tracer = self._room.parts.tracing.tracer
        if stage.get("tracingEnabled") or tracer.everything:
            self._trace(tracer, name)
        # Recorded: slashes in front of the path are one.
        return "/" + rest.lstrip("/"), shown

    def _trace(self, tracer: Tracer, stage: str) -> None:
        """Make the request a part of a trace."""
        from emulator.edge.http_fronts.traced_requests import TracedRequest

        api = {
            "account": self._api.account,
            "region": self._api.region,
            "id": self._api.id,
            "name": str(self._document["api"].get("name") or ""),
            "kind": "restapis",
        }
        self._traced = TracedRequest(tracer, self._room.parts.clock, self._request, api, stage)

    def _choose_deployment(self) -> str:
        """Choose between the stage and its canary; returns the deployment's id."""
        stage = self._stage
        variables = dict(stage.get("variables") or {})
        deployment_id: str = stage["deploymentId"]
        canary = stage.get("canarySettings")
        if canary and self._draw.random() * 100 < canary.get("percentTraffic", 0.0):
            deployment_id = canary.get("deploymentId") or deployment_id
            variables |= canary.get("stageVariableOverrides") or {}
            self._context["isCanaryRequest"] = True
        self._variables = variables
        key = f"{self._api.id}/{deployment_id}"
        snapshot = self._state.snapshots.find(self._api.account, self._api.region, key)
        if snapshot is None:
            raise internal(status=500)
        self._snapshot = snapshot
        return deployment_id

    def _throttle(self, call: MethodCall) -> None:
        """Take from the buckets of the stage's own throttles.

        Raises:
            GatewayFailure: One is empty.
        """
        settings = self._stage.get("methodSettings") or {}
        if not settings:
            return
        place = call.resource["path"].lstrip("/")
        for key in (f"{place}/{call.method['httpMethod']}", f"{place}/*", "*/*"):
            found = settings.get(key)
            if found is None:
                continue
            rate, burst = found.get("throttlingRateLimit"), found.get("throttlingBurstLimit")
            if rate is None or burst is None:
                return
            name = ("stage", self._api.id, self._stage["stageName"], key)
            if not self._state.usage.allows(name, float(rate), float(burst)):
                raise throttled()
            return

    def _decode(self, call: MethodCall) -> None:
        """Decode a body that was sent compressed, where the API says that it may be.

        Raises:
            GatewayFailure: It is not what its header says.
        """
        coding = compression.coding_of(self._request.header("content-encoding"))
        if not coding or self._snapshot["api"].get("minimumCompressionSize") is None:
            return
        try:
            call.body = compression.decoded(call.body, coding, LARGEST_BODY)
        except compression.Undecodable:
            raise GatewayFailure("BAD_REQUEST_BODY", "Bad Request", "BadRequestException") from None
        call.headers = [pair for pair in call.headers if pair[0].lower() != "content-encoding"]

    # --- the answer ----------------------------------------------------------------------------

    def compress(self, answer: Answer) -> None:
        """Compress an answer, where the API says so and the client takes it."""
        smallest = self._snapshot["api"].get("minimumCompressionSize")
        if smallest is not None and answer.stream is None:
            compression.compressed(answer, self._request.header("accept-encoding"), smallest)

    async def send(self, answer: Answer) -> None:
        """Send an answer, and write the access log."""
        extended = self._context.get("extendedRequestId") or _extended(self._context)
        headers = [
            *_encoded(answer.headers),
            (b"x-amzn-requestid", self._request.request_id.encode()),
            (b"x-amz-apigw-id", extended.encode()),
        ]
        request = self._request
        if answer.stream is not None:
            length = await self._stream(answer, headers)
        elif answer.status in _EMPTY:
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await request.send(start)
            await request.send({"type": "http.response.body", "body": b""})
            length = 0
        else:
            length = len(answer.body)
            await send_answer(request.send, answer.status, headers, answer.body)
        self._measure(answer.status)
        self._write_log(answer, length)
        if self._traced is not None:
            self._traced.end(answer.status, length)

    def _measure(self, status: int) -> None:
        if not self._stage:
            return
        parts, api = self._room.parts, self._api
        name = str(self._document["api"].get("name") or api.id)
        where = (api.account, api.region, ("ApiName", name), str(self._stage["stageName"]))
        latency_ms = (parts.clock.monotonic() - self._begun) * 1000
        measure(parts.own_metrics, *where, REST, status, latency_ms)

    async def _stream(self, answer: Answer, headers: list[tuple[bytes, bytes]]) -> int:
        streamed = answer.stream
        assert streamed is not None
        length = 0
        try:
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await self._request.send(start)
            chunk: bytes | None = answer.body
            while chunk is not None:
                length += len(chunk)
                if chunk and answer.status not in _EMPTY:
                    await self._request.send(
                        {"type": "http.response.body", "body": chunk, "more_body": True}
                    )
                chunk = await streamed.chunk()
            if await streamed.is_whole():
                await self._request.send({"type": "http.response.body", "body": b""})
            # Else the connection is cut, so that the client knows that something is missing.
        finally:
            streamed.close()
        return length

    def _write_log(self, answer: Answer, length: int) -> None:
        settings = self._stage.get("accessLogSettings") or {}
        if not settings.get("destinationArn") or not settings.get("format"):
            return
        known = self._logged(answer, length)

        def value(name: str) -> str | None:
            return context_value(known, name)

        stage = f"{self._api.id}/{self._stage['stageName']}"
        self._room.access_logs.write(settings["destinationArn"], stage, settings["format"], value)

    def _logged(self, answer: Answer, length: int) -> dict[str, Any]:
        """Return what access logs may show of a request.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
        """
        call, context = self._call, self._context
        latency = None if call is None else call.integration_latency_ms
        status = None if call is None else call.integration_status
        said = context.get("error", {}).get("message") if latency is not None else None
        return {
            **context,
            "status": answer.status,
            "responseLength": length,
            "responseLatency": int((self._room.parts.clock.monotonic() - self._begun) * 1000),
            "integrationLatency": latency,
            "integrationStatus": status,
            "integrationErrorMessage": said,
            "integration": {
                "error": said,
                "latency": latency,
                "status": status,
                "integrationStatus": None if answer.status >= 500 else status,
                "requestId": self._request.request_id,
            },
            "xrayTraceId": self._request.trace_id.partition(";")[0].removeprefix("Root="),
        }


def _extended(context: dict[str, Any]) -> str:
    from emulator.edge.http_fronts.exchange import new_gateway_id

    context["extendedRequestId"] = new_gateway_id()
    return str(context["extendedRequestId"])


def _headers(request: HttpRequest) -> Pairs:
    """Return the headers that a method sees: the client's, and how it came here."""
    added = {
        "x-amzn-trace-id": request.trace_id,
        "x-forwarded-for": ", ".join(
            each for each in (request.header("x-forwarded-for"), request.source_ip) if each
        ),
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": request.scheme,
    }
    sent = [
        (spelled(name), value)
        for name, value in request.headers
        if name not in added and name not in ("connection", "transfer-encoding")
    ]
    return [*sent, *((spelled(name), value) for name, value in added.items())]


def _encoded(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """Return headers for HTTP; what can't stand in one is left out."""
    found = []
    for name, value in pairs:
        text = value.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")
        if _is_token(name):
            found.append((name.encode(), text.strip()))
    return found


def _is_token(name: str) -> bool:
    return (
        bool(name) and name.isascii() and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name)
    )


def open(room: Room) -> RestApiServer:
    """Return what serves REST APIs. Called once, with the first request to any API."""
    return RestApiServer(room)
