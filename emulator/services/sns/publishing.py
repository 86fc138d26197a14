"""Publishing: one message, or up to ten, to a topic, a device or a phone.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Placed
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.model.nesting import read_json
from emulator.services.context import Context, Request, Response
from emulator.services.sns import archived, arns, message_attributes
from emulator.services.sns.envelope import Message
from emulator.services.sns.errors import invalid, not_found
from emulator.services.sns.fanout import dispatches_of
from emulator.services.sns.state import Sns, of
from emulator.services.sns.subscription import Topic

#: Bytes of a message with its attributes.
_LONGEST = 262_144
_MOST_ENTRIES = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]+")
_IDS = ("MessageGroupId", "MessageDeduplicationId")
_ID = re.compile(r"[!-~]{1,128}")
_PHONE = re.compile(r"\+[0-9]{6,19}")
_SUBJECT = 100


async def publish(ctx: Context, request: Request) -> Response:
    """Handle Publish."""
    places = [request.get(name) for name in ("TopicArn", "TargetArn", "PhoneNumber")]
    if sum(bool(each) for each in places) != 1:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    topic_arn, target_arn, phone = places
    if phone:
        return await _to_phone(ctx, request, phone)
    if target_arn and ":endpoint/" in target_arn:
        return await _to_device(ctx, request, target_arn)
    sns = of(ctx)
    place = arns.topic(ctx, topic_arn or target_arn, "TopicArn" if topic_arn else "TargetArn")
    topic = sns.topic(place)
    if topic is None:
        raise not_found("Topic")
    message = _message(ctx, sns, topic, arns.arn_of(place), request)
    _check_size([message])
    await _send(sns, topic, [message])
    answer = {"MessageId": message.id}
    return {**answer, "SequenceNumber": message.sequence} if message.sequence else answer


async def publish_batch(ctx: Context, request: Request) -> Response:
    """Handle PublishBatch: all messages in one commit; a wrong one fails alone."""
    entries: Sequence[Mapping[str, Any]] = request["PublishBatchRequestEntries"]
    _check_entries(entries)
    sns = of(ctx)
    place = arns.topic(ctx, request.get("TopicArn"))
    topic = sns.topic(place)
    if topic is None:
        raise not_found("Topic")
    size = sum(
        _size(each.get("Message", ""), each.get("MessageAttributes") or {}) for each in entries
    )
    if size > _LONGEST:
        text = "The length of all the messages put together is more than the limit."
        raise AwsError("BatchRequestTooLong", text)
    if topic["attributes"].get("FifoTopic") == "true":
        for entry in entries:
            _check_ordered(topic, entry)
    messages: list[Message] = []
    answer: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            message = _message(ctx, sns, topic, arns.arn_of(place), entry)
        except AwsError as error:
            answer["Failed"].append(
                {
                    "Id": entry["Id"],
                    "Code": error.code,
                    "Message": error.message,
                    "SenderFault": True,
                }
            )
            continue
        messages.append(message)
        done = {"Id": entry["Id"], "MessageId": message.id}
        if message.sequence:
            done["SequenceNumber"] = message.sequence
        answer["Successful"].append(done)
    await _send(sns, topic, messages)
    return answer


def _check_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > _MOST_ENTRIES:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        )
    for entry in entries:
        id = entry["Id"]
        if len(id) > 80:
            text = f"The Id of a batch entry in the batch request is too long: {id}"
            raise AwsError("InvalidBatchEntryId", text)
        if not _ENTRY_ID.fullmatch(id):
            raise AwsError(
                "InvalidBatchEntryId",
                "The Id of a batch entry in the batch request contains an impermissible "
                f"character: {id}",
            )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        )


# -- reading a message ----------------------------------------------------------------------------


def _message(ctx: Context, sns: Sns, topic: Topic, arn: str, request: Mapping[str, Any]) -> Message:
    """Return the message of a request.

    Raises:
        AwsError: It is none that this topic takes.
    """
    bodies, attributes, subject = read(request)
    own = topic["attributes"]
    is_fifo = own.get("FifoTopic") == "true"
    group, deduplication = (_id(request, name) for name in _IDS)
    if is_fifo:
        _check_ordered(topic, request)
        if not deduplication:
            deduplication = hashlib.sha256(request["Message"].encode()).hexdigest()
    elif deduplication:
        raise invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
            "parameter that is not valid for this topic type"
        )
    return Message(
        id=new_request_id(),
        topic=arn,
        bodies=bodies,
        subject=subject,
        attributes=attributes,
        published=ctx.parts.clock.now(),
        group=group,
        deduplication=deduplication,
        sequence=sns.next_sequence() if is_fifo else "",
        trace_id=ctx.trace_id,
    )


def _id(request: Mapping[str, Any], name: str) -> str:
    """Return an identifier of an ordered message; "" for none.

    Raises:
        AwsError: Queues would refuse it: its characters or its length.
    """
    value: str = request.get(name) or ""
    if value and not _ID.fullmatch(value):
        raise invalid(
            f"{name} Reason: {name} can only include alphanumeric and punctuation characters. "
            "1 to 128 in length."
        )
    return value


def _check_ordered(topic: Topic, request: Mapping[str, Any]) -> None:
    """Check what a FIFO topic wants of a message; in a batch, one without it fails all.

    Raises:
        AwsError: InvalidParameter.
    """
    if not request.get("MessageGroupId"):
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    by_content = topic["attributes"].get("ContentBasedDeduplication") == "true"
    if not by_content and not request.get("MessageDeduplicationId"):
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )


def read(
    request: Mapping[str, Any],
) -> tuple[dict[str, str], dict[str, dict[str, Any]], str | None]:
    """Return a message's bodies by protocol, its attributes and its subject.

    Raises:
        AwsError: One of them is none.
    """
    text: str = request.get("Message") or ""
    if not text:
        raise invalid("Empty message")
    subject = request.get("Subject")
    if subject is not None and (
        not 0 < len(subject) <= _SUBJECT or any(ord(c) < 32 or ord(c) == 127 for c in subject)
    ):
        raise invalid("Subject")
    attributes = {
        name: message_attributes.read(name, each)
        for name, each in (request.get("MessageAttributes") or {}).items()
    }
    structure = request.get("MessageStructure")
    if structure is None:
        return {"default": text}, attributes, subject
    if structure != "json":
        raise invalid("MessageStructure")
    try:
        parsed = read_json(text)
    except ValueError as error:
        raise invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return {k: v for k, v in parsed.items() if isinstance(v, str)}, attributes, subject


def _check_size(messages: Sequence[Message]) -> None:
    for message in messages:
        text = max(message.bodies.values(), key=len)
        if _size(text, message.attributes) > _LONGEST:
            raise invalid("Message too long")


def _size(text: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    size = len(text.encode())
    for name, each in attributes.items():
        value = each.get("StringValue") or each.get("BinaryValue") or ""
        size += len(name.encode()) + len(str(each.get("DataType", "")))
        size += len(value.encode() if isinstance(value, str) else value)
    return size


# -- sending --------------------------------------------------------------------------------------


async def _send(sns: Sns, topic: Topic, messages: Sequence[Message]) -> None:
    """Accept messages for all subscribers that want them, in one commit."""
    placed: list[Placed] = []
    taken: set[str] = set()
    for message in messages:
        once = once_of(topic, message)
        if not once or once not in taken:
            placed += await _placed(sns, topic, message, once)
        taken.add(once)
    await sns.parts.targets.send(placed)


async def place(sns: Sns, topic: Topic, message: Message) -> list[Placed]:
    """Return the messages that deliver what another service publishes to a topic."""
    if not message.deduplication and topic["attributes"].get("FifoTopic") == "true":
        body = message.bodies["default"].encode()
        message = replace(message, deduplication=hashlib.sha256(body).hexdigest())
    return await _placed(sns, topic, message, once_of(topic, message))


def once_of(topic: Topic, message: Message) -> str:
    """Return what a message of a FIFO topic is known by for five minutes; "" for others.

    https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
    """
    attributes = topic["attributes"]
    if attributes.get("FifoTopic") != "true":
        return ""
    within = message.group if attributes.get("FifoThroughputScope") == "MessageGroup" else ""
    # A topic that was made anew under the same name has taken nothing yet.
    return "\0".join((message.topic, str(topic["created"]), within, message.deduplication))


async def _placed(sns: Sns, topic: Topic, message: Message, once: str) -> list[Placed]:
    dispatches: list[Dispatch] = []
    if not once:
        dispatches = await dispatches_of(sns, topic, message)
    elif not sns.outbox.remembers(once):
        await archived.keep(sns, topic, [message])
        dispatches = await dispatches_of(sns, topic, message)
    return await sns.outbox.place(dispatches, ordered=bool(once), once=once)


# -- what nobody sends ----------------------------------------------------------------------------


async def _to_phone(ctx: Context, request: Request, phone: str) -> Response:
    if not _PHONE.fullmatch(phone):
        raise invalid(f"PhoneNumber Reason: {phone} is not valid to publish to")
    bodies, _, _ = read(request)
    message_id = new_request_id()
    of(ctx).note_unsent("sms", phone, bodies.get("sms", bodies["default"]), message_id)
    return {"MessageId": message_id}


async def _to_device(ctx: Context, request: Request, arn: str) -> Response:
    sns, place = of(ctx), arns.split(arn, "TargetArn")
    endpoint = sns.endpoints.find(*place)
    if endpoint is None:
        raise invalid("TargetArn Reason: No endpoint found for the target arn specified")
    if endpoint["attributes"].get("Enabled") != "true":
        raise AwsError("EndpointDisabled", "Endpoint is disabled")
    bodies, _, _ = read(request)
    message_id = new_request_id()
    platform = place.name.split("/")[1]
    sns.note_unsent("application", arn, bodies.get(platform, bodies["default"]), message_id)
    return {"MessageId": message_id}
