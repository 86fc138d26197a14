"""API Gateway v2, in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="apigatewayv2",
    title="API Gateway v2",
    protocols=("rest-json",),
    signing_names=("apigateway",),
    path=r"/v2/(?:apis|domainnames|vpclinks|tags|portals|portalproducts)(?:/.*)?",
    template_prefix="AWS::ApiGatewayV2",
    modules=("kinds", "state", "wire"),
    # Their routes are shown at the start, and the hosts of domains answered from then on.
    opens_for=("apigatewayv2-api", "apigatewayv2-domain"),
)
