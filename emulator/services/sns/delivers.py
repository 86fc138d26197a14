"""Events for the ARN of a topic: each is published there."""

from __future__ import annotations

from emulator.invoke.targets import Delivery, Placed
from emulator.model.ids import new_request_id
from emulator.services.context import Parts
from emulator.services.sns import arns
from emulator.services.sns.envelope import Message
from emulator.services.sns.errors import not_found
from emulator.services.sns.publishing import place as place_message
from emulator.services.sns.state import Sns


async def place(parts: Parts, sns: Sns, arn: str, delivery: Delivery) -> list[Placed]:
    """Return the messages that publish an event to all subscribers that want it.

    Raises:
        AwsError: There is no such topic.
    """
    topic = sns.topic(arns.split(arn, "TopicArn"))
    if topic is None:
        raise not_found("Topic")
    message = Message(
        id=new_request_id(),
        topic=arn,
        bodies={"default": delivery.payload.decode("utf-8", "replace")},
        attributes=delivery.attributes,
        published=parts.clock.now(),
        group=delivery.group_id,
        deduplication=delivery.deduplication_id,
        sequence=sns.next_sequence() if topic["attributes"].get("FifoTopic") == "true" else "",
        trace_id=delivery.trace_id,
        subject=delivery.subject or None,
    )
    return await place_message(sns, topic, message)
