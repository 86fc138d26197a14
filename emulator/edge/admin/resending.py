"""Sends events again as their callers do, for ``localfaas check --twice``.

Asynchronously, but for what comes of queues and streams: its messages go to the queue, its records
to the stream, of a mapping that feeds the function. A group of a FIFO queue, and a stream, get the
parts that several events have of it in their order, each once the one before is over.
"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from emulator.invoke.twice import Round, Send
from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.model.ids import new_request_id, new_trace_root
from emulator.model.invocation import Invocation
from emulator.services.context import Parts
from emulator.services.dynamodb.state import Dynamodb

#: Messages that are sent at once, and records.
_MESSAGES, _RECORDS = 10, 500
#: The group of messages for a FIFO queue that were of none.
_GROUP = "check"


class _Feed(NamedTuple):
    """A mapping that feeds the function."""

    arn: str
    batch_size: int
    window_s: float

    @property
    def service(self) -> str:
        return self.arn.split(":")[2]

    @property
    def is_ordered(self) -> bool:
        return self.service != "sqs" or self.arn.endswith(".fifo")

    @property
    def shown(self) -> str:
        """What people know it by."""
        path = self.arn.split(":")[5]
        return path if self.service == "sqs" else "/".join(path.split("/")[:2])


class Sender:
    """Sends events to a function.

    Args:
        parts: The emulator's.
        version: The function.
        qualifier: The one it is called by.
        events: The events, as JSON.

    Attributes:
        sent: How many events went where.
    """

    def __init__(
        self, parts: Parts, version: FunctionVersion, qualifier: str, events: Sequence[bytes]
    ) -> None:
        self._parts, self._version, self._events = parts, version, events
        self._qualifier = qualifier
        self._feeds = _feeding(parts, version)
        self.sent: Counter[str] = Counter()

    def rounds(self) -> list[Round]:
        """Return what sends all events."""
        free: list[Send] = []
        #: What follows each other, by the group or stream that it belongs to.
        lines: defaultdict[tuple[str, ...], list[Send]] = defaultdict(list)
        for number, event in enumerate(self._events):
            records = _records(event)
            feed = self._feed_of(records)
            self.sent["asynchronous" if feed is None else feed.shown] += 1
            if feed is None:
                free.append(partial(self._submit, number, event))
            elif not feed.is_ordered:
                free.append(partial(self._send_messages, number, feed, records))
            elif feed.service == "sqs":
                for group, messages in _by_group(records).items():
                    size = min(feed.batch_size, _MESSAGES)
                    lines[feed.arn, group] += [
                        partial(self._send_group, number, feed, group, part)
                        for part in _parts_of(messages, size)
                    ]
            else:
                put = self._put_records if feed.service == "kinesis" else self._repeat_changes
                lines[(feed.arn,)] += [
                    partial(put, number, feed, part) for part in _parts_of(records, _RECORDS)
                ]
        window_s = max((each.window_s for each in self._feeds), default=0.0)
        rounds = [Round(free, window_s=window_s)] if free else []
        for at in range(max(map(len, lines.values()), default=0)):
            sends = [line[at] for line in lines.values() if at < len(line)]
            rounds.append(Round(sends, ordered=True, window_s=window_s))
        return rounds

    def _feed_of(self, records: Sequence[dict[str, Any]]) -> _Feed | None:
        """Return what feeds the function with such records: where they came from, or another."""
        if not records:
            return None
        service = str(records[0]["eventSource"]).removeprefix("aws:")
        fitting = [each for each in self._feeds if each.service == service]
        told = str(records[0].get("eventSourceARN"))
        same = [each for each in fitting if each.arn == told or each.arn.startswith(f"{told}/")]
        return next(iter(same or fitting), None)

    async def _submit(self, number: int, event: bytes) -> dict[str, int]:
        version, request_id = self._version, new_request_id()
        invocation = Invocation(
            request_id=request_id,
            payload=event,
            invoked_arn=version.function_arn,
            trace_id=new_trace_root(self._parts.clock.now()),
        )
        await self._parts.asynchronous.submit(
            version.account, version.region, version.name, self._qualifier, invocation
        )
        return {request_id: number}

    # --- queues --------------------------------------------------------------------------------

    async def _send_messages(
        self, number: int, feed: _Feed, records: Sequence[dict[str, Any]]
    ) -> dict[str, int]:
        sent = {}
        for record in records:
            answer = await self._call(
                feed, "SendMessage", {**self._queue(feed), **_message(record)}
            )
            sent[str(answer["MessageId"])] = number
        return sent

    async def _send_group(
        self, number: int, feed: _Feed, group: str, records: Sequence[dict[str, Any]]
    ) -> dict[str, int]:
        """Send messages of one group, which come at once, as a batch."""
        entries = [
            {
                "Id": str(at),
                "MessageGroupId": group,
                # Its own: what came a moment ago is to come again.
                "MessageDeduplicationId": new_request_id(),
                **_message(record),
            }
            for at, record in enumerate(records)
        ]
        request = {**self._queue(feed), "Entries": entries}
        answer = await self._call(feed, "SendMessageBatch", request)
        for each in answer.get("Failed") or ():
            raise AwsError(each["Code"], each.get("Message", ""))
        return {str(each["MessageId"]): number for each in answer["Successful"]}

    def _queue(self, feed: _Feed) -> dict[str, str]:
        account, name = feed.arn.split(":")[4:6]
        return {"QueueUrl": f"{self._parts.table.endpoint}/{account}/{name}"}

    async def _call(self, feed: _Feed, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        _, _, service, region, account, _ = feed.arn.split(":", 5)
        answer: dict[str, Any] = await self._parts.table.call(
            service, operation, request, account=account, region=region
        )
        return answer

    # --- streams -------------------------------------------------------------------------------

    async def _put_records(
        self, number: int, feed: _Feed, records: Sequence[dict[str, Any]]
    ) -> dict[str, int]:
        given = [each["kinesis"] for each in records]
        try:
            entries = [
                {"Data": b64decode(each["data"]), "PartitionKey": str(each["partitionKey"])}
                for each in given
            ]
        except (KeyError, TypeError, ValueError) as error:
            what = f"a record of Kinesis has data (base64) and partitionKey: {error!r}"
            raise _bad(number, what) from error
        name = feed.arn.split("/")[1]
        answer = await self._call(feed, "PutRecords", {"StreamName": name, "Records": entries})
        for each in answer["Records"]:
            if each.get("ErrorCode"):
                raise AwsError(each["ErrorCode"], each.get("ErrorMessage", ""))
        return {f"{each['ShardId']}:{each['SequenceNumber']}": number for each in answer["Records"]}

    async def _repeat_changes(
        self, number: int, feed: _Feed, records: Sequence[dict[str, Any]]
    ) -> dict[str, int]:
        """Tell of changes in the stream of a table, whose items stay as they are."""
        for each in records:
            if not isinstance(each["dynamodb"], dict) or not each["dynamodb"].get("Keys"):
                raise _bad(number, "a record of a table has dynamodb.Keys")
        dynamodb: Dynamodb = await self._parts.table.state("dynamodb")
        stream = await dynamodb.find_stream(feed.arn)
        if stream is None or stream.ended is not None:
            raise AwsError("ResourceNotFoundException", f"Stream not found: {feed.arn}")
        return dict.fromkeys(await dynamodb.repeat(stream, records), number)


def _bad(number: int, what: str) -> AwsError:
    return AwsError("InvalidParameterValueException", f"event {number + 1}: {what}")


def _feeding(parts: Parts, version: FunctionVersion) -> list[_Feed]:
    """Return the queues and streams that feed a function."""
    return [
        _Feed(
            mapping["EventSourceArn"],
            int(mapping.get("BatchSize") or 1),
            float(mapping.get("MaximumBatchingWindowInSeconds") or 0),
        )
        for _, _, _, mapping in parts.registry.mappings.all()
        if mapping["Enabled"]
        and ":".join(mapping["FunctionArn"].split(":")[:7]) == version.function_arn
        and mapping.get("EventSourceArn", "").split(":")[2:3][0] in ("sqs", "kinesis", "dynamodb")
    ]


def _records(event: bytes) -> list[dict[str, Any]]:
    """Return the records that an event of one queue or stream has; none for another event."""
    try:
        records = orjson.loads(event)["Records"]
        source = records[0]["eventSource"]
        member = {"aws:sqs": "body", "aws:kinesis": "kinesis", "aws:dynamodb": "dynamodb"}[source]
        well = all(each["eventSource"] == source and each[member] for each in records)
    except (KeyError, TypeError, IndexError):
        return []
    return list(records) if well else []


def _by_group(records: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return messages by their group, each group's in their order."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in records:
        attributes = each.get("attributes") or {}
        found[str(attributes.get("MessageGroupId") or _GROUP)].append(each)
    return found


def _parts_of(records: Sequence[dict[str, Any]], size: int) -> list[Sequence[dict[str, Any]]]:
    return [records[at : at + size] for at in range(0, len(records), size)]


def _message(record: dict[str, Any]) -> dict[str, Any]:
    """Return a message as it is sent."""
    attributes = {
        name: {
            "DataType": value.get("dataType", "String"),
            "StringValue": value.get("stringValue", ""),
        }
        for name, value in (record.get("messageAttributes") or {}).items()
        if value.get("stringValue") is not None
    }
    return {
        "MessageBody": str(record["body"]),
        **({"MessageAttributes": attributes} if attributes else {}),
    }
