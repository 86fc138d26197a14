"""Request bodies that are read as they come: bounded in bytes, never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from emulator.model.errors import AwsError

#: The largest object that one request may bring (bytes):
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
LARGEST = 5 * 1024**3


class ByteStream:
    """The bytes of one body, chunk by chunk, once.

    Args:
        chunks: Where they come from.
        limit_bytes: A body with more is refused.
    """

    def __init__(self, chunks: AsyncIterator[bytes], limit_bytes: int = LARGEST) -> None:
        self._chunks = chunks
        self._limit_bytes = limit_bytes
        #: How many have been read.
        self.size_bytes = 0

    def __aiter__(self) -> ByteStream:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk; never an empty one.

        Raises:
            AwsError: ``EntityTooLarge`` (400): the body is over the limit; ``IncompleteBody``
                (400): the client has gone.
        """
        chunk = await anext(self._chunks)
        while not chunk:
            chunk = await anext(self._chunks)
        self.size_bytes += len(chunk)
        if self.size_bytes > self._limit_bytes:
            raise AwsError(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                status=400,
                ProposedSize=self.size_bytes,
                MaxSizeAllowed=self._limit_bytes,
            )
        return chunk

    async def read(self) -> bytes:
        """Return the rest of the body."""
        return b"".join([chunk async for chunk in self])


def as_stream(value: Any) -> ByteStream:
    """Return bytes as a stream; a stream as it is."""
    return value if isinstance(value, ByteStream) else ByteStream(_once(bytes(value)))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def received(
    first: bytes, receive: Callable[[], Awaitable[Any]], limit_bytes: int = LARGEST
) -> ByteStream:
    """Return the body of an HTTP request whose first part has come.

    Args:
        first: The part that has come.
        receive: ASGI's, for the messages after the first.
        limit_bytes: The most bytes of the whole body.
    """
    return ByteStream(_messages(first, receive), limit_bytes)


async def _messages(first: bytes, receive: Callable[[], Awaitable[Any]]) -> AsyncIterator[bytes]:
    yield first
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise AwsError(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP "
                "header",
                status=400,
            )
        more = message.get("more_body", False)
        yield message.get("body", b"")
