"""Where SQS answers otherwise than its published model says, and how that is known."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from emulator.model.errors import AwsError
from emulator.services.sqs import errors
from emulator.services.sqs.spec import SPEC
from emulator.services.sqs.validation import compile_required
from emulator.wire.deviations import Deviations, TagRules
from emulator.wire.model import Operation, Shape
from emulator.wire.protocols import VARIANTS

_QUEUE_PATH = re.compile(SPEC.path)
#: Operations on no queue.
_WITHOUT_QUEUE = frozenset(
    {
        "CancelMessageMoveTask",
        "CreateQueue",
        "GetQueueUrl",
        "ListMessageMoveTasks",
        "ListQueues",
        "StartMessageMoveTask",
    }
)
#: Those of them for which a queue's URL is the wrong endpoint. (For GetQueueUrl it is not.)
_NOT_AT_QUEUES = frozenset({"CreateQueue", "ListQueues"})
#: Codes of the query protocol, which also stand in the header ``x-amzn-query-error``, where they
#: differ from the shape's name: the last query model of SQS (2012-11-05) and, for the two that are
#: in no model, recordings.
_QUERY_CODE = {
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

#: Names in the query protocol, from SQS's last query model: today's model is JSON's only.
_LIST_MEMBERS = {
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
_MAP_MEMBERS = {
    "MessageBodyAttributeMap": ("MessageAttribute", "Name"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name"),
    "MessageSystemAttributeMap": ("Attribute", "Name"),
    "QueueAttributeMap": ("Attribute", "Name"),
    "TagMap": ("Tag", "Key"),
}


def _name_query_members(shapes: dict[str, Shape]) -> None:
    """Lay the query names over a model's shapes, as ``queryName`` (JSON reads them nowhere)."""
    for name, member in _LIST_MEMBERS.items():
        shapes[name]["member"]["queryName"] = member
    for name, (_, key) in _MAP_MEMBERS.items():
        shapes[name]["key"]["queryName"] = key
        shapes[name]["value"]["queryName"] = "Value"
    for shape in shapes.values():
        for member in shape.get("members", {}).values():
            if member["shape"] in _MAP_MEMBERS:
                member["queryName"] = _MAP_MEMBERS[member["shape"]][0]


def _add_queue_url(operation: Operation, request: dict[str, Any], protocol: str, url: str) -> None:
    """Take the queue a query request is for from where it was sent, as SQS does.

    Raises:
        AwsError: InvalidAction: the operation is not one on a queue, but was sent to one;
            InvalidAddress: it is one on a queue, and none is named.
    """
    if VARIANTS.get(protocol, protocol) != "query":
        return
    sent_to_queue = _QUEUE_PATH.fullmatch(urlsplit(url).path) is not None
    if operation.name in _WITHOUT_QUEUE:
        if sent_to_queue and operation.name in _NOT_AT_QUEUES:
            text = f"The action {operation.name} is not valid for this endpoint."
            raise AwsError("InvalidAction", text, status=400)
    elif "QueueUrl" not in request:
        if not sent_to_queue:
            raise errors.invalid_address(url)
        request["QueueUrl"] = url


DEVIATIONS = Deviations(
    validator=compile_required,
    tags=TagRules(
        code="InvalidParameterValueException",
        reserved="Tag keys must not start with the reserved prefix aws:.",
        key_length="Tag keys must be between 1 and 128 characters in length.",
        value_length="Tag values must be at most 256 characters in length.",
    ),
    # The ``httpError`` traits of AWS's Smithy model.
    status={
        "InvalidAddress": 404,
        "InvalidSecurity": 403,
        "KmsOptInRequired": 403,
        "OverLimit": 403,
        "PurgeQueueInProgress": 403,
        "ReceiptHandleIsInvalid": 404,
        "RequestThrottled": 403,
        "ResourceNotFoundException": 404,
    },
    query_code=_QUERY_CODE,
    # Recorded: the two protocols word this one differently.
    query_message={
        "QueueDoesNotExist": "The specified queue does not exist for this wsdl version."
    },
    error_namespaces=("com.amazonaws.sqs", "com.amazon.coral.service"),
    # Recorded: only errors that no model has, e.g. InvalidParameterValue, have this member.
    empty_detail=True,
    xml_namespace="http://queue.amazonaws.com/doc/2012-11-05/",
    add_from_url=_add_queue_url,
    adapt=_name_query_members,
)
