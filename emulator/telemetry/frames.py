"""Messages that a runtime frames within its output, so that a message may hold line feeds.

AWS's runtimes write what they log to the descriptor that ``_LAMBDA_TELEMETRY_LOG_FD`` names. A
frame is a type (4 bytes: 0xa55a00, then format and level), a length (4 bytes), a time in
microseconds (8 bytes; none in type 0xa55a0001), all big-endian, and the message in UTF-8. Source:
``FramedTelemetryLogSink`` of
https://github.com/aws/aws-lambda-python-runtime-interface-client.

Here that descriptor is the standard output itself: frames and plain text keep their order.
"""

from __future__ import annotations

_MAGIC = b"\xa5\x5a\x00"
_UNTIMED = 0x01
#: The last bytes of the types that AWS's runtimes write: the format (2 or 3) and five levels.
_TIMED = frozenset(level << 2 | kind for level in range(7) for kind in (2, 3))
_TYPE_AND_LENGTH = 8
_TIME = 8
#: A longer message is none: something else happened to print the magic bytes.
_LONGEST = 8 * 1024 * 1024


class FrameReader:
    """Separates framed messages from plain text, however the bytes were cut."""

    __slots__ = ("_held", "_wanted")

    def __init__(self) -> None:
        self._held = bytearray()
        #: How many bytes it takes to go on; the held ones are the beginning of a frame.
        self._wanted = 0

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Return the pieces that ``data`` completes: the bytes, and whether they are a message."""
        if not self._held and b"\xa5" not in data:
            return [(data, False)]
        self._held += data
        if len(self._held) < self._wanted and self._may_be_frame():
            return []
        data, self._held, self._wanted = bytes(self._held), bytearray(), 0
        pieces: list[tuple[bytes, bool]] = []
        text = at = 0
        while (found := data.find(b"\xa5", at)) >= 0:
            size = _size(data, found)
            if size is None:
                at = found + 1
                continue
            head, whole = size
            if found + whole > len(data):
                self._held += data[found:]
                self._wanted = whole
                break
            if found > text:
                pieces.append((data[text:found], False))
            pieces.append((data[found + head : found + whole], True))
            text = at = found + whole
        rest = data[text : len(data) - len(self._held)]
        if rest:
            pieces.append((rest, False))
        return pieces

    def _may_be_frame(self) -> bool:
        """Say whether the held bytes can still become a frame: plain text must not be held."""
        return len(self._held) >= _TYPE_AND_LENGTH or _size(bytes(self._held), 0) is not None

    def end(self) -> bytes:
        """Return the bytes of a frame that was never finished."""
        held, self._held, self._wanted = bytes(self._held), bytearray(), 0
        size = _size(held, 0)
        return held if size is None or len(held) < size[0] else held[size[0] :]


def _size(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the length of the header and of the whole frame at ``at``; None: there is none.

    Of a header that is not there as a whole, the length is that of a header.
    """
    start = data[at : at + len(_MAGIC)]
    if not _MAGIC.startswith(start):
        return None
    if len(data) - at < _TYPE_AND_LENGTH:
        kind = data[at + 3 : at + 4]
        if kind and kind[0] != _UNTIMED and kind[0] not in _TIMED:
            return None
        return _TYPE_AND_LENGTH, _TYPE_AND_LENGTH
    kind_byte = data[at + 3]
    if kind_byte != _UNTIMED and kind_byte not in _TIMED:
        return None
    length = int.from_bytes(data[at + 4 : at + _TYPE_AND_LENGTH])
    if length > _LONGEST:
        return None
    head = _TYPE_AND_LENGTH + (0 if kind_byte == _UNTIMED else _TIME)
    return head, head + length
