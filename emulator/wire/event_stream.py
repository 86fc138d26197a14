"""Event streams (``application/vnd.amazon.eventstream``), outgoing, as the models describe them.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from emulator.model.errors import AwsError, LocalfaasError
from emulator.wire import values
from emulator.wire.messages import Body
from emulator.wire.model import ServiceModel, Shape

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct("!II")
_CHECKSUM = struct.Struct("!I")
#: Type bytes of header values.
_TRUE, _FALSE, _INTEGER, _LONG, _BYTES, _STRING, _TIMESTAMP = 0, 1, 4, 5, 6, 7, 8

#: One event: a member of the union and its value.
Event = Mapping[str, Any]


def encode(head: bytes, payload: bytes) -> bytes:
    """Frame one message.

    Args:
        head: The encoded headers; see :func:`encode_header`.
        payload: The message's content.
    """
    # Prelude, its checksum, headers, payload, checksum of all.
    prelude = _PRELUDE.pack(16 + len(head) + len(payload), len(head))
    prelude += _CHECKSUM.pack(zlib.crc32(prelude))
    checksum = zlib.crc32(payload, zlib.crc32(head, zlib.crc32(prelude)))
    return b"".join((prelude, head, payload, _CHECKSUM.pack(checksum)))


def encode_header(name: str, value: Any, kind: str = "string") -> bytes:
    """Encode one header.

    Args:
        name: At most 255 bytes.
        value: Text and bytes of at most 65,535 bytes; longer ones are cut off.
        kind: The type of its shape.
    """
    key = name.encode()
    start = struct.pack("!B", len(key)) + key
    match kind:
        case "boolean":
            return start + bytes([_TRUE if value else _FALSE])
        case "integer":
            return start + struct.pack("!Bi", _INTEGER, value)
        case "long":
            return start + struct.pack("!Bq", _LONG, value)
        case "timestamp":
            return start + struct.pack("!Bq", _TIMESTAMP, round(values.epoch(value) * 1000))
        case "blob":
            content = bytes(value)[:0xFFFF]
            return start + struct.pack("!BH", _BYTES, len(content)) + content
        case _:
            content = str(value).encode("utf-8", "replace")[:0xFFFF]
            return start + struct.pack("!BH", _STRING, len(content)) + content


class EventWriter:
    """Writes the events of one stream.

    Args:
        name: The union of the stream's events.
        body: The format of events that are structures.
    """

    def __init__(self, model: ServiceModel, name: str, body: Body) -> None:
        self._model = model
        self._body = body
        self._writers: dict[str, Callable[[Any], bytes]] = {}
        #: Errors that the stream may end with: their members by shape.
        self._exceptions: dict[str, str] = {}
        for member, reference in model.shapes[name]["members"].items():
            if model.shapes[reference["shape"]].get("exception"):
                self._exceptions[reference["shape"]] = member
            else:
                self._writers[member] = self._compile(member, reference["shape"])

    def _compile(self, member: str, name: str) -> Callable[[Any], bytes]:
        shape = self._model.shapes[name]
        located = [
            (each, self._model.shapes[reference["shape"]]["type"])
            for each, reference in shape["members"].items()
            if reference.get("eventheader")
        ]
        write, content_type = self._payload(shape, name, {each for each, _ in located})
        fixed = encode_header(":message-type", "event") + encode_header(":event-type", member)
        if content_type:
            fixed += encode_header(":content-type", content_type)

        def event(value: Mapping[str, Any]) -> bytes:
            head = fixed
            for each, kind in located:
                if value.get(each) is not None:
                    head += encode_header(each, value[each], kind)
            return encode(head, write(value))

        return event

    def _payload(
        self, shape: Shape, name: str, located: set[str]
    ) -> tuple[Callable[[Mapping[str, Any]], bytes], str]:
        """Return how an event's payload is written, and its content type."""
        members = shape["members"]
        payload = next((each for each in members if members[each].get("eventpayload")), None)
        if payload is None:
            rest = [each for each in members if each not in located]
            if not rest:
                return (lambda value: b""), ""
            return self._body.members_writer(shape, rest, name), self._body.event_content_type
        kind = self._model.shapes[members[payload]["shape"]]["type"]
        if kind == "blob":
            return (lambda value: bytes(value.get(payload) or b"")), "application/octet-stream"
        if kind == "string":
            return (lambda value: (value.get(payload) or "").encode()), "text/plain"
        write = self._body.writer(members[payload])
        return (lambda value: write(value.get(payload) or {})), self._body.event_content_type

    def event(self, event: Event) -> bytes:
        """Return the message of one event."""
        ((member, value),) = event.items()
        return self._writers[member](value)

    def exception(self, error: AwsError) -> bytes:
        """Return the message of an error that ends the stream."""
        name = self._model.error_names.get(error.code, error.code)
        if name not in self._exceptions:
            head = encode_header(":message-type", "error")
            head += encode_header(":error-code", error.code)
            return encode(head + encode_header(":error-message", error.message), b"")
        shape = self._model.shapes[name]
        message = "Message" if "Message" in shape["members"] else "message"
        fields = {key: value for key, value in error.fields.items() if key in shape["members"]}
        if message in shape["members"]:
            fields[message] = error.message
        head = encode_header(":message-type", "exception")
        head += encode_header(":exception-type", self._exceptions[name])
        head += encode_header(":content-type", self._body.event_content_type)
        return encode(head, self._body.members_writer(shape, fields, name)(fields))

    async def stream(
        self, events: AsyncIterator[Event], first: bytes = b""
    ) -> AsyncGenerator[bytes, None]:
        """Yield the messages of a stream as its events come; an error of ours is its last message.

        Closing this closes ``events``.

        Args:
            events: The events.
            first: A message that comes before them.
        """
        if first:
            yield first
        if not isinstance(events, AsyncGenerator):
            events = _as_generator(events)
        async with aclosing(events):
            try:
                async for event in events:
                    yield self.event(event)
            except AwsError as error:
                yield self.exception(error)
            except LocalfaasError as error:
                yield self.exception(AwsError("InternalFailure", str(error), status=500))


async def _as_generator(events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
    async for event in events:
        yield event


def initial_response(content: bytes, content_type: str) -> bytes:
    """Return the first message in the RPC protocols: the members beside the stream."""
    head = encode_header(":message-type", "event") + encode_header(
        ":event-type", "initial-response"
    )
    return encode(head + encode_header(":content-type", content_type), content)
