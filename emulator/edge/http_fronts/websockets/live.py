"""A stage of a WebSocket API as it is served: its deployment, compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts.apis.throttling import TokenBucket
from emulator.edge.http_fronts.http_apis.live import bucket_of
from emulator.edge.http_fronts.invoking import FunctionUri, parse_function_uri, with_variables
from emulator.services.apigatewayv2.state import SNAPSHOT, Api, Body

Held = Mapping[str, Mapping[str, Body]]


class Integration:
    """An integration, ready to be called.

    Attributes:
        responses: Its responses by their keys: "$default", or "/pattern/".
    """

    def __init__(self, api: Api, body: Body, held: Held, variables: Mapping[str, str]) -> None:
        self.type: str = body["IntegrationType"]
        self.method: str = body.get("IntegrationMethod") or "POST"
        self.uri = with_variables(body.get("IntegrationUri", ""), variables)
        self.timeout_s: float = body["TimeoutInMillis"] / 1000
        self.passthrough: str = body.get("PassthroughBehavior") or "WHEN_NO_MATCH"
        self.function: FunctionUri | None = None
        if self.type in ("AWS_PROXY", "AWS"):
            self.function = parse_function_uri(self.uri, api.account, api.region)
        self.templates: Mapping[str, str] = body.get("RequestTemplates") or {}
        self.template_selection: str = body.get("TemplateSelectionExpression") or ""
        self.responses = {
            each["IntegrationResponseKey"]: each
            for each in held.get("integrationresponses", {}).values()
            if each["IntegrationId"] == body["IntegrationId"]
        }


class LiveStage:
    """A stage as it is served.

    Args:
        api: The API.
        stage: As it is kept.

    Attributes:
        routes: By their keys.
        answers: The keys of the routes whose results go back to the client.
    """

    def __init__(self, api: Api, stage: Body) -> None:
        deployment = api.held["deployments"].get(stage.get("DeploymentId", ""))
        held: Held = (deployment or {}).get(SNAPSHOT) or {}
        self.api = api
        self.stage = stage
        self.name: str = stage["StageName"]
        self.selection: str = api.body["RouteSelectionExpression"]
        self.variables: Mapping[str, str] = stage.get("StageVariables") or {}
        self.routes = {each["RouteKey"]: each for each in held.get("routes", {}).values()}
        answering = {each["RouteId"] for each in held.get("routeresponses", {}).values()}
        self.answers = {
            key
            for key, each in self.routes.items()
            if each["RouteId"] in answering and each.get("RouteResponseSelectionExpression")
        }
        self.authorizers: Mapping[str, Body] = held.get("authorizers", {})
        self._held = held
        self._compiled: dict[str, Integration | None] = {}
        logs = stage.get("AccessLogSettings") or {}
        self.log_destination: str = logs.get("DestinationArn", "")
        self.log_format: str = logs.get("Format", "")
        self._buckets: dict[str, TokenBucket | None] = {}

    def integration(self, route: Mapping[str, Any]) -> Integration | None:
        """Return the integration of a route."""
        target = str(route.get("Target") or "").rpartition("/")[2]
        if target not in self._compiled:
            body = self._held.get("integrations", {}).get(target)
            made = None if body is None else Integration(self.api, body, self._held, self.variables)
            self._compiled[target] = made
        return self._compiled[target]

    def lets_pass(self, key: str, now: float) -> bool:
        """Say whether the throttles of the stage let a message to a route pass."""
        if key not in self._buckets:
            self._buckets[key] = bucket_of(self.stage, key)
        bucket = self._buckets[key]
        return bucket is None or bucket.takes(now)
