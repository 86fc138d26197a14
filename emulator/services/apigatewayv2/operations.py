"""Every operation of API Gateway v2: what serves it, or why nothing does."""

from __future__ import annotations

from emulator.services.apigatewayv2 import (
    apis,
    authorizers,
    deployments,
    domains,
    exporting,
    importing,
    integrations,
    models,
    routes,
    stages,
    tags,
    vpc_links,
)
from emulator.services.service import Operation, unsupported

_MODULES = (
    apis,
    authorizers,
    deployments,
    domains,
    exporting,
    importing,
    integrations,
    models,
    routes,
    stages,
    tags,
    vpc_links,
)

OPERATIONS: dict[str, Operation] = dict(
    sorted((name, each) for module in _MODULES for name, each in module.OPERATIONS.items())
)

UNSUPPORTED = unsupported(
    """
    CreatePortal CreatePortalProduct CreateProductPage CreateProductRestEndpointPage DeletePortal
    DeletePortalProduct DeletePortalProductSharingPolicy DeleteProductPage
    DeleteProductRestEndpointPage DisablePortal GetPortal GetPortalProduct
    GetPortalProductSharingPolicy GetProductPage GetProductRestEndpointPage ListPortalProducts
    ListPortals ListProductPages ListProductRestEndpointPages PreviewPortal PublishPortal
    PutPortalProductSharingPolicy UpdatePortal UpdatePortalProduct UpdateProductPage
    UpdateProductRestEndpointPage
    """,
    "localfaas does not serve {}: it has no portals for developers.",
) | unsupported(
    "CreateRoutingRule DeleteRoutingRule GetRoutingRule ListRoutingRules PutRoutingRule",
    "localfaas does not serve {}: custom domain names lead to APIs by mappings alone.",
)
