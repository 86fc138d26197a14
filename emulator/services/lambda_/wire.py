"""Where Lambda's answers differ from its published model, and how that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.limits import ORDINARY_MEMORY, ORDINARY_TIMEOUT
from emulator.wire.deviations import Deviations, TagRules

#: The member whose presence in a request means Managed Instances, and the operation whose requests
#: do not tell: it changes what exists, and checks that itself.
_MANAGED_INSTANCES = "CapacityProviderConfig"
_PERHAPS_MANAGED = "UpdateFunctionConfiguration"

_REGION = r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}"

#: Patterns as Lambda prints them (recorded 2025-11) where the model writes them differently.
#: For error texts only; the model decides what matches.
_PRINTED_PATTERN = {
    "LayerVersionArn": (
        rf"(arn:(aws[a-zA-Z-]*)?:lambda:{_REGION}:\d{{12}}:layer:[a-zA-Z0-9-_]+:[0-9]+)"
        r"|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
    ),
    "TaggableResource": (
        rf"arn:(aws[a-zA-Z-]*):lambda:{_REGION}:\d{{12}}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|"
        r"[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|"
        r"event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
        r"[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}

#: Enumerations in the order Lambda prints them (recorded 2025-11). The keys are shapes, or a
#: list's shape where a list prints its own set. For error texts only, as above.
_PRINTED_ENUM = {
    "InvokeMode": "RESPONSE_STREAM, BUFFERED",
    "Runtime": (
        "ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, "
        "python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, "
        "python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, "
        "nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, "
        "provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, "
        "nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, "
        "nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, "
        "ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7"
    ),
    "CompatibleRuntimes": (
        "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, "
        "nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, "
        "python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, "
        "nodejs18.x, provided.al2, java8.al2"
    ),
}


def _is_managed(operation: str, request: Mapping[str, Any]) -> bool:
    return _MANAGED_INSTANCES in request or operation == _PERHAPS_MANAGED


DEVIATIONS = Deviations(
    tags=TagRules(code="InvalidParameterValueException", fields={"Type": "User"}),
    blob_content_type="application/json",
    whole_bodies=frozenset({"InvokeAsync"}),
    # Recorded.
    constraint_code="ValidationException",
    # The model's 5,400 s and 32,768 MB hold for functions on Lambda Managed Instances only:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    maximum={"Timeout": ORDINARY_TIMEOUT, "MemorySize": ORDINARY_MEMORY},
    model_maximum_holds=_is_managed,
    printed_pattern=_PRINTED_PATTERN,
    printed_enum=_PRINTED_ENUM,
    # The model has another order (recorded 2025-11).
    checked_first={"PublishLayerVersionRequest": ("CompatibleRuntimes",)},
    checked_by_operation=frozenset(
        {
            ("CreateFunctionRequest", "Runtime"),
            ("UpdateFunctionConfigurationRequest", "Runtime"),
        }
    ),
    operation_in_texts={"Invoke": "InvokeFunction"},
    # Recorded; botocore's model has none.
    status={
        "RequestEntityTooLargeException": 413,
        "UnknownOperationException": 404,
        "AccessDeniedException": 403,
    },
)
