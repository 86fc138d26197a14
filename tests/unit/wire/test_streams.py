"""Bodies that stream, and the encoding in which SDKs send them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.errors import AwsError
from emulator.wire import aws_chunked, direct
from emulator.wire.streams import ByteStream, as_stream, received
from tests.codecs import codec

S3 = codec("s3")
PUT, GET = S3.operations["PutObject"], S3.operations["GetObject"]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def stream(*chunks: bytes, limit_bytes: int = 100) -> ByteStream:
    return ByteStream(pieces(*chunks), limit_bytes)


def parse_put(body: Any, **headers: str) -> dict[str, Any]:
    texts = {name.replace("_", "-"): text for name, text in headers.items()}
    params = {"Bucket": "b", "Key": "k"}
    return S3.parse(PUT, params=params, query="", headers=texts, body=body)


async def test_a_stream_gives_its_chunks_once_and_counts_them() -> None:
    body = stream(b"ab", b"", b"c")
    assert [chunk async for chunk in body] == [b"ab", b"c"]
    assert body.size_bytes == 3
    assert await body.read() == b""


async def test_a_stream_over_its_limit_is_refused_where_it_passes_it() -> None:
    body = stream(b"x" * 60, b"x" * 40, b"x", limit_bytes=100)
    assert len(await anext(body)) + len(await anext(body)) == 100
    with pytest.raises(AwsError) as caught:
        await anext(body)
    assert (caught.value.code, caught.value.status) == ("EntityTooLarge", 400)


async def test_a_client_that_goes_away_leaves_an_incomplete_body() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"b", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    body = received(b"a", receive)
    assert [await anext(body), await anext(body)] == [b"a", b"b"]
    with pytest.raises(AwsError, match="IncompleteBody"):
        await anext(body)


async def test_the_payload_of_a_streaming_request_is_handed_over_unread() -> None:
    assert S3.streams_request(PUT)
    body = stream(b"a")
    request = parse_put(body, content_length="1")
    assert request["Body"] is body
    assert body.size_bytes == 0
    assert request["ContentLength"] == 1


async def test_a_call_gives_a_stream_too() -> None:
    request = direct.read(S3.model, PUT, {"Bucket": "b", "Key": "k", "Body": b"content"})
    assert await request["Body"].read() == b"content"


def test_only_operations_whose_payload_streams_stream() -> None:
    streaming = {each.name for each in S3.operations.values() if S3.streams_request(each)}
    assert streaming == {"PutObject", "UploadPart", "WriteGetObjectResponse", "PutObjectAnnotation"}
    lambda_ = codec("lambda")
    assert [each for each in lambda_.operations.values() if lambda_.streams_request(each)] == []
    answered = {each.name for each in S3.operations.values() if each.streams_response}
    assert {"GetObject", "GetObjectTorrent", "SelectObjectContent"} <= answered
    assert "ListObjects" not in answered


def test_a_streaming_answer_is_the_iterator_it_was_given() -> None:
    body = pieces(b"a", b"b")
    status, headers, answer = S3.serialise(GET, {"Body": body, "ContentLength": 2}, "id")
    assert (status, answer) == (200, body)
    assert (b"content-length", b"2") in headers
    assert S3.serialise(GET, {"Body": b"ab"}, "id")[2] == b"ab"


CONTENT = bytes(range(256)) * 700


def encoded(content: bytes) -> bytes:
    """Return a body as botocore sends it, its checksum behind it."""
    wrapped = AwsChunkedWrapper(BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32", 65536)
    body: bytes = wrapped.read()
    return body


@given(st.lists(st.integers(1, 5000), max_size=60), st.sampled_from([CONTENT, b"", b"x"]))
def test_a_chunked_body_is_decoded_in_pieces_of_any_size(sizes: list[int], content: bytes) -> None:
    body, decoder, out, at = encoded(content), aws_chunked.Decoder(), b"", 0
    for size in [*sizes, len(body)]:
        out += decoder.feed(body[at : at + size])
        at += size
    decoder.check_end()
    assert out == content
    assert list(decoder.trailers) == ["x-amz-checksum-crc32"]


async def test_a_request_in_chunks_is_read_as_what_it_holds() -> None:
    headers = {
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_decoded_content_length": "179200",
        "content_encoding": "gzip,aws-chunked",
        "content_length": "180000",
    }
    whole = parse_put(encoded(CONTENT), **headers)
    assert whole["Body"] == CONTENT
    assert (whole["ContentLength"], whole["ContentEncoding"]) == (179200, "gzip")
    body = encoded(CONTENT)
    streamed = parse_put(
        stream(body[:7], body[7:90_000], body[90_000:], limit_bytes=10**6), **headers
    )
    assert await streamed["Body"].read() == CONTENT
    assert "ContentEncoding" not in parse_put(b"0\r\n\r\n", content_encoding="aws-chunked")


def test_signed_chunks() -> None:
    signature = b";chunk-signature=" + b"0" * 64
    body = b"3" + signature + b"\r\nabc\r\n0" + signature + b"\r\n\r\n"
    assert aws_chunked.decode(body) == b"abc"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"3\r\nab",
        b"3\r\nabcd\r\n",
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"f" * 17 + b"\r\n",
        b"1" * 20_000,
    ],
)
def test_a_body_that_is_not_in_chunks_is_refused(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        aws_chunked.decode(body)
    assert caught.value.status == 400


async def test_bytes_as_a_stream() -> None:
    body = as_stream(b"abc")
    assert as_stream(body) is body
    assert await body.read() == b"abc"
    assert await as_stream(b"").read() == b""
