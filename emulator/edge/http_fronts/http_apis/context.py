"""What is known of a request to an API: the variables of mappings, identity sources and logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from emulator.edge.http_fronts.authorizers.base import Grant
from emulator.edge.http_fronts.exchange import HttpRequest
from emulator.edge.http_fronts.http_apis.live import LiveStage
from emulator.edge.http_fronts.http_apis.parameters import in_document
from emulator.edge.http_fronts.http_apis.routing import Match
from emulator.edge.http_fronts.payload_v2 import clf_time


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request to a stage, and what was found out of it so far."""

    request: HttpRequest
    live: LiveStage
    #: Without the stage, percent-encoded.
    path: str
    #: As requests are named by API Gateway.
    id: str
    match: Match | None = None
    grant: Grant = field(default_factory=Grant)
    #: Of the answer, once there is one.
    status: int = 0
    response_length: int = 0
    error: str = ""
    integration_status: str = ""
    integration_error: str = ""
    integration_latency_ms: int = 0

    @property
    def route_key(self) -> str:
        """The key of the route; "" without one."""
        return str(self.match.route["RouteKey"]) if self.match is not None else ""

    @property
    def time(self) -> str:
        """When it came, as logs write it."""
        return clf_time(self.request.now)

    def value(self, name: str) -> str | None:
        """Return what a variable of mappings means: "request.header.name", "context.stage", …."""
        scope, _, rest = name.partition(".")
        if scope == "context":
            return self.context(rest)
        if scope == "stageVariables":
            return self.live.variables.get(rest)
        if scope != "request":
            return None
        place, _, key = rest.partition(".")
        request = self.request
        if place == "header":
            found = [value for each, value in request.headers if each == key.lower()]
            return ",".join(found) if found else None
        if place == "querystring":
            pairs = parse_qsl(request.query, keep_blank_values=True)
            found = [value for each, value in pairs if each == key]
            return ",".join(found) if found else None
        if place == "path":
            if not key:
                return self.path
            return self.match.parameters.get(key) if self.match is not None else None
        if place == "body":
            if not key:
                return request.body.decode("utf-8", "replace")
            return in_document(request.body, key.split("."))
        return None

    def context(self, name: str) -> str | None:
        """Return what stands behind ``$context.``; None if nothing does."""
        found = _CONTEXT.get(name)
        if found is not None:
            return found(self)
        scope, _, rest = name.partition(".")
        if scope == "authorizer":
            return self._of_authorizer(rest)
        return None

    def _of_authorizer(self, name: str) -> str | None:
        if name == "principalId":
            return self.grant.principal or None
        found: Any = self.grant.authorizer
        held = found.get("lambda") or found.get("jwt") or {}
        if name.startswith("claims."):
            held, name = (held.get("claims") or {}), name.removeprefix("claims.")
        value = held.get(name) if isinstance(held, Mapping) else None
        return None if value is None else str(value)


def _iam(exchange: Exchange, name: str) -> str | None:
    found = (exchange.grant.authorizer.get("iam") or {}).get(name)
    return None if found is None else str(found)


_CONTEXT: dict[str, Callable[[Exchange], str | None]] = {
    "accountId": lambda e: e.live.api.account,
    "apiId": lambda e: e.live.api.id,
    "awsEndpointRequestId": lambda e: None,
    "awsEndpointRequestId2": lambda e: None,
    "customDomain.basePathMatched": lambda e: (
        e.request.mapping.base_path if e.request.mapping else None
    ),
    "dataProcessed": lambda e: str(len(e.request.body) + e.response_length),
    "domainName": lambda e: e.request.domain_name,
    "domainPrefix": lambda e: e.request.domain_name.partition(".")[0],
    "error.message": lambda e: e.error or None,
    "error.messageString": lambda e: f'"{e.error}"' if e.error else None,
    "error.responseType": lambda e: e.error.upper().replace(" ", "_") or None,
    "extendedRequestId": lambda e: e.id,
    "httpMethod": lambda e: e.request.method,
    "identity.accountId": lambda e: _iam(e, "accountId"),
    "identity.caller": lambda e: _iam(e, "callerId"),
    "identity.sourceIp": lambda e: e.request.source_ip,
    "identity.user": lambda e: _iam(e, "userId"),
    "identity.userAgent": lambda e: e.request.header("user-agent"),
    "identity.userArn": lambda e: _iam(e, "userArn"),
    "integration.error": lambda e: e.integration_error or None,
    "integration.integrationStatus": lambda e: e.integration_status or None,
    "integration.latency": lambda e: str(e.integration_latency_ms),
    "integration.status": lambda e: e.integration_status or None,
    "integrationErrorMessage": lambda e: e.integration_error or None,
    "integrationLatency": lambda e: str(e.integration_latency_ms),
    "integrationStatus": lambda e: e.integration_status or None,
    "path": lambda e: e.request.raw_path,
    "protocol": lambda e: f"HTTP/{e.request.http_version}",
    "requestId": lambda e: e.id,
    "requestTime": lambda e: e.time,
    "requestTimeEpoch": lambda e: str(int(e.request.now * 1000)),
    "responseLength": lambda e: str(e.response_length),
    "routeKey": lambda e: e.route_key or None,
    "stage": lambda e: e.live.name,
    "status": lambda e: str(e.status) if e.status else None,
    "xrayTraceId": lambda e: e.request.trace_id.partition(";")[0].removeprefix("Root="),
}
