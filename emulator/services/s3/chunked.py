"""The content encoding ``aws-chunked``: bodies in chunks, with checksums behind them.

Signatures of chunks are read over: no signature is checked here.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from emulator.services.s3 import errors

#: Bytes of a chunk's head, and of all trailers, at most.
_LONGEST_HEAD = 4096
#: Bytes of a chunk at most: more than any client sends.
_LARGEST_CHUNK = 1 << 30


def is_chunked(headers: Mapping[str, str]) -> bool:
    """Say whether a request's body is encoded so.

    Args:
        headers: By names in lower case.
    """
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or (
        "aws-chunked" in headers.get("content-encoding", "")
    )


class Chunked:
    """Decodes a body.

    Attributes:
        trailers: What came behind the last chunk, by names in lower case; whole once the body has
            been read.
    """

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._held = b""
        self.trailers: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content.

        Raises:
            AwsError: IncompleteBody or InvalidRequest (400).
        """
        while True:
            head = await self._line()
            size = _size(head)
            if size == 0:
                break
            left = size
            while left:
                if not self._held:
                    try:
                        self._held = await self._more()
                    except _Ended:
                        raise errors.invalid(
                            "You did not provide the number of bytes specified by the"
                            " Content-Length HTTP header",
                            code="IncompleteBody",
                        ) from None
                piece, self._held = self._held[:left], self._held[left:]
                left -= len(piece)
                yield piece
            if await self._line():
                raise _malformed()
        await self._read_trailers()

    async def _read_trailers(self) -> None:
        read = 0
        while True:
            line = await self._line()
            read += len(line)
            if not line:
                return
            if read > _LONGEST_HEAD:
                raise _malformed()
            name, _, value = line.partition(b":")
            self.trailers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")

    async def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            if len(self._held) > _LONGEST_HEAD:
                raise _malformed()
            try:
                self._held += await self._more()
            except _Ended:
                line, self._held = self._held, b""
                return line
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    async def _more(self) -> bytes:
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            raise _Ended from None


class _Ended(Exception):
    """The body is over."""


def _size(head: bytes) -> int:
    try:
        size = int(head.partition(b";")[0], 16)
    except ValueError:
        raise _malformed() from None
    if not 0 <= size <= _LARGEST_CHUNK:
        raise _malformed()
    return size


def _malformed() -> Exception:
    return errors.invalid("The request body is not encoded as aws-chunked.", code="InvalidRequest")
