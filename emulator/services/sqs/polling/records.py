"""SQS messages as records of an event. Pure; as recorded from AWS.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]


def record(message: Mapping[str, Any], arn: str, *, digests: bool) -> Record:
    """Return a message as a function sees it.

    Args:
        message: As ReceiveMessage answers, with all its attributes.
        arn: The queue's.
        digests: Show the digest of the attributes even where there are none: AWS does where
            records are gathered or filtered, and not where they are handed on as received.
    """
    attributes = message.get("MessageAttributes") or {}
    found: Record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
    }
    if attributes or digests:
        found["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    found["md5OfBody"] = message.get("MD5OfBody")
    found["eventSource"] = "aws:sqs"
    found["eventSourceARN"] = arn
    found["awsRegion"] = arn.split(":", 4)[3]
    return found


def _attribute(value: Mapping[str, Any]) -> Record:
    found: Record = {}
    if "StringValue" in value:
        found["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        found["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return found | {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
