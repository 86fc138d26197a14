"""Where the service answers otherwise than its published model says, and how we know."""

from __future__ import annotations

from typing import Any

from emulator.model.limits import ORDINARY_MEMORY, ORDINARY_TIMEOUT

#: Maximum of a number's shape. The model's 5,400 s and 32,768 MB hold for functions on Lambda
#: Managed Instances only: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ORDINARY_MAXIMUM = {
    ("lambda", "Timeout"): ORDINARY_TIMEOUT,
    ("lambda", "MemorySize"): ORDINARY_MEMORY,
}
#: The member whose presence in a request means Managed Instances, and the operations that can't be
#: told by it: they change what is there, and check it themselves.
MANAGED_INSTANCES = "CapacityProviderConfig"
PERHAPS_MANAGED = {"UpdateFunctionConfiguration"}

_REGION = r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}"

#: Patterns as Lambda prints them (recorded 2025-11) where the model writes the same otherwise.
#: Only the text; what matches is decided by the model.
PRINTED_PATTERN = {
    ("lambda", "LayerVersionArn"): (
        rf"(arn:(aws[a-zA-Z-]*)?:lambda:{_REGION}:\d{{12}}:layer:[a-zA-Z0-9-_]+:[0-9]+)"
        r"|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
    ),
    ("lambda", "TaggableResource"): (
        rf"arn:(aws[a-zA-Z-]*):lambda:{_REGION}:\d{{12}}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|"
        r"[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|"
        r"event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
        r"[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}

#: Enumerations in the order Lambda prints them (recorded 2025-11). The keys are shapes, or a
#: list's shape where the list prints a set of its own. Printed only, as above.
PRINTED_ENUM = {
    ("lambda", "InvokeMode"): "RESPONSE_STREAM, BUFFERED",
    ("lambda", "Runtime"): (
        "ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, "
        "python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, "
        "python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, "
        "nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, "
        "provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, "
        "nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, "
        "nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, "
        "ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7"
    ),
    ("lambda", "CompatibleRuntimes"): (
        "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, "
        "nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, "
        "python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, "
        "nodejs18.x, provided.al2, java8.al2"
    ),
}

#: Members whose violations come first, where the model has another order (recorded 2025-11).
CHECKED_FIRST = {("lambda", "PublishLayerVersionRequest"): ("CompatibleRuntimes",)}

#: Members whose constraints the operation checks itself, because AWS has another error for them
#: than a violation's.
CHECKED_BY_OPERATION = {
    ("lambda", "CreateFunctionRequest", "Runtime"),
    ("lambda", "UpdateFunctionConfigurationRequest", "Runtime"),
}

#: The code of a constraint violation per service (Lambda's is recorded).
CONSTRAINT_CODE = {
    "lambda": "ValidationException",
    "logs": "InvalidParameterException",
    "sts": "ValidationError",
}

#: SQS's codes of the query protocol, which also stand in the header ``x-amzn-query-error``,
#: where they differ from the shape's name: the last query model of SQS (2012-11-05) and, for
#: the two that are in no model, recordings.
SQS_QUERY_CODE = {
    **{
        name: f"AWS.SimpleQueueService.{name}"
        for name in (
            "BatchEntryIdsNotDistinct",
            "BatchRequestTooLong",
            "EmptyBatchRequest",
            "InvalidBatchEntryId",
            "MessageNotInflight",
            "PurgeQueueInProgress",
            "QueueDeletedRecently",
            "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        )
    },
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "KmsAccessDenied": "KMS.AccessDeniedException",
    "KmsDisabled": "KMS.DisabledException",
    "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
    "KmsInvalidState": "KMS.InvalidStateException",
    "KmsNotFound": "KMS.NotFoundException",
    "KmsOptInRequired": "KMS.OptInRequired",
    "KmsThrottled": "KMS.ThrottlingException",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
}
SQS_SHAPE_OF_CODE = {code: shape for shape, code in SQS_QUERY_CODE.items()}

#: HTTP statuses of codes that botocore's models do not give (400 where this is silent too).
#: SQS's are the ``httpError`` traits of AWS's Smithy model.
STATUS = {
    ("sqs", "InvalidAddress"): 404,
    ("sqs", "InvalidSecurity"): 403,
    ("sqs", "KmsOptInRequired"): 403,
    ("sqs", "OverLimit"): 403,
    ("sqs", "PurgeQueueInProgress"): 403,
    ("sqs", "ReceiptHandleIsInvalid"): 404,
    ("sqs", "RequestThrottled"): 403,
    ("sqs", "ResourceNotFoundException"): 404,
    ("lambda", "RequestEntityTooLargeException"): 413,
    ("lambda", "UnknownOperationException"): 404,
    ("lambda", "AccessDeniedException"): 403,
}

_SQS_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
#: Names in the query protocol, from SQS's last query model: today's model is JSON's only.
_SQS_LIST_MEMBERS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
_SQS_MAP_MEMBERS = {
    "MessageBodyAttributeMap": ("MessageAttribute", "Name"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name"),
    "MessageSystemAttributeMap": ("Attribute", "Name"),
    "QueueAttributeMap": ("Attribute", "Name"),
    "TagMap": ("Tag", "Key"),
}


def namespace(service: str, metadata: Any) -> str:
    """Return the XML namespace of a service's answers in the query protocol."""
    return _SQS_NAMESPACE if service == "sqs" else str(metadata.get("xmlNamespace", ""))


def apply(service: str, shapes: dict[str, Any]) -> None:
    """Lay the query names over a model's shapes, as ``queryName`` (JSON reads them nowhere)."""
    if service != "sqs":
        return
    for name, member in _SQS_LIST_MEMBERS.items():
        shapes[name]["member"]["queryName"] = member
    for name, (_, key) in _SQS_MAP_MEMBERS.items():
        shapes[name]["key"]["queryName"] = key
        shapes[name]["value"]["queryName"] = "Value"
    for shape in shapes.values():
        for member in shape.get("members", {}).values():
            if member["shape"] in _SQS_MAP_MEMBERS:
                member["queryName"] = _SQS_MAP_MEMBERS[member["shape"]][0]
