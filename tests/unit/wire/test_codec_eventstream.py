"""Event streams, against botocore's reader of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

import pytest
from botocore import parsers
from botocore.eventstream import EventStream, EventStreamBuffer
from botocore.exceptions import EventStreamError

from emulator import wire
from emulator.model.errors import AwsError
from emulator.wire import event_stream, model
from tests.codecs import codec
from tests.unit.wire.codec_oracle import Generator, operation_model
from tests.unit.wire.test_codec_round_trip import SERVICES

STREAMS = [
    pytest.param(codec(service, protocol), operation, id=f"{service}-{protocol}-{operation.name}")
    for service, protocol in SERVICES
    for operation in model.load(service).operations.values()
    if operation.event_stream and protocol != "query"
]


class _Raw:
    """A body that botocore reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data

    def close(self) -> None: ...


async def whole(body: Any) -> bytes:
    return b"".join([chunk async for chunk in body])


async def given(*events: Mapping[str, Any] | AwsError) -> AsyncGenerator[Mapping[str, Any], None]:
    for event in events:
        if isinstance(event, AwsError):
            raise event
        yield event


def received(our: wire.ServiceCodec, operation: wire.Operation, data: bytes) -> EventStream:
    """Read a stream as botocore's clients do."""
    shape = operation_model(our.name, our.protocol, operation.name).output_shape
    parser = parsers.create_parser(our.protocol)._event_stream_parser
    member = shape.members[operation.event_stream]
    return EventStream(_Raw(data), member, parser, operation.name)


def messages(data: bytes) -> list[dict[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [{"headers": event.headers, "payload": event.payload} for event in buffer]


def test_there_are_streams_in_several_protocols() -> None:
    names = {parameter.id for parameter in STREAMS}
    assert {
        "lambda-rest-json-InvokeWithResponseStream",
        "kinesis-json-SubscribeToShard",
        "logs-json-StartLiveTail",
        "s3-rest-xml-SelectObjectContent",
    } <= names


@pytest.mark.parametrize(("our", "operation"), STREAMS)
async def test_every_event_reaches_botocore(
    our: wire.ServiceCodec, operation: wire.Operation
) -> None:
    assert operation.streams_response
    assert operation.event_stream is not None
    shape = operation_model(our.name, our.protocol, operation.name).output_shape
    union = shape.members[operation.event_stream]
    sent = [
        {name: Generator(seed, full=seed == 0).structure(member)}
        for name, member in union.members.items()
        if not member.metadata.get("exception")
        for seed in range(2)
    ]
    result = {operation.event_stream: given(*sent)}
    status, headers, body = our.serialise(operation, result, "the-id")
    assert status == 200
    assert (b"content-type", b"application/vnd.amazon.eventstream") in headers
    events = received(our, operation, await whole(body))
    if our.protocol == "json":
        assert events.get_initial_response().payload == b"{}"
    assert list(events) == sent


@pytest.mark.parametrize(("our", "operation"), STREAMS)
async def test_every_error_of_a_stream_reaches_botocore(
    our: wire.ServiceCodec, operation: wire.Operation
) -> None:
    assert operation.event_stream is not None
    shape = operation_model(our.name, our.protocol, operation.name).output_shape
    union = shape.members[operation.event_stream]
    modelled = [name for name, each in union.members.items() if each.metadata.get("exception")]
    for code in [*modelled, "ServiceException"]:
        result = {operation.event_stream: given(AwsError(code, "No."))}
        data = await whole(our.serialise(operation, result, "the-id")[2])
        kind = "exception" if code in modelled else "error"
        assert messages(data)[-1]["headers"][":message-type"] == kind
        events = received(our, operation, data)
        with pytest.raises(EventStreamError, match=rf"\({code}\).*: No\."):
            list(events)


async def test_a_streamed_response_of_lambda_on_the_wire() -> None:
    our = codec("lambda")
    complete = {"ErrorCode": "Unhandled", "ErrorDetails": '{"errorType":"X"}'}
    chunks = [b"", b"hello", bytes(range(256)) * 500]
    events = [{"PayloadChunk": {"Payload": chunk}} for chunk in chunks]
    result = {"EventStream": given(*events, {"InvokeComplete": complete})}
    operation = our.operations["InvokeWithResponseStream"]
    *sent, end = messages(await whole(our.serialise(operation, result, "the-id")[2]))
    assert [event["payload"] for event in sent] == chunks
    assert {event["headers"][":event-type"] for event in sent} == {"PayloadChunk"}
    assert {event["headers"][":content-type"] for event in sent} == {"application/octet-stream"}
    assert end["headers"] == {
        ":message-type": "event",
        ":event-type": "InvokeComplete",
        ":content-type": "application/json",
    }
    assert end["payload"] == b'{"ErrorCode":"Unhandled","ErrorDetails":"{\\"errorType\\":\\"X\\"}"}'


async def test_to_close_the_body_is_to_close_the_events() -> None:
    our, closed = codec("lambda"), []

    async def endless() -> AsyncGenerator[Mapping[str, Any], None]:
        try:
            while True:
                yield {"PayloadChunk": {"Payload": b"x"}}
        finally:
            closed.append(True)

    operation = our.operations["InvokeWithResponseStream"]
    _, _, body = our.serialise(operation, {"EventStream": endless()}, "the-id")
    assert isinstance(body, AsyncGenerator)
    await anext(body)
    await body.aclose()
    assert closed == [True]


def test_headers_of_every_type() -> None:
    values: dict[str, list[Any]] = {
        "boolean": [True, False],
        "integer": [-1, 2**31 - 1],
        "long": [-(2**63), 2**40],
        "blob": [b"", b"\x00\xff"],
        "string": ["", "Zoë ✓"],
    }
    for kind, several in values.items():
        for value in several:
            head = event_stream.encode_header("name", value, kind)
            assert messages(event_stream.encode(head, b"x"))[0]["headers"] == {"name": value}


def test_the_head_of_a_streamed_answer() -> None:
    our = codec("lambda")
    result = {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "ResponseStreamContentType": "text/html",
    }
    operation = our.operations["InvokeWithResponseStream"]
    status, headers, body = our.serialise(operation, result, "the-id")
    assert (status, body) == (200, b"")
    assert headers == [
        (b"x-amzn-requestid", b"the-id"),
        (b"x-amz-executed-version", b"$LATEST"),
        (b"content-type", b"application/vnd.amazon.eventstream"),
    ]
