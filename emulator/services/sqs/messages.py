"""Messages on the wire: their rules, MD5s and sizes, and how a receive shows them."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.queues import rules
from emulator.queues.message import Draft, Received, Sent
from emulator.services.sqs import errors
from emulator.services.sqs.queues import SqsQueue

Wire = dict[str, Any]

MAX_ATTRIBUTES = 10
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
#: AWS takes the letters of any alphabet, against the words of its own message.
_ATTRIBUTE_NAME = re.compile(r"[\w\-.]+")
#: "alphanumeric and punctuation": the printable ASCII characters but the space.
_ID = re.compile(r"[!-~]{1,128}")
_TYPES = ("String", "Number", "Binary")
#: What means all message attributes. "*" stands in no documentation; AWS was seen to take it.
_ALL_ATTRIBUTES = frozenset({"All", ".*", "*"})
_SYSTEM_ATTRIBUTES = frozenset(
    {
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "SequenceNumber",
        "MessageDeduplicationId",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
    }
)


def draft(
    queue: SqsQueue, sender: str, request: Mapping[str, Any], trace_id: str = ""
) -> tuple[Draft, Wire]:
    """Return a message to be sent, and the MD5s for its sender.

    Args:
        queue: The queue it is sent to.
        sender: What receivers see as SenderId.
        request: SendMessage's, or an entry of SendMessageBatch.
        trace_id: The X-Amzn-Trace-Id the sender's request had, or "".

    Raises:
        AwsError: The message is not allowed.
    """
    body: str = request["MessageBody"]
    if not body:
        raise errors.missing_parameter("MessageBody")
    # What is printable has none of them, and is found out in a fifth of the time.
    if not body.isprintable() and _ILLEGAL.search(body):
        raise AwsError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
            "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    attributes: Mapping[str, Any] = request.get("MessageAttributes") or {}
    _check_attributes(attributes)
    encoded = body.encode()
    told: Wire = {"MD5OfMessageBody": hashlib.md5(encoded, usedforsecurity=False).hexdigest()}
    headers: Wire = {"s": sender, "b": told["MD5OfMessageBody"]}
    if attributes:
        told["MD5OfMessageAttributes"] = attributes_md5(attributes)
        headers["a"] = {name: _to_json(value) for name, value in attributes.items()}
    system: Mapping[str, Any] = request.get("MessageSystemAttributes") or {}
    if system:
        headers["t"] = _trace_header(system)
        told["MD5OfMessageSystemAttributes"] = attributes_md5(system)
    elif trace_id:
        headers["t"] = trace_id
    size = len(encoded) + attributes_size(attributes)
    limit = int(queue.attributes["MaximumMessageSize"])
    if size > limit:
        raise errors.invalid_parameter(
            "One or more parameters are invalid. "
            f"Reason: Message must be shorter than {limit} bytes."
        )
    group, deduplication = _ids(queue, request)
    return (
        Draft(
            body=body,
            headers=orjson.dumps(headers).decode(),
            delay=_delay(queue, request.get("DelaySeconds")),
            group=group,
            deduplication=deduplication,
            size=size,
        ),
        told,
    )


def receipt(queue: SqsQueue, sent: Sent, told: Wire) -> Wire:
    """Return the answer to a sender."""
    answer = {**told, "MessageId": sent.message_id}
    if queue.fifo:
        answer["SequenceNumber"] = rules.sequence_number(sent.position)
    return answer


def _delay(queue: SqsQueue, delay: int | None) -> float | None:
    if delay is None:
        return None
    if not 0 <= delay <= 900:
        raise errors.invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    if not queue.fifo:
        return float(delay)
    if delay:
        raise errors.invalid_value(delay, "DelaySeconds", _WRONG_TYPE)
    # 0 counts as not given.
    return None


_WRONG_TYPE = "The request include parameter that is not valid for this queue type."


def _ids(queue: SqsQueue, request: Mapping[str, Any]) -> tuple[str | None, str | None]:
    group: str | None = request.get("MessageGroupId")
    deduplication: str | None = request.get("MessageDeduplicationId")
    if group is None and queue.fifo:
        raise errors.missing_parameter("MessageGroupId")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not _ID.fullmatch(value):
            raise errors.invalid_value(
                value,
                name,
                f"{name} can only include alphanumeric and punctuation characters. "
                "1 to 128 in length.",
            )
    if not queue.fifo:
        if deduplication is not None:
            raise errors.invalid_value(deduplication, "MessageDeduplicationId", _WRONG_TYPE)
    else:
        check_deduplicated(queue, deduplication)
    return group, deduplication


def check_deduplicated(queue: SqsQueue, deduplication: str | None) -> None:
    """Check that a FIFO queue can tell a message from its repetitions.

    Raises:
        AwsError: InvalidParameterValue.
    """
    if deduplication is None and queue.attributes["ContentBasedDeduplication"] != "true":
        raise errors.invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )


def _check_attributes(attributes: Mapping[str, Any]) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise errors.invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{MAX_ATTRIBUTES}]."
        )
    for name, value in attributes.items():
        if not name:
            # In these words: https://github.com/aws/aws-sdk-php/issues/694
            raise errors.invalid_parameter(
                "The request must contain non-empty message attribute name."
            )
        if len(name) > 256:
            raise errors.invalid_parameter(
                "Message (user) attribute names must be shorter than 256 Bytes"
            )
        if not _ATTRIBUTE_NAME.fullmatch(name) or ".." in name or name[0] == "." or name[-1] == ".":
            raise errors.invalid_parameter(
                "The message attribute name can contain: A-Z, a-z, 0-9, underscore (_), "
                "hyphen (-), and period (.). "
            )
        if name.lower().startswith(("aws.", "amazon.")):
            raise errors.invalid_parameter(
                "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
                "These strings are reserved for internal use."
            )
        _check_value(name, value)


def _check_value(name: str, value: Mapping[str, Any]) -> None:
    data_type: str = value.get("DataType") or ""
    kind = data_type.split(".", 1)[0]
    if not data_type:
        raise errors.invalid_parameter(
            f"The message attribute '{name}' must contain message attribute type."
        )
    if kind not in _TYPES or len(data_type) > 256:
        raise errors.invalid_parameter(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    content = value.get("BinaryValue" if kind == "Binary" else "StringValue")
    if not content:
        raise errors.invalid_parameter(
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'."
        )
    if kind == "Number" and not _is_number(content):
        raise errors.invalid_parameter(
            f"Could not cast message attribute '{name}' value to number."
        )
    if kind != "Binary" and _ILLEGAL.search(content):
        raise errors.invalid_parameter(
            f"Message attribute value '{content}' contains invalid characters. Valid unicode "
            "characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
            "#x10000 to #x10FFFF"
        )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", text, re.ASCII) is not None


def _trace_header(system: Mapping[str, Any]) -> str:
    for name, value in system.items():
        if name != "AWSTraceHeader":
            raise errors.invalid_parameter(f"Message system attribute name '{name}' is invalid.")
        if value.get("DataType") != "String":
            raise errors.invalid_parameter(
                f"The message system attribute '{name}' has an invalid message system attribute "
                "type, the set of supported type prefixes is String."
            )
        if not value.get("StringValue"):
            raise errors.invalid_parameter(
                f"The message system attribute '{name}' must contain non-empty message system "
                "attribute value for message system attribute type 'String'."
            )
    header: str = system["AWSTraceHeader"]["StringValue"]
    return header


def attributes_size(attributes: Mapping[str, Any]) -> int:
    """Return how many bytes attributes add to a message: names, types and values."""
    return sum(
        len(name.encode())
        + len((value.get("DataType") or "").encode())
        + len((value.get("StringValue") or "").encode())
        + len(value.get("BinaryValue") or b"")
        for name, value in attributes.items()
    )


def attributes_md5(attributes: Mapping[str, Any]) -> str:
    """Return MD5OfMessageAttributes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    digest = hashlib.md5(usedforsecurity=False)

    def add(value: bytes) -> None:
        digest.update(struct.pack(">I", len(value)) + value)

    for name in sorted(attributes):
        value = attributes[name]
        data_type = value["DataType"]
        add(name.encode())
        add(data_type.encode())
        if data_type.startswith("Binary"):
            digest.update(b"\x02")
            add(value["BinaryValue"])
        else:
            digest.update(b"\x01")
            add(value["StringValue"].encode())
    return digest.hexdigest()


def _to_json(value: Mapping[str, Any]) -> Wire:
    if value["DataType"].startswith("Binary"):
        return {
            "DataType": value["DataType"],
            "BinaryValue": base64.b64encode(value["BinaryValue"]).decode(),
        }
    return {"DataType": value["DataType"], "StringValue": value["StringValue"]}


def _from_json(value: Wire) -> Wire:
    if "BinaryValue" in value:
        return {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}
    return value


class View:
    """How one receive shows its messages.

    Args:
        system: Names of system attributes, or "All".
        names: Names of message attributes, "prefix.*", or one of the words for all of them.

    Raises:
        AwsError: InvalidAttributeName.
    """

    def __init__(self, system: Sequence[str], names: Sequence[str]) -> None:
        for name in system:
            if name not in _SYSTEM_ATTRIBUTES:
                raise errors.unknown_attribute(name)
        wanted = _SYSTEM_ATTRIBUTES if "All" in system else frozenset(system)
        self._system = [(name, get) for name, get in _SYSTEM.items() if name in wanted]
        self._all = not _ALL_ATTRIBUTES.isdisjoint(names)
        self._names = frozenset(names)
        self._prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))

    def show(self, message: Received) -> Wire:
        """Return a message as ReceiveMessage's answer has it."""
        headers = orjson.loads(message.headers)
        shown: Wire = {
            "MessageId": message.message_id,
            "ReceiptHandle": message.handle,
            "MD5OfBody": headers["b"],
            "Body": message.body,
        }
        if self._system:
            attributes = {
                name: value
                for name, get in self._system
                if (value := get(message, headers)) is not None
            }
            if attributes:
                shown["Attributes"] = attributes
        if "a" in headers:
            wanted = {
                name: _from_json(value)
                for name, value in headers["a"].items()
                if self._all or name in self._names or name.startswith(self._prefixes)
            }
            if wanted:
                shown["MD5OfMessageAttributes"] = attributes_md5(wanted)
                shown["MessageAttributes"] = wanted
        return shown


_SYSTEM: dict[str, Callable[[Received, Wire], str | None]] = {
    "SenderId": lambda message, headers: headers["s"],
    "SentTimestamp": lambda message, headers: _milliseconds(message.sent_at),
    "ApproximateReceiveCount": lambda message, headers: str(message.receive_count),
    "ApproximateFirstReceiveTimestamp": lambda message, headers: _milliseconds(
        message.first_received_at
    ),
    "SequenceNumber": lambda message, headers: (
        rules.sequence_number(message.position) if message.deduplication is not None else None
    ),
    "MessageDeduplicationId": lambda message, headers: message.deduplication,
    "MessageGroupId": lambda message, headers: message.group,
    "AWSTraceHeader": lambda message, headers: headers.get("t"),
    "DeadLetterQueueSourceArn": lambda message, headers: message.source,
}


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
