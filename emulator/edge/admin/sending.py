"""The admin API's way to send events: to topics and buses, of buckets, of schedules."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.model.errors import AwsError
from emulator.services.context import Parts
from emulator.services.s3.state import S3
from emulator.services.scheduler.keys import DEFAULT_GROUP, Key
from emulator.services.scheduler.state import Scheduler
from emulator.services.scheduler.timing import Due

T = TypeVar("T")


class Scope(BaseModel):
    """Whose resource it is."""

    account: str | None = None
    region: str | None = None


class Message(Scope):
    """A message for a topic."""

    #: A name or an ARN.
    topic: str
    message: str
    subject: str | None = None
    #: Texts by name.
    attributes: dict[str, str] = {}
    #: Of FIFO topics.
    group: str | None = None
    deduplication_id: str | None = None


class BusEvent(Scope):
    """An event for a bus."""

    #: JSON text.
    detail: str
    detail_type: str
    source: str
    #: A name or an ARN.
    bus: str = "default"
    resources: list[str] = []


class Upload(Scope):
    """An object of a bucket."""

    bucket: str
    key: str
    #: Base64; None tells anew of the object that is there.
    content: str | None = None


class Firing(Scope):
    """A schedule."""

    name: str
    group: str = DEFAULT_GROUP


class Sent(BaseModel):
    """What was sent."""

    #: What the service calls it: a message's, an event's or an execution's id, or a key.
    id: str


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""
    refusals: dict[int | str, dict[str, Any]] = {400: {}, 404: {}}

    @app.post(f"{PREFIX}/send/sns", summary="Publish a message", responses=refusals)
    async def sns(body: Message) -> Sent:
        """Publish to a topic, as Publish does."""
        return await _publish(parts, body)

    @app.post(f"{PREFIX}/send/events", summary="Put an event on a bus", responses=refusals)
    async def events(body: BusEvent) -> Sent:
        """Put an event on a bus, as PutEvents does."""
        return await _put_event(parts, body)

    @app.post(f"{PREFIX}/send/s3", summary="Put an object, or tell of it anew", responses=refusals)
    async def s3(body: Upload) -> Sent:
        """Put an object; without content, tell of the one that is there as if it had just come."""
        return await _upload(parts, body)

    @app.post(f"{PREFIX}/send/schedule", summary="Fire a schedule now", responses=refusals)
    async def schedule(body: Firing) -> Sent:
        """Call a schedule's target now, whatever its time and whether it is enabled or not."""
        return await _fire(parts, body)


async def _publish(parts: Parts, body: Message) -> Sent:
    account, region = _scope(parts, body)
    topic = body.topic
    if not topic.startswith("arn:"):
        topic = f"arn:aws:sns:{region}:{account}:{topic}"
    request = {
        "TopicArn": topic,
        "Message": body.message,
        "Subject": body.subject,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in body.attributes.items()
        },
        "MessageGroupId": body.group,
        "MessageDeduplicationId": body.deduplication_id,
    }
    given = {name: value for name, value in request.items() if value}
    answer = await _refused(
        parts.table.call("sns", "Publish", given, account=account, region=region)
    )
    return Sent(id=answer["MessageId"])


async def _put_event(parts: Parts, body: BusEvent) -> Sent:
    account, region = _scope(parts, body)
    entry = {
        "Detail": body.detail,
        "DetailType": body.detail_type,
        "Source": body.source,
        "EventBusName": body.bus,
        "Resources": body.resources,
    }
    request = {"Entries": [entry]}
    answer = await _refused(
        parts.table.call("events", "PutEvents", request, account=account, region=region)
    )
    (entry,) = answer["Entries"]
    if entry.get("ErrorCode"):
        raise HTTPException(400, f"{entry['ErrorCode']}: {entry.get('ErrorMessage')}")
    return Sent(id=str(entry["EventId"]))


async def _upload(parts: Parts, body: Upload) -> Sent:
    account, region = _scope(parts, body)
    if body.content is None:
        state: S3 = await parts.table.state("s3")
        if not await _refused(state.tell_again(body.bucket, body.key, account)):
            raise HTTPException(404, f"There is no object {body.key} in {body.bucket}.")
        return Sent(id=body.key)
    try:
        content = b64decode(body.content, validate=True)
    except Base64Error as error:
        raise HTTPException(400, "The content is no base64.") from error
    request = {"Bucket": body.bucket, "Key": body.key, "Body": content}
    await _refused(parts.table.call("s3", "PutObject", request, account=account, region=region))
    return Sent(id=body.key)


async def _fire(parts: Parts, body: Firing) -> Sent:
    account, region = _scope(parts, body)
    state: Scheduler = await parts.table.state("scheduler")
    key = Key(account, region, body.group, body.name)
    found = state.find(key)
    if found is None:
        raise HTTPException(404, f"There is no schedule {body.name} in {body.group}.")
    now = parts.clock.now()
    return Sent(id=await state.firing.fire(key, found, Due(now, now)))


def _scope(parts: Parts, scope: Scope) -> tuple[str, str]:
    return scope.account or parts.table.account, scope.region or parts.table.region


async def _refused(work: Awaitable[T]) -> T:
    """Do something; what AWS would refuse is a 400 or a 404."""
    try:
        return await work
    except AwsError as error:
        raise HTTPException(404 if error.status == 404 else 400, str(error)) from error
    except LookupError as error:
        raise HTTPException(400, str(error)) from error
