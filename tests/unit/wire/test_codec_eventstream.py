"""Streamed answers, against botocore's reader of event streams."""

from __future__ import annotations

from typing import Any

from botocore.eventstream import EventStreamBuffer

from emulator.wire import event_stream as eventstream
from tests.codecs import codec


def read(data: bytes) -> list[dict[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [{"headers": event.headers, "payload": event.payload} for event in buffer]


def test_a_stream_of_chunks_and_its_end() -> None:
    chunks = [b"", b"hello", bytes(range(256)) * 500]
    stream = b"".join(map(eventstream.payload_chunk, chunks)) + eventstream.invoke_complete(
        error_code="Unhandled", error_details='{"errorType":"X"}'
    )
    *events, end = read(stream)
    assert [event["payload"] for event in events] == chunks
    assert {event["headers"][":event-type"] for event in events} == {"PayloadChunk"}
    assert end["headers"] == {
        ":message-type": "event",
        ":event-type": "InvokeComplete",
        ":content-type": "application/json",
    }
    assert end["payload"] == b'{"ErrorCode":"Unhandled","ErrorDetails":"{\\"errorType\\":\\"X\\"}"}'


def test_an_exception() -> None:
    (event,) = read(eventstream.exception("ServiceException", "No."))
    assert event["headers"][":message-type"] == "exception"
    assert event["headers"][":exception-type"] == "ServiceException"
    assert event["payload"] == b'{"message":"No."}'


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
