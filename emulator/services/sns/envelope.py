"""What subscribers get of a message: pure.

Sources:
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

#: A message attribute as the API has it: DataType, and StringValue or BinaryValue (bytes).
Attributes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A published message."""

    id: str
    topic: str
    #: By protocol, and "default".
    bodies: Mapping[str, str]
    subject: str | None = None
    attributes: Attributes = field(default_factory=dict)
    #: Seconds since the epoch.
    published: float
    group: str = ""
    deduplication: str = ""
    #: Of a FIFO topic.
    sequence: str = ""
    trace_id: str = ""
    #: It comes from the topic's archive.
    replayed: bool = False

    def body(self, protocol: str) -> str:
        """Return what an endpoint of a protocol gets."""
        return self.bodies.get(protocol, self.bodies["default"])


def timestamp(seconds: float) -> str:
    """Return a time as SNS writes it."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return f"{text[:-6]}Z"


def notification(message: Message, protocol: str) -> dict[str, str]:
    """Return the members of a notification that are signed, in SNS's order."""
    found = {"Type": "Notification", "MessageId": message.id}
    if message.sequence:
        found["SequenceNumber"] = message.sequence
    found["TopicArn"] = message.topic
    if message.subject is not None:
        found["Subject"] = message.subject
    found["Message"] = message.body(protocol)
    found["Timestamp"] = timestamp(message.published)
    return found


class Envelope:
    """What subscribers get of a message, but for what differs between them.

    Args:
        members: Those that are signed, with their signature.
        message: The message.
    """

    __slots__ = ("_after", "_before", "members")

    def __init__(self, members: Mapping[str, str], message: Message) -> None:
        self.members = members
        self._before = orjson.dumps(members)[:-1] + b',"UnsubscribeURL":'
        further: dict[str, Any] = {}
        if message.attributes:
            further["MessageAttributes"] = shown_attributes(message.attributes)
        if message.replayed:
            further["Replayed"] = True
        self._after = b"," + orjson.dumps(further)[1:] if further else b"}"

    def text(self, unsubscribe_url: str) -> bytes:
        """Return the JSON that queues and HTTP endpoints get."""
        return b"".join((self._before, orjson.dumps(unsubscribe_url), self._after))


def lambda_event(
    signed: Mapping[str, str], message: Message, subscription: str, unsubscribe_url: str
) -> dict[str, Any]:
    """Return the event that functions get."""
    sns: dict[str, Any] = {
        **signed,
        "Subject": message.subject,
        "MessageAttributes": shown_attributes(message.attributes),
        "UnsubscribeUrl": unsubscribe_url,
    }
    if "SigningCertURL" in sns:
        sns["SigningCertUrl"] = sns.pop("SigningCertURL")
    if message.replayed:
        sns["Replayed"] = True
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": sns,
    }
    return {"Records": [record]}


def shown_attributes(attributes: Attributes) -> dict[str, dict[str, str]]:
    """Return message attributes as an envelope has them."""
    return {
        name: {"Type": each["DataType"], "Value": _text(each)} for name, each in attributes.items()
    }


def _text(attribute: Mapping[str, Any]) -> str:
    if "BinaryValue" in attribute:
        return base64.b64encode(attribute["BinaryValue"]).decode()
    return str(attribute.get("StringValue", ""))
