"""A stage as it is served: its deployment, compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts.apis.throttling import TokenBucket
from emulator.edge.http_fronts.http_apis.parameters import (
    RequestMapping,
    ResponseMapping,
    response_mappings,
)
from emulator.edge.http_fronts.http_apis.routing import Router
from emulator.edge.http_fronts.invoking import FunctionUri, parse_function_uri, with_variables
from emulator.services.apigatewayv2.state import SNAPSHOT, Api, Body

#: Requests a second that nobody sends.
_ANY_RATE = 1e9


class Integration:
    """An integration, ready to be called.

    Args:
        api: Its API.
        body: As it is kept.
        variables: Of the stage.
    """

    def __init__(self, api: Api, body: Body, variables: Mapping[str, str]) -> None:
        self.id: str = body["IntegrationId"]
        self.type: str = body["IntegrationType"]
        self.subtype: str | None = body.get("IntegrationSubtype")
        self.method: str = body.get("IntegrationMethod") or "ANY"
        self.uri = with_variables(body.get("IntegrationUri", ""), variables)
        self.payload_version: str = body.get("PayloadFormatVersion") or "1.0"
        self.timeout_s: float = body["TimeoutInMillis"] / 1000
        self.function: FunctionUri | None = None
        if self.type == "AWS_PROXY" and self.subtype is None:
            self.function = parse_function_uri(self.uri, api.account, api.region)
        given = body.get("RequestParameters") or {}
        #: Of integrations with a subtype: the parameters of what is called.
        self.parameters: Mapping[str, str] = given if self.subtype else {}
        self.request = RequestMapping(given) if given and not self.subtype else None
        self.responses: Mapping[str, ResponseMapping] = response_mappings(
            body.get("ResponseParameters") or {}
        )


class LiveStage:
    """A stage as it is served.

    Args:
        api: The API.
        stage: As it is kept.
    """

    def __init__(self, api: Api, stage: Body) -> None:
        deployment = api.held["deployments"].get(stage.get("DeploymentId", ""))
        held: Mapping[str, Mapping[str, Body]] = (deployment or {}).get(SNAPSHOT) or {}
        self.api = api
        self.stage = stage
        self.name: str = stage["StageName"]
        self.variables: Mapping[str, str] = stage.get("StageVariables") or {}
        self.router = Router(held.get("routes", {}).values())
        self.authorizers: Mapping[str, Body] = held.get("authorizers", {})
        self._integrations = held.get("integrations", {})
        self._compiled: dict[str, Integration | None] = {}
        logs = stage.get("AccessLogSettings") or {}
        self.log_destination: str = logs.get("DestinationArn", "")
        self.log_format: str = logs.get("Format", "")
        self._buckets: dict[str, TokenBucket | None] = {}

    def integration(self, target: str) -> Integration | None:
        """Return the integration of a route's target."""
        found = self._compiled.get(target)
        if found is None and target not in self._compiled:
            body = self._integrations.get(target.rpartition("/")[2])
            found = None if body is None else Integration(self.api, body, self.variables)
            self._compiled[target] = found
        return found

    def lets_pass(self, route_key: str, now: float) -> bool:
        """Say whether the throttles of the stage let a request of a route pass."""
        if route_key not in self._buckets:
            self._buckets[route_key] = bucket_of(self.stage, route_key)
        bucket = self._buckets[route_key]
        return bucket is None or bucket.takes(now)


def bucket_of(stage: Body, route_key: str) -> TokenBucket | None:
    """Return what throttles a route of a stage; None where nothing does."""
    usual: Mapping[str, Any] = stage.get("DefaultRouteSettings") or {}
    own: Mapping[str, Any] = (stage.get("RouteSettings") or {}).get(route_key) or {}
    settings = {**usual, **own}
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    rate = _ANY_RATE if rate is None else float(rate)
    return TokenBucket(rate, max(int(rate), 1) if burst is None else int(burst))
