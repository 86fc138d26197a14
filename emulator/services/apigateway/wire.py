"""Where API Gateway answers otherwise than its model says, and how that is known."""

from __future__ import annotations

from emulator.wire.deviations import Deviations, TagRules

_UPDATED = (
    "Account", "ApiKey", "Authorizer", "BasePathMapping", "ClientCertificate", "Deployment",
    "DocumentationPart", "DocumentationVersion", "DomainName", "GatewayResponse", "Integration",
    "IntegrationResponse", "Method", "MethodResponse", "Model", "RequestValidator", "Resource",
    "RestApi", "Stage", "Usage", "UsagePlan", "VpcLink",
)  # fmt: skip

#: What is said of tags, here and in API Gateway v2.
TAGS = TagRules(
    code="BadRequestException",
    # As its SDKs' users report it.
    reserved="Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)",
    key_length="Invalid tag key. Tag keys must have 1 to 128 characters",
    value_length="Invalid tag value. Tag values must have no more than 256 characters",
    too_many=("BadRequestException", "A resource can have no more than 50 tags"),
)

DEVIATIONS = Deviations(
    tags=TAGS,
    # Recorded 2025-08: members of the body are named by the operation.
    names_input=True,
    constraint_code="ValidationException",
    # In the order API Gateway prints them (recorded 2025-08).
    printed_enum={
        "EndpointType": "PRIVATE, EDGE, REGIONAL",
        "DocumentationPartType": (
            "RESPONSE_BODY, RESPONSE, METHOD, MODEL, AUTHORIZER, RESPONSE_HEADER, RESOURCE, "
            "PATH_PARAMETER, REQUEST_BODY, QUERY_PARAMETER, API, REQUEST_HEADER"
        ),
        "GatewayResponseType": (
            "REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, "
            "MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, "
            "BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, "
            "ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, "
            "API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN"
        ),
        "Op": "add, remove, move, test, replace, copy",
    },
    elements_may_be_null=True,
    # Recorded 2024: what is wrong in the body is named before what is wrong in the path.
    checked_first={f"Update{name}Request": ("patchOperations",) for name in _UPDATED},
    status={"ValidationException": 400},
)
