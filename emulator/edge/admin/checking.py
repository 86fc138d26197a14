"""The admin API's way to check whether a function's calls know of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.invoke import statelessness
from emulator.invoke.probing import Probe
from emulator.invoke.twice import Twice
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.ids import new_request_id, new_trace_root
from emulator.model.invocation import Invocation
from emulator.services.context import Parts

#: Events of one check: each is called ten times or so.
_MOST = 50


class FindingView(BaseModel):
    """Something that a call leaves to the next."""

    #: "leak" or "note".
    severity: str
    what: str


class CheckView(BaseModel):
    """What a check has found."""

    function: str
    version: str
    events: int
    #: Whether more than the answers was looked at.
    looks_inside: bool
    findings: list[FindingView]
    #: Where events were delivered twice ("asynchronous", or a queue's name), and how many.
    delivered_twice: dict[str, int]


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.post(
        f"{PREFIX}/check",
        summary="See what leaks from call to call",
        responses={400: {}, 404: {}, 409: {}},
    )
    async def check(
        request: Request,
        function: str,
        qualifier: str = LATEST,
        account: str | None = None,
        region: str | None = None,
        twice: bool = False,
        seed: int = 0,
    ) -> CheckView:
        """Call a function with the events of the body, a JSON array, and compare.

        In fresh environments, in one that is reused, and in one in which what calls leave is
        spoiled; with ``twice``, each event is delivered twice as well, out of order: as an
        asynchronous event, and its messages by the standard queue that feeds the function, where
        one does. The calls are real, and so are their effects.
        """
        events = _events(await request.body())
        try:
            version = parts.registry.resolve(
                account or parts.table.account, region or parts.table.region, function, qualifier
            )
            probe = Probe(parts.pools, version, events)
            sender = _Sender(parts, version, qualifier, events)
            deliveries = None
            if twice:
                deliveries = Twice(probe, parts.functions, version, sender.send, parts.clock, seed)
            found = await statelessness.check(probe, deliveries)
        except AwsError as error:
            status = 404 if error.code == "ResourceNotFoundException" else 409
            raise HTTPException(status, error.message) from error
        except (ConfigurationError, DriverFault) as error:
            raise HTTPException(409, str(error)) from error
        return CheckView(
            function=version.name,
            version=version.version,
            events=len(events),
            looks_inside=probe.looks_inside,
            findings=[FindingView(severity=each.severity, what=each.what) for each in found],
            delivered_twice=dict(sender.sent),
        )


def _events(body: bytes) -> list[bytes]:
    try:
        events = orjson.loads(body or b"[{}]")
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the events are not valid JSON: {error}") from error
    if not isinstance(events, list) or not 1 <= len(events) <= _MOST:
        raise HTTPException(400, f"the events are a JSON array of 1 to {_MOST}")
    return [orjson.dumps(event) for event in events]


class _Sender:
    """Sends events to a function as its callers do: asynchronously, or by the queue that feeds it.

    Attributes:
        sent: How many events went where.
    """

    def __init__(
        self, parts: Parts, version: FunctionVersion, qualifier: str, events: Sequence[bytes]
    ) -> None:
        self._parts, self._version, self._events = parts, version, events
        self._qualifier = qualifier
        self._queues = _feeding(parts, version)
        self.sent: Counter[str] = Counter()

    async def send(self, number: int) -> set[str]:
        """Send an event; returns the ids by which its deliveries are known."""
        event = self._events[number]
        records = _messages(event)
        if not records or not self._queues:
            self.sent["asynchronous"] += 1
            return {await self._submit(event)}
        told = records[0].get("eventSourceARN")
        queue = told if told in self._queues else self._queues[0]
        self.sent[queue.rpartition(":")[2]] += 1
        return {await self._send_message(queue, record) for record in records}

    async def _submit(self, event: bytes) -> str:
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
        return request_id

    async def _send_message(self, queue: str, record: dict[str, Any]) -> str:
        _, _, _, region, account, name = queue.split(":")
        attributes = {
            name: {
                "DataType": value.get("dataType", "String"),
                "StringValue": value.get("stringValue", ""),
            }
            for name, value in (record.get("messageAttributes") or {}).items()
            if value.get("stringValue") is not None
        }
        request = {
            "QueueUrl": f"{self._parts.table.endpoint}/{account}/{name}",
            "MessageBody": str(record["body"]),
            **({"MessageAttributes": attributes} if attributes else {}),
        }
        answer = await self._parts.table.call(
            "sqs", "SendMessage", request, account=account, region=region
        )
        return str(answer["MessageId"])


def _feeding(parts: Parts, version: FunctionVersion) -> list[str]:
    """Return the ARNs of the standard queues that feed a function."""
    return [
        mapping["EventSourceArn"]
        for _, _, _, mapping in parts.registry.mappings.all()
        if mapping["Enabled"]
        and ":".join(mapping["FunctionArn"].split(":")[:7]) == version.function_arn
        and ":sqs:" in mapping.get("EventSourceArn", "")
        and not mapping["EventSourceArn"].endswith(".fifo")
    ]


def _messages(event: bytes) -> list[dict[str, Any]]:
    """Return the messages that an event of a queue has; none for another event."""
    try:
        records = orjson.loads(event)["Records"]
        well = records and all(
            each["eventSource"] == "aws:sqs" and isinstance(each["body"], str) for each in records
        )
    except (KeyError, TypeError, IndexError):
        return []
    return list(records) if well else []
