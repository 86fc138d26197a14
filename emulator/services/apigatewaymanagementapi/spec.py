"""The API to the connections of WebSocket APIs, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="apigatewaymanagementapi",
    title="API Gateway Management API",
    protocols=("rest-json",),
    signing_names=("execute-api",),
    path=r"/@connections/.*",
    modules=("authorization", "state", "wire"),
)
