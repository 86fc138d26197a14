"""The encoding ``aws-chunked``, in which SDKs sign or checksum a body while they send it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from emulator.wire import values
from emulator.wire.streams import ByteStream

#: Longest line with a chunk's size and signature, or with a trailer (bytes).
_LONGEST_LINE = 16 * 1024


def is_encoded(headers: Mapping[str, str]) -> bool:
    """Say whether a request's body is in this encoding.

    Args:
        headers: By names in lower case.
    """
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return True
    return "aws-chunked" in headers.get("content-encoding", "")


def without_encoding(content_encoding: str) -> str:
    """Return a ``Content-Encoding`` without this one, which is not the object's."""
    parts = [part.strip() for part in content_encoding.split(",")]
    return ",".join(part for part in parts if part and part != "aws-chunked")


class Decoder:
    """Takes a body in and gives its content out, in pieces of any size.

    Signatures are not checked.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        #: Bytes that the chunk still has; None between chunks.
        self._left: int | None = None
        self._in_trailers = False
        #: Headers that came after the content, by names in lower case.
        self.trailers: dict[str, str] = {}
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the content that a piece of the body completes.

        Raises:
            AwsError: ``SerializationException``: it is not in this encoding.
        """
        self._buffer += data
        out = bytearray()
        while not self.ended and self._step(out):
            pass
        return bytes(out)

    def _step(self, out: bytearray) -> bool:
        """Take one thing out of the buffer; False if it is not whole yet."""
        if self._left:
            taken = self._buffer[: self._left]
            del self._buffer[: len(taken)]
            self._left -= len(taken)
            out += taken
            return bool(taken)
        line = self._line()
        if line is None:
            return False
        if self._left == 0:
            self._left = None
            if line:
                raise values.malformed("A chunk is longer than it says.")
        elif self._in_trailers:
            name, colon, value = line.partition(b":")
            self.ended = not line
            if colon:
                self.trailers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()
        else:
            self._left = self._size(line)
            if self._left == 0:
                self._left, self._in_trailers = None, True
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise values.malformed("A chunk has no size.")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.rstrip(b"\r")

    @staticmethod
    def _size(line: bytes) -> int:
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise values.malformed("A chunk has no size.")
        return int(digits, 16)

    def check_end(self) -> None:
        """Check that the body was whole.

        Raises:
            AwsError: ``SerializationException``: its last chunk is missing.
        """
        if not (self.ended or self._in_trailers):
            raise values.malformed("The last chunk is missing.")


class DecodedBytes(bytes):
    """The content of a body that was there whole.

    Attributes:
        trailers: The headers behind it, by names in lower case.
    """

    trailers: Mapping[str, str]


class DecodedStream(ByteStream):
    """The content of a body that is read as it comes.

    Args:
        body: The body.
    """

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._decoder = Decoder()
        super().__init__(self._decoded(body))

    @property
    def trailers(self) -> Mapping[str, str]:
        """Return the headers behind it, by names in lower case; whole once it has been read."""
        return self._decoder.trailers

    async def _decoded(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in body:
            yield self._decoder.feed(chunk)
        self._decoder.check_end()


def decode(body: Any) -> DecodedBytes | DecodedStream:
    """Return the content of a body: of bytes as bytes, of a stream as a stream."""
    if not isinstance(body, bytes):
        return DecodedStream(body)
    decoder = Decoder()
    content = DecodedBytes(decoder.feed(body))
    decoder.check_end()
    content.trailers = decoder.trailers
    return content
