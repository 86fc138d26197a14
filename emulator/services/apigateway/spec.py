"""API Gateway (REST APIs), in data."""

from __future__ import annotations

from emulator.services.spec import ServiceSpec

SPEC = ServiceSpec(
    model="apigateway",
    title="API Gateway",
    protocols=("rest-json",),
    signing_names=("apigateway",),
    # HTTP and WebSocket APIs share the name in signatures; their paths begin with /v2.
    path=(
        r"/(restapis|apikeys|usageplans|domainnames|domainnameaccessassociations"
        r"|rejectdomainnameaccessassociations|clientcertificates|vpclinks|sdktypes|account"
        r"|tags/arn(:|%3[Aa])[^/]*)(/.*)?"
    ),
    template_prefix="AWS::ApiGateway",
    modules=("kinds", "state", "wire"),
    # Their routes are shown at the start, and the hosts of domains answered from then on.
    opens_for=("apigateway-api", "apigateway-domain"),
)
